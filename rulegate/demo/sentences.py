"""The demo's labelled sentences: what its models learn from and what they are measured on."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources

DOMAIN_TOPICS = frozenset({"contract law", "clinical", "finance", "incidents"})
"""Topics in the words of a trade; every other topic is what anybody might write about."""

_HELD_OUT_EVERY = 5


@dataclass(frozen=True, slots=True)
class Sentence:
    """One labelled sentence. ``label`` is ``positive`` or ``negative``."""

    text: str
    label: str
    topic: str

    @property
    def is_domain(self) -> bool:
        """Whether the sentence is in the words of a trade."""
        return self.topic in DOMAIN_TOPICS


@dataclass(frozen=True, slots=True)
class Split:
    """Sentences to learn from and, apart from them, sentences to measure on."""

    train: tuple[Sentence, ...]
    held_out: tuple[Sentence, ...]


def read_sentences() -> tuple[Sentence, ...]:
    """All sentences that ship with the package, in the file's order."""
    text = resources.files("rulegate.demo").joinpath("sentences.csv").read_text(encoding="utf-8")
    return tuple(Sentence(row["text"], row["label"], row["topic"]) for row in csv.DictReader(text.splitlines()))


def split(sentences: Iterable[Sentence]) -> Split:
    """Every fifth sentence of each topic and label is held out, so that both parts are alike; always the same ones.

    A sentence and its opposite ("the best holiday …", "the worst holiday …") stand at the same place under their
    labels, so both fall into the same part, and no model is measured on the twin of what it has learnt.
    """
    seen: Counter[tuple[str, str]] = Counter()
    train: list[Sentence] = []
    held_out: list[Sentence] = []
    for sentence in sentences:
        group = (sentence.topic, sentence.label)
        seen[group] += 1
        (held_out if seen[group] % _HELD_OUT_EVERY == 0 else train).append(sentence)
    return Split(tuple(train), tuple(held_out))
