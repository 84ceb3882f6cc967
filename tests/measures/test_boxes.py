"""Figures of boxes are those of pycocotools."""

from __future__ import annotations

import contextlib
import io
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from howdah.measures.boxes import Box, Boxes, Seen, average_precision, overlap_of, read
from howdah.measures.counts import Counts

pytestmark = pytest.mark.filterwarnings("default")  # what pycocotools warns of is not ours


def region(x: float, y: float, width: float, height: float, *labels: str, **more: Any) -> dict[str, Any]:
    value = {"x": x, "y": y, "width": width, "height": height, "rectanglelabels": [*labels], **more}
    return {"from_name": "box", "type": "rectanglelabels", "value": value}


def drawn(chance: random.Random, labels: str = "ab") -> Seen:
    left, top = chance.randrange(60), chance.randrange(60)
    box = (left, top, left + chance.randrange(5, 40), top + chance.randrange(5, 40))
    return Seen(chance.choice(labels), tuple(map(float, box)), chance.random())  # type: ignore[arg-type]


def near(chance: random.Random, seen: Seen) -> Seen:
    moved = [each + chance.randrange(-4, 5) for each in seen.box]
    moved[2], moved[3] = max(moved[2], moved[0] + 1), max(moved[3], moved[1] + 1)
    label = seen.label if chance.random() < 0.9 else "b"
    return Seen(label, tuple(moved), chance.random())  # type: ignore[arg-type]


def scenes(chance: random.Random, pictures: int) -> list[tuple[list[Seen], list[Seen]]]:
    found = []
    for _ in range(pictures):
        truths = [drawn(chance) for _ in range(chance.randrange(6))]
        guesses = [near(chance, each) for each in truths if chance.random() < 0.8]
        found.append((truths, guesses + [drawn(chance) for _ in range(chance.randrange(3))]))
    return found


def theirs(scenes: list[tuple[list[Seen], list[Seen]]]) -> tuple[float, float]:
    """mAP from 0.5 to 0.95 and at 0.5, by pycocotools."""

    def told(picture: int, seen: Seen) -> dict[str, Any]:
        left, top, right, bottom = seen.box
        box = [left, top, right - left, bottom - top]
        return {"image_id": picture, "category_id": "ab".index(seen.label) + 1, "bbox": box, "area": box[2] * box[3]}

    truths = [told(picture, each) for picture, (found, _) in enumerate(scenes) for each in found]
    guesses = [
        told(picture, each) | {"score": each.score} for picture, (_, found) in enumerate(scenes) for each in found
    ]
    coco = COCO()
    coco.dataset = {
        "images": [{"id": picture} for picture in range(len(scenes))],
        "categories": [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}],
        "annotations": [each | {"id": number, "iscrowd": 0} for number, each in enumerate(truths, 1)],
    }
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(guesses), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats[0], evaluation.stats[1]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1 << 32), st.integers(1, 12))
def test_mean_average_precision_is_that_of_pycocotools(seed: int, pictures: int) -> None:
    chance = random.Random(seed)
    found = scenes(chance, pictures)
    found[0] = ([*found[0][0], drawn(chance, "a")], [*found[0][1], drawn(chance)])
    boxes = Boxes()
    for picture, (truths, guesses) in enumerate(found):
        boxes.add(picture, truths, guesses)

    whole, half = theirs(found)
    assert boxes.mean_average_precision([0.5]) == pytest.approx(half, abs=1e-9)
    assert boxes.mean_average_precision() == pytest.approx(whole, abs=1e-9)


def test_each_true_box_is_found_once_by_the_surest() -> None:
    boxes, box = Boxes(), (0.0, 0.0, 10.0, 10.0)
    boxes.add("one", [Seen("cat", box)], [Seen("cat", box, 0.5), Seen("cat", box, 0.9), Seen("dog", box)])
    boxes.add("two", [Seen("cat", box)], [])

    assert boxes.labels == ["cat", "dog"]
    assert boxes.counts("cat") == Counts(hits=1, wrong=1, missed=1)
    assert boxes.counts("dog") == Counts(wrong=1)
    assert boxes.average_precision("cat") == pytest.approx(51 / 101)
    assert boxes.mean_average_precision([0.5]) == pytest.approx(51 / 101)  # of dogs there are none
    assert Boxes().mean_average_precision() == 0


def test_average_precision_of_nothing_is_nothing() -> None:
    assert average_precision([], 3) == 0
    assert average_precision([False], 3) == 0
    assert average_precision([True], 1) == 1


@pytest.mark.parametrize(
    ("other", "share"), [((0, 0, 2, 2), 1), ((2, 0, 4, 2), 0), ((1, 0, 3, 2), 1 / 3), ((0, 0, 0, 2), 0)]
)
def test_overlap_is_the_share_of_what_both_cover(other: Box, share: float) -> None:
    assert overlap_of((0, 0, 2, 2), other) == pytest.approx(share)


def test_results_are_read_as_boxes_of_each_label() -> None:
    assert read(region(1, 2, 3, 4, "cat", "dog"), 0.5) == [
        Seen("cat", (1, 2, 4, 6), 0.5),
        Seen("dog", (1, 2, 4, 6), 0.5),
    ]
    assert read(region(1, 2, 3, 4), 1) == []
    for odd in ({"x": "?"}, {"x": None}, {"width": float("nan")}, {"rotation": [1]}, {"rectanglelabels": "cat"}):
        whole = region(1, 2, 3, 4, "cat")
        assert read(whole | {"value": whole["value"] | odd}, 1) == []
    assert read({"value": {}}, 1) == []


def test_of_a_turned_box_the_upright_one_around_it_counts() -> None:
    turned = region(50, 50, 20, 10, "cat", rotation=90) | {"original_width": 200, "original_height": 100}
    (seen,) = read(turned, 1)
    # 40 x 10 pixels, turned around their first corner: 10 pixels to the left, and 40 down
    assert seen.box == pytest.approx((45, 50, 50, 90))
