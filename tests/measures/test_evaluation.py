"""Predictions measured by folders of labels."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from howdah.errors import AlreadyExists, Invalid
from howdah.measures.evaluation import evaluate

PICTURE = "pfs://default/images@0123456789ab40123456789abcdef012:"
Put = Callable[[str, Mapping[str, Any]], Path]


def result(type: str, name: str, **value: Any) -> dict[str, Any]:
    return {"type": type, "from_name": name, "to_name": "x", "value": value}


def choice(*chosen: str) -> dict[str, Any]:
    return result("choices", "mood", choices=[*chosen])


def box(label: str, x: float = 0) -> dict[str, Any]:
    return result("rectanglelabels", "box", x=x, y=0, width=10, height=10, rotation=0, rectanglelabels=[label])


def span(label: str, start: int) -> dict[str, Any]:
    return result("labels", "ner", start=start, end=start + 3, text="Ada", labels=[label])


def task(id: int, *results: Any, **more: Any) -> dict[str, Any]:
    annotation = {"id": id, "result": [*results], "was_cancelled": False}
    return {"id": id, "data": {"image": f"{PICTURE}/{id}.png"}, "annotations": [annotation], "predictions": [], **more}


def predicted(*results: Any, score: float | None = None) -> dict[str, Any]:
    return {"result": [*results], "score": score}


@pytest.fixture
def put(tmp_path: Path) -> Put:
    """Puts files of JSON into a folder."""

    def put(folder: str, content: Mapping[str, Any]) -> Path:
        for path, value in content.items():
            place = tmp_path / folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(value if isinstance(value, str) else json.dumps(value), "utf-8")
        return tmp_path / folder

    return put


def figures(out: Path) -> Any:
    return json.loads((out / "metrics.json").read_text("utf-8"))


def rows(out: Path) -> list[dict[str, str]]:
    with (out / "labels.csv").open(encoding="utf-8") as file:
        return [*csv.DictReader(file)]


def test_choices_are_measured_by_accuracy_and_the_means_of_labels(put: Put, tmp_path: Path) -> None:
    truths = ["glad", "glad", "glad", "sad"]
    labels = put("labels", {f"{id}.json": task(id, choice(each)) for id, each in enumerate(truths)})
    told = ["glad", "glad", "sad", "sad"]
    predictions = put("predictions", {f"{id}.png.json": predicted(choice(each)) for id, each in enumerate(told)})

    assert evaluate(labels, predictions, tmp_path / "out") == (figures(tmp_path / "out"), [])

    assert figures(tmp_path / "out") == {
        "tasks": {"labeled": 4, "predicted": 4},
        "mood": {"accuracy": 0.75, "precision": 0.75, "recall": 0.833333, "f1": 0.733333, "tasks": 4},
    }
    assert rows(tmp_path / "out")[0] == {
        "control": "mood", "label": "glad", "truths": "3", "predictions": "2", "precision": "1.0",
        "recall": "0.666667", "f1": "0.8", "ap50": "",
    }  # fmt: skip


def test_boxes_and_parts_of_texts_are_measured_each_by_their_control(put: Put, tmp_path: Path) -> None:
    labels = put(
        "labels",
        {
            "1.json": task(1, box("Cat"), box("Dog", 50), span("PER", 0)),
            "2.json": task(2, box("Cat"), span("LOC", 5)),
            "3.json": task(3, box("Cat")),
        },
    )
    sure, unsure = box("Cat", 1) | {"score": 0.9}, box("Cat", 40) | {"score": 0.2}
    told = {
        "1.json": predicted(sure, unsure, span("PER", 0)),
        "2.json": predicted(box("Cat"), span("PER", 5), score=0.5),
    }
    predictions = put("predictions", told)

    evaluate(labels, predictions, tmp_path / "out")

    assert figures(tmp_path / "out") == {
        "tasks": {"labeled": 3, "predicted": 2},
        "box": {"mAP50": 0.5, "mAP50-95": 0.387871, "precision": 0.666667, "recall": 0.666667, "f1": 0.666667,
                "truths": 3, "predictions": 3},
        "ner": {"precision": 0.5, "recall": 0.5, "f1": 0.5, "truths": 2, "predictions": 2},
    }  # fmt: skip
    assert [(row["control"], row["label"], row["ap50"]) for row in rows(tmp_path / "out")] == [
        ("box", "Cat", "1.0"), ("box", "Dog", "0.0"), ("ner", "LOC", ""), ("ner", "PER", ""),
    ]  # fmt: skip


def test_predictions_within_the_labels_are_measured_where_no_others_are_told(put: Put, tmp_path: Path) -> None:
    older, newer = predicted(choice("sad")), predicted(choice("glad"))
    labels = put(
        "labels", {"1.json": task(1, choice("glad"), predictions=[older, newer]), "2.json": task(2, choice("sad"))}
    )

    evaluate(labels, None, tmp_path / "out")

    found = figures(tmp_path / "out")
    assert found["tasks"] == {"labeled": 2, "predicted": 1}
    assert found["mood"]["accuracy"] == 1


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("1.png.json", predicted(choice("glad"))),
        ("1.json", predicted(choice("glad"))),
        ("all.json", [task(1, predictions=[predicted(choice("glad"))]), task(2, predictions=[])]),
        ("x.json", {"meta": {"howdah": {"source": {"path": "/1.png"}}}, "predictions": [predicted(choice("glad"))]}),
    ],
)
def test_predictions_are_found_by_their_path_or_by_what_they_name(
    put: Put, tmp_path: Path, path: str, content: Any
) -> None:
    labels = put("labels", {"somewhere/7.json": task(1, choice("glad"))})

    assert evaluate(labels, put("predictions", {path: content}), tmp_path / "out")[1] == []
    assert figures(tmp_path / "out")["mood"]["accuracy"] == 1


def test_tasks_without_files_find_their_predictions_by_their_own_path(put: Put, tmp_path: Path) -> None:
    labels = put("labels", {"7.json": task(7, choice("glad")) | {"data": {"text": "Good."}}})

    evaluate(labels, put("predictions", {"7.json": predicted(choice("glad"))}), tmp_path / "out")
    assert figures(tmp_path / "out")["tasks"] == {"labeled": 1, "predicted": 1}


def test_what_is_marked_as_true_counts_and_else_what_is_newest(put: Put, tmp_path: Path) -> None:
    def of(chosen: str, time: str, **more: Any) -> dict[str, Any]:
        return {"result": [choice(chosen)], "created_at": time, "updated_at": time, **more}

    marked = [of("glad", "2026-01-01", ground_truth=True), of("sad", "2026-02-02")]
    newest = [of("sad", "2026-01-01"), of("glad", "2026-02-02"), of("sad", "2026-03-03", was_cancelled=True)]
    skipped = [of("glad", "2026-01-01", was_cancelled=True)]
    told = predicted(choice("glad"))
    labels = {
        f"{id}.json": task(id, predictions=[told]) | {"annotations": found}
        for id, found in enumerate((marked, newest, skipped))
    }

    evaluate(put("labels", labels), None, tmp_path / "out")
    assert figures(tmp_path / "out")["tasks"]["labeled"] == 2
    assert figures(tmp_path / "out")["mood"]["accuracy"] == 1


def test_what_is_odd_is_told_and_left_out(put: Put, tmp_path: Path) -> None:
    brush = result("brushlabels", "brush", format="rle", rle=[], brushlabels=["Fur"])
    labels = put("labels", {"1.json": task(1, choice("glad"), brush), "odd.json": "?"})
    odd = {"1.json": predicted(choice("glad"), 7, {"value": 8}), "2.json": "[]]", "3.json": {"x": 1}}

    _, notes = evaluate(labels, put("predictions", odd), tmp_path / "out")

    assert [note.partition(":")[0] for note in notes] == [
        "predictions of /2.json are left out",
        "predictions of /3.json are left out",
        "/odd.json is no task, left out",
        "results of these types are not measured",
    ]
    assert notes[-1].endswith(": brushlabels")
    assert figures(tmp_path / "out")["mood"]["accuracy"] == 1


def test_a_folder_without_any_task_is_refused(put: Put, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"labels has no labels: /odd\.json is no task"):
        evaluate(put("labels", {"odd.json": "?"}), None, tmp_path / "out")


def test_no_labels_at_all_are_no_figures(put: Put, tmp_path: Path) -> None:
    evaluate(put("labels", {".howdah/labeling.xml": "<View/>"}), None, tmp_path / "out")
    assert figures(tmp_path / "out") == {"tasks": {"labeled": 0, "predicted": 0}}
    with pytest.raises(AlreadyExists, match=r"metrics\.json is there: choose another folder"):
        evaluate(tmp_path / "labels", None, tmp_path / "out")


def test_parts_of_a_split_are_measured_each(put: Put, tmp_path: Path) -> None:
    for part, chosen in (("train", "glad"), ("test", "sad")):
        told = [predicted(choice("glad"))]
        put("labels", {f"{part}/.howdah/labeling.xml": "<View/>", f"{part}/1.json": task(1, choice(chosen))})
    predictions = put("predictions", {"1.png.json": told})

    found, notes = evaluate(tmp_path / "labels", predictions, tmp_path / "out")

    assert notes == []
    assert {part: each["mood"]["accuracy"] for part, each in found.items()} == {"train": 1, "test": 0}
    assert figures(tmp_path / "out/test") == found["test"]
