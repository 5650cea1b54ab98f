"""Sticks values to targets by a hash alone: the same on every machine, and a raised weight moves values only to it.

This is weighted rendezvous hashing. For a value, each target draws a number ``u`` between 0 and 1, and the target with
the least ``-ln(u) / weight`` wins. So each wins as often as its share of the weights says; a target's own weight
changes its own result alone, so that raising it takes values from others to it and moves none between others; the same
holds for a target that comes or goes.

``u`` is the first 53 bits, the last of them set, of the BLAKE2b digest of 8 bytes, as a fraction: of the text
``endpoint/route/target/`` followed by the value as `encode` writes it. The model is not in it, so that users stay with
a target whose model is promoted.

The scores are compared as real numbers. Floating point serves wherever it tells them apart for certain, whichever the
machine's logarithm; where it does not, correctly rounded decimals do.
"""

from __future__ import annotations

import decimal
import math
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

from rulegate.routing.route import Target

MAX_LENGTH: Final = 1024
"""Characters of a text, and digits of an integer, that requests can stick to."""

_TOO_LARGE: Final = 10**MAX_LENGTH
_UNIT: Final = 2.0**-53
_APART: Final = 1.0 + 1e-12
"""Scores whose ratio is larger are in this order on any machine: logarithms are good to about 1e-16."""
_SMALLEST: Final = 1e-300
"""Smaller scores have lost digits, in subnormal numbers."""
_DIGITS: Final = 60


@dataclass(frozen=True, slots=True)
class Draw:
    """What a target has drawn for a value. Of several, the one with the least ``score`` wins."""

    target: Target
    u: float
    score: float


class Stakes:
    """The targets of one route, each with what its draws depend on. Immutable, safe to share between threads.

    Args:
        endpoint: The name of the endpoint.
        route: The alias of the route.
        targets: At least one, each with a weight above 0.
    """

    __slots__ = ("_stakes",)

    def __init__(self, endpoint: str, route: str, targets: Sequence[Target]) -> None:
        begun = [blake2b(f"{endpoint}/{route}/{target.alias}/".encode(), digest_size=8) for target in targets]
        self._stakes = [(begin.copy, target.weight, target) for begin, target in zip(begun, targets, strict=True)]

    def pick(self, value: bytes) -> Target:
        """The target that wins an encoded value."""
        # This loop is what a sticky decision costs, so it is `draws` once more without objects.
        log, integer, unit = math.log, int.from_bytes, _UNIT
        winner, best, second = None, math.inf, math.inf
        for begin, weight, target in self._stakes:
            digest = begin()
            digest.update(value)
            score = -log((integer(digest.digest()) >> 11 | 1) * unit) / weight
            if score < best:
                winner, best, second = target, score, best
            elif score < second:
                second = score
        if winner is not None and second > best * _APART and best > _SMALLEST:
            return winner
        return min(self.draws(value), key=_exactly).target

    def draws(self, value: bytes) -> tuple[Draw, ...]:
        """What each target has drawn for an encoded value, in the order of the route."""
        drawn = []
        for begin, weight, target in self._stakes:
            digest = begin()
            digest.update(value)
            u = (int.from_bytes(digest.digest()) >> 11 | 1) * _UNIT
            drawn.append(Draw(target, u, -math.log(u) / weight))
        return tuple(drawn)


def encode(value: Any) -> bytes | None:
    """The bytes by which a value sticks, written as ``bucket`` of the condition language writes what it hashes.

    A text is ``s`` and the text in UTF-8, halves of surrogate pairs in three bytes. A number is ``n`` and its shortest
    decimal form, the same for 1 and 1.0. A truth is ``b`` and 0 or 1.

    None for what nothing can stick to: None, lists, objects, and what is longer than `MAX_LENGTH`.
    """
    match value:
        case str():
            return b"s" + value.encode("utf-8", "surrogatepass") if len(value) <= MAX_LENGTH else None
        case bool():
            return b"b%d" % value
        case float() if not value.is_integer():
            return b"n%a" % value
        case int() | float():
            number = int(value)
            return b"n%d" % number if abs(number) < _TOO_LARGE else None
        case _:
            return None


def _exactly(draw: Draw) -> tuple[decimal.Decimal, str]:
    """A score to more digits than any two different ones have in common; of equal ones, the first alias wins."""
    context = decimal.Context(prec=_DIGITS)
    # Both numbers are the floats' exact values.
    score = context.divide(-context.ln(decimal.Decimal(draw.u)), decimal.Decimal(draw.target.weight))
    return score, draw.target.alias
