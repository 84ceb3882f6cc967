"""Choices and spans: sets of answers, right where they are equal. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Set
from dataclasses import dataclass, field
from typing import Any

from howdah.measures.counts import Counts, mean, share

Answer = tuple[str, Hashable]
"""A label, and what it is given to: a place in a text, or nothing where it is given to the whole."""


@dataclass(slots=True)
class Sets:
    """All true and predicted answers of one control."""

    tasks: int = 0
    equal: int = 0
    found: dict[str, Counts] = field(default_factory=lambda: defaultdict(Counts))

    def add(self, truths: Set[Answer], guesses: Set[Answer]) -> None:
        """Take the answers for one task; one without any is not counted."""
        if not truths and not guesses:
            return
        self.tasks += 1
        self.equal += truths == guesses
        for label, _ in truths & guesses:
            self.found[label] += Counts(hits=1)
        for label, _ in guesses - truths:
            self.found[label] += Counts(wrong=1)
        for label, _ in truths - guesses:
            self.found[label] += Counts(missed=1)

    @property
    def labels(self) -> list[str]:
        """Those that were given."""
        return sorted(self.found)

    @property
    def accuracy(self) -> float:
        """How many tasks have exactly the true answers."""
        return share(self.equal, self.tasks)

    @property
    def whole(self) -> Counts:
        """All labels together."""
        return sum(self.found.values(), Counts())

    def mean(self, figure: str) -> float:
        """The mean of a figure of each label, the rare ones counting as much as the others."""
        return mean(float(getattr(each, figure)) for each in self.found.values())


def choices(region: Mapping[str, Any]) -> set[Answer]:
    """The choices that a result tells for the whole task; none where it is about a part of it."""
    value = region["value"]
    if "x" in value or "start" in value:
        return set()
    found = value.get("choices") if region.get("type") == "choices" else value.get("taxonomy")
    paths = found if isinstance(found, list) else []
    return {("/".join(map(str, path)) if isinstance(path, list) else str(path), None) for path in paths}


def spans(region: Mapping[str, Any]) -> set[Answer]:
    """The labels that a result gives to a part of a text."""
    value = region["value"]
    start, end, labels = value.get("start"), value.get("end"), value.get("labels")
    if "channel" in value or not isinstance(start, int) or not isinstance(end, int) or not isinstance(labels, list):
        return set()
    return {(str(label), (start, end)) for label in labels}
