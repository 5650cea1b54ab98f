"""Holds a tree against the limits of the vocabulary, without recursion, before any stage that recurses."""

from __future__ import annotations

from rulegate.condition import vocabulary
from rulegate.condition.messages import size
from rulegate.condition.nodes import Compare, Constant, Display, Generator, Node, children
from rulegate.diagnostics import Diagnostic, Source


def out_of_bounds(source: Source, root: Node) -> list[Diagnostic]:
    """One diagnostic for each place that breaks a bound; where the tree is too deep, the first place only."""
    faults: list[Diagnostic] = []
    count = 0
    too_deep = False
    generators = 0
    pending = [(root, 1, 0)]
    while pending:
        node, depth, nested = pending.pop()
        count += 1
        if isinstance(node, Generator):
            generators += 1
            nested += 1
            if nested == vocabulary.MAX_GENERATOR_DEPTH + 1:
                faults.append(size.generator_too_deep(source, node.span))
        if depth > vocabulary.MAX_DEPTH:
            if not too_deep:
                faults.append(size.too_deep(source, node.span))
            too_deep = True
            continue
        faults.extend(_own_faults(source, node))
        inner = children(node)
        if isinstance(node, Display) and all(isinstance(element, Constant) for element in inner):
            # A collection of literals is one part: it is made once, when the condition is compiled.
            for element in inner:
                faults.extend(_own_faults(source, element))
        else:
            pending.extend((child, depth + 1, nested) for child in inner)
    if count > vocabulary.MAX_NODES:
        faults.append(size.too_many_nodes(source, root.span, count))
    if generators > vocabulary.MAX_GENERATORS:
        faults.append(size.too_many_generators(source, root.span, generators))
    return faults


def _own_faults(source: Source, node: Node) -> list[Diagnostic]:
    """What breaks a bound in the node itself, its parts aside."""
    match node:
        case Constant(value=str(text)) if len(text) > vocabulary.MAX_TEXT_LENGTH:
            return [size.text_too_long(source, node.span, len(text))]
        case Compare(comparators=comparators) if len(comparators) > vocabulary.MAX_CHAIN:
            return [size.chain_too_long(source, node.span, len(comparators))]
        case Display(elements=elements) if len(elements) > vocabulary.MAX_COLLECTION:
            return [size.collection_too_large(source, node.span, len(elements))]
        case _:
            return []
