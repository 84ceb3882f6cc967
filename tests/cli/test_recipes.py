"""Pipelines for labels from the command line: what is made, and what is refused. The programs that they run, too."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Howdah

pytestmark = pytest.mark.filterwarnings("default")  # what the converter warns of is not ours
BOXES = """<View><Image name="image" value="$image"/><RectangleLabels name="box" toName="image">
<Label value="Cat"/></RectangleLabels></View>"""
CHOICES = """<View><Text name="text" value="$text"/><Choices name="mood" toName="text"><Choice value="glad"/>
</Choices></View>"""
KINDS = ("coco", "csv", "voc", "yolo", "split", "evaluate")


@pytest.fixture
def vision(howdah: Howdah, images: str, project: str) -> Iterator[str]:
    """A project with a repo of images and one of labels, in which pipelines may be made."""
    assert howdah("create", "repo", f"{project}/labels").code == 0
    yield project
    howdah("delete", "pipeline", "--all", "-f", "--project", project)


def configure(howdah: Howdah, project: str, config: str) -> None:
    done = howdah("put", "file", f"{project}/labels@master:/.howdah/labeling.xml", stdin=config.encode())
    assert done.code == 0, done.stderr


def raw(howdah: Howdah, project: str, name: str) -> Any:
    done = howdah("inspect", "pipeline", f"{project}/{name}", "--raw")
    assert done.code == 0, done.stderr
    return json.loads(done.stdout)


def test_each_kind_is_a_pipeline_that_reads_well(either: Howdah, howdah: Howdah, vision: str) -> None:
    for kind in KINDS:
        done = either("pipeline", "add", kind, "--project", vision)
        assert (done.code, done.stderr) == (0, ""), kind
        assert done.stdout.startswith(f"labels-{kind}: ")
        assert done.stdout.endswith(f"; a commit for each one of {vision}/labels@master\n")

    shown = howdah("inspect", "pipeline", f"{vision}/labels-coco").stdout.splitlines()
    assert "Input: labels:/" in shown
    assert 'Command: ["howdah", "export", "/pfs/labels", "--format", "coco", "-o", "/pfs/out"]' in shown
    assert "Description: labels as COCO" in shown
    listed = howdah("list", "job", "--project", vision, "--raw").stdout.splitlines()
    assert len(listed) == len(KINDS)  # each has a job for what there is already


def test_sources_and_predictions_are_inputs_beside_the_labels(howdah: Howdah, vision: str) -> None:
    assert howdah("create", "repo", f"{vision}/predictions").code == 0
    words = ("--project", vision, "--labels", "labels@approved")
    assert howdah("pipeline", "add", "yolo", *words, "--source", "images", "--name", "set").code == 0
    assert howdah("pipeline", "add", "evaluate", *words, "--predictions", "predictions@new").code == 0

    made = raw(howdah, vision, "set")["details"]
    inputs = [each["pfs"] for each in made["input"]["cross"]]
    assert [(each["name"], each["repo"], each["branch"], each["glob"]) for each in inputs] == [
        ("labels", "labels", "approved", "/"), ("source", "images", "master", "/"),
    ]  # fmt: skip
    assert [each.get("propagation_spec") for each in inputs] == [None, {"never": True}]
    assert made["transform"]["cmd"][-4:] == ["--media-from", "/pfs/source", "-o", "/pfs/out"]
    measured = raw(howdah, vision, "labels-evaluate")["details"]["input"]["cross"]
    assert [each["pfs"]["branch"] for each in measured] == ["approved", "new"]


def test_what_is_shown_is_what_is_made(howdah: Howdah, vision: str) -> None:
    words = ("pipeline", "add", "coco", "--source", "images", "--project", vision)
    shown = howdah(*words, "--show")
    assert (shown.code, shown.stderr) == (0, "")
    assert howdah("create", "pipeline", "-f", "-", stdin=shown.bytes).code == 0
    first = raw(howdah, vision, "labels-coco")

    assert howdah(*words, "--update").code == 0
    second = raw(howdah, vision, "labels-coco")
    assert (first["version"], second["version"]) == ("1", "2")
    assert first["details"]["input"] == second["details"]["input"]
    assert first["details"]["transform"] == second["details"]["transform"]
    assert first["details"]["salt"] != second["details"]["salt"]  # made anew, of labels that have not changed, too


def test_what_is_shown_needs_no_store(plain: Howdah) -> None:
    shown = plain("pipeline", "add", "split", "--test", "0.1", "--seed", "two", "--show", "--address", "grpc://[::1]:1")
    assert json.loads(shown.stdout)["transform"]["cmd"] == [
        "howdah", "split", "/pfs/labels", "--test", "0.1", "--seed", "two", "-o", "/pfs/out",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("coco", "--labels", "nothing"), 3, "repo {}/nothing not found: name the repo of the labels with --labels"),
        (("coco", "--source", "nothing"), 3, "repo {}/nothing not found: name the repo of the files"),
        (("evaluate", "--predictions", "no"), 3, "repo {}/no not found: name the repo of the predictions"),
        (("split", "--test", "0.9", "--validation", "0.2"), 2, "together are more than all tasks"),
        (("coco", "--name", "a b"), 2, "name (a b) invalid"),
        (("pdf",), 2, "No such command 'pdf'"),
    ],
)
def test_what_makes_no_pipeline_is_refused(
    howdah: Howdah, vision: str, words: tuple[str, ...], code: int, told: str
) -> None:
    done = howdah("pipeline", "add", *words, "--project", vision)
    assert told.format(vision) in done.stderr
    assert done.code in {code, 1}
    assert howdah("list", "pipeline", "--project", vision, "--raw").stdout == ""


def test_a_pipeline_that_is_there_is_changed_when_one_says_so(howdah: Howdah, vision: str) -> None:
    words = ("pipeline", "add", "split", "--project", vision)
    assert howdah(*words).code == 0
    again = howdah(*words, "--test", "0.5")
    assert again.code == 4
    assert again.stderr.endswith("already exists: choose another name with --name, or change that one with --update\n")
    assert howdah(*words, "--test", "0.5", "--update").code == 0
    assert "0.5" in raw(howdah, vision, "labels-split")["details"]["transform"]["cmd"]


def test_a_format_that_does_not_fit_the_labels_is_refused(howdah: Howdah, vision: str) -> None:
    configure(howdah, vision, CHOICES)
    refused = howdah("pipeline", "add", "coco", "--project", vision)
    assert (refused.code, refused.stdout) == (2, "")
    assert refused.stderr == (
        f"howdah: coco does not fit the labeling configuration of {vision}/labels@master: choose one of csv\n"
    )
    assert howdah("pipeline", "add", "csv", "--project", vision).code == 0
    configure(howdah, vision, BOXES)
    assert howdah("pipeline", "add", "coco", "--project", vision).code == 0


def label(top: Path, id: int, *regions: Any, **more: Any) -> None:
    task = {"id": id, "data": {"image": f"/{id}.png"}, "annotations": [{"id": id, "result": [*regions]}], **more}
    (top / ".howdah").mkdir(parents=True, exist_ok=True)
    (top / ".howdah/labeling.xml").write_text(BOXES)
    (top / f"{id}.json").write_text(json.dumps(task))


def box(x: float) -> dict[str, Any]:
    value = {"x": x, "y": 0, "width": 50, "height": 50, "rotation": 0, "rectanglelabels": ["Cat"]}
    return {"from_name": "box", "to_name": "image", "type": "rectanglelabels", "value": value,
            "original_width": 10, "original_height": 20}  # fmt: skip


def test_labels_are_divided_and_each_part_is_exported(either: Howdah, tmp_path: Path) -> None:
    for id in range(10):
        label(tmp_path / "labels", id, box(0))
    done = either("split", str(tmp_path / "labels"), "--test", "0.5", "-o", str(tmp_path / "parts"))
    assert (done.code, done.stderr) == (0, "")
    assert done.stdout == f"{tmp_path / 'parts'}: 5 train, 5 test\n"

    done = either("export", str(tmp_path / "parts"), "--format", "coco", "-o", str(tmp_path / "out"))
    assert done.code == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.rpartition("/")[2].partition(":")[0] for line in lines] == ["test", "train"]
    found = json.loads((tmp_path / "out/train/result.json").read_text())
    assert (len(found["images"]), len(found["annotations"])) == (5, 5)


def test_predictions_are_measured(either: Howdah, tmp_path: Path) -> None:
    label(tmp_path / "labels", 1, box(0), predictions=[{"result": [box(1)], "score": 0.5}])

    done = either("evaluate", str(tmp_path / "labels"), "-o", str(tmp_path / "out"))

    assert (done.code, done.stderr) == (0, "")
    assert json.loads(done.stdout)["box"]["mAP50"] == 1
    assert sorted(os.listdir(tmp_path / "out")) == ["labels.csv", "metrics.json"]
    refused = either("evaluate", str(tmp_path / "labels"), "-o", str(tmp_path / "out"))
    assert (refused.code, refused.stdout) == (4, "")


def test_metrics_of_each_commit_are_a_table(either: Howdah, howdah: Howdah, images: str) -> None:
    told = [{"f1": 0.5, "tasks": 3}, {"f1": 0.123456, "tasks": 4, "by": ["x", {"y": True}], "none": None}]
    for content in told:
        assert howdah("put", "file", f"{images}@master:/metrics.json", stdin=json.dumps(content).encode()).code == 0
    for path, data in {"/test/metrics.json": b'{"f1": 1}', "/broken/metrics.json": b"?"}.items():
        assert howdah("put", "file", f"{images}@master:{path}", stdin=data).code == 0

    shown = either("metrics", images)
    heads = shown.stdout.splitlines()[0].split()
    assert heads == ["COMMIT", "FINISHED", "f1", "tasks", "by.0", "by.1.y", "none", "test.f1"]
    rows = [line.split() for line in shown.stdout.splitlines()[1:]]
    assert [row[-6:] for row in rows] == [
        ["0.1235", "4", "x", "true", "-", "1"], ["0.1235", "4", "x", "true", "-", "1"],
        ["0.1235", "4", "x", "true", "-", "-"], ["0.5", "3", "-", "-", "-", "-"],
    ]  # fmt: skip
    assert "/broken/metrics.json" in shown.stderr
    assert "is no JSON" in shown.stderr

    (one,) = either("metrics", f"{images}@master", "--raw", "-n", "1", "-m", "*f1").stdout.splitlines()
    document = json.loads(one)
    assert document["metrics"] == {"f1": 0.123456, "test.f1": 1}
    assert document["commit"] == rows[0][0]
    assert document["finished"].endswith("Z")


def test_a_branch_without_metrics_says_so(howdah: Howdah, images: str) -> None:
    assert howdah("put", "file", f"{images}@master:/x", stdin=b"x").code == 0
    shown = howdah("metrics", images)
    assert (shown.code, shown.stdout) == (0, "COMMIT  FINISHED\n")
    assert shown.stderr == f"howdah: no commit of {images}@master has a file metrics.json\n"
    assert howdah("metrics", "nowhere").code == 3
