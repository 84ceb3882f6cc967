"""Hits and misses, and what is usually made of them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

DIGITS = 6  # more would tell one processor's rounding from another's


@dataclass(frozen=True, slots=True)
class Counts:
    """Of one label, or of several: what was predicted rightly, predicted wrongly, and not predicted."""

    hits: int = 0
    wrong: int = 0
    missed: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.hits + other.hits, self.wrong + other.wrong, self.missed + other.missed)

    @property
    def truths(self) -> int:
        """How many there are."""
        return self.hits + self.missed

    @property
    def predictions(self) -> int:
        """How many were predicted."""
        return self.hits + self.wrong

    @property
    def precision(self) -> float:
        """How much of what was predicted is right; 0 where nothing was."""
        return share(self.hits, self.predictions)

    @property
    def recall(self) -> float:
        """How much of what there is was predicted; 0 where there is nothing."""
        return share(self.hits, self.truths)

    @property
    def f1(self) -> float:
        """The harmonic mean of both."""
        return share(2 * self.hits, self.predictions + self.truths)


def share(part: float, whole: float) -> float:
    """The part of the whole; 0 of nothing."""
    return part / whole if whole else 0.0


def mean(values: Iterable[float]) -> float:
    """The mean; 0 of nothing."""
    found = list(values)
    return share(sum(found), len(found))


def rounded(value: float) -> float:
    """A figure as it is written."""
    return round(value, DIGITS)
