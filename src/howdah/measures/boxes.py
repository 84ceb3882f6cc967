"""Boxes in pictures: mean average precision as COCO measures it, and precision and recall at half an overlap. Pure.

A predicted box finds the true one of its label that it overlaps most, the surest first, each true one once. Average
precision is the mean of 101 precisions at equal steps of recall, of at most 100 boxes of a label in a picture: the
figures are those of pycocotools.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from howdah.measures.counts import Counts, mean, share

HALF = 0.5
OVERLAPS = tuple(HALF + step * ((0.95 - HALF) / 9) for step in range(10))  # to the last bit what numpy makes of them
_STEPS = 101
_MOST = 100
_NEARLY = 1e-10

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Seen:
    """A box: its label, where it is (left, top, right, bottom, in percent of the picture), and how sure it is."""

    label: str
    box: Box
    score: float = 1.0


@dataclass(slots=True)
class Boxes:
    """All true and predicted boxes of one control, by picture and label."""

    truths: dict[str, dict[Hashable, list[Box]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))
    guesses: dict[str, dict[Hashable, list[Seen]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )

    def add(self, picture: Hashable, truths: Sequence[Seen], guesses: Sequence[Seen]) -> None:
        """Take what is in a picture, and what was predicted for it."""
        for each in truths:
            self.truths[each.label][picture].append(each.box)
        for each in guesses:
            self.guesses[each.label][picture].append(each)

    @property
    def labels(self) -> list[str]:
        """Those of which there is a box."""
        return sorted(self.truths.keys() | self.guesses.keys())

    def counts(self, label: str) -> Counts:
        """What of the label was found, at half an overlap."""
        marks = self._marks(label, HALF, most=None)
        hits, truths = sum(is_hit for _, is_hit in marks), self._count(label)
        return Counts(hits, len(marks) - hits, truths - hits)

    def average_precision(self, label: str, overlap: float = HALF) -> float:
        """Of one label of which there are boxes."""
        marks = sorted(self._marks(label, overlap, most=_MOST), key=lambda mark: -mark[0])
        return average_precision([is_hit for _, is_hit in marks], self._count(label))

    def mean_average_precision(self, overlaps: Sequence[float] = OVERLAPS) -> float:
        """Of all labels of which there are boxes, at all these overlaps."""
        found = [label for label in self.labels if self._count(label)]
        return mean(self.average_precision(label, overlap) for label in found for overlap in overlaps)

    def _count(self, label: str) -> int:
        return sum(map(len, self.truths.get(label, {}).values()))

    def _marks(self, label: str, overlap: float, *, most: int | None) -> list[tuple[float, bool]]:
        """For each predicted box how sure it is, and whether it is a hit."""
        truths: Mapping[Hashable, list[Box]] = self.truths.get(label, {})
        found: list[tuple[float, bool]] = []
        for picture, guesses in self.guesses.get(label, {}).items():
            surest = sorted(guesses, key=attrgetter("score"), reverse=True)[:most]
            hits = _matched(truths.get(picture, []), [each.box for each in surest], overlap)
            found += zip((each.score for each in surest), hits, strict=True)
        return found


def _matched(truths: Sequence[Box], guesses: Sequence[Box], overlap: float) -> list[bool]:
    """Which of the guesses, the surest first, are hits."""
    left = [*truths]
    hits = []
    for guess in guesses:
        most, at = max(((overlap_of(each, guess), at) for at, each in enumerate(left)), default=(0.0, 0))
        is_hit = bool(left) and most >= min(overlap, 1 - _NEARLY)
        if is_hit:
            del left[at]
        hits.append(is_hit)
    return hits


def overlap_of(one: Box, other: Box) -> float:
    """Intersection over union."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return share(both, _area(one) + _area(other) - both)


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def average_precision(hits: Sequence[bool], truths: int) -> float:
    """Of guesses in their order, the surest first."""
    precisions, recalls, found = list[float](), list[float](), 0
    for number, is_hit in enumerate(hits, 1):
        found += is_hit
        precisions.append(found / number)
        recalls.append(share(found, truths))
    for at in range(len(precisions) - 1, 0, -1):
        precisions[at - 1] = max(precisions[at - 1], precisions[at])
    places = (bisect_left(recalls, step * 0.01) for step in range(_STEPS))
    return sum(precisions[at] for at in places if at < len(precisions)) / _STEPS


def read(region: Mapping[str, Any], score: float) -> list[Seen]:
    """The boxes that a result tells, one for each of its labels; none where it is no box.

    Of a turned one, the upright box around it.
    """
    value = region["value"]
    try:
        box = _upright(value, _shape(region))
    except (KeyError, TypeError, ValueError):
        return []
    labels = value.get("rectanglelabels")
    return [Seen(str(label), box, score) for label in (labels if isinstance(labels, list) else [])]


def _shape(region: Mapping[str, Any]) -> float:
    """How much wider than high the picture is."""
    width, height = region.get("original_width"), region.get("original_height")
    if isinstance(width, int | float) and isinstance(height, int | float) and width > 0 and height > 0:
        return width / height
    return 1.0


def _upright(value: Mapping[str, Any], shape: float) -> Box:
    left, top = float(value["x"]), float(value["y"])
    width, height = float(value["width"]), float(value["height"])
    angle = math.radians(float(value.get("rotation") or 0))
    if not all(map(math.isfinite, (left, top, width, height, angle))):
        raise ValueError("not finite")
    if not angle:
        return left, top, left + width, top + height
    # It is turned in pixels around its first corner; `shape` is what a percent of the width is in those of the height.
    cos, sin = math.cos(angle), math.sin(angle)
    corners = [(x * cos - y * sin / shape, x * shape * sin + y * cos) for x in (0, width) for y in (0, height)]
    across, down = zip(*corners, strict=True)
    return left + min(across), top + min(down), left + max(across), top + max(down)
