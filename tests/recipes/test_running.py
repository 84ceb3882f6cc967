"""Commits of labels start the pipelines that `howdah pipeline add` makes, and their output is what it should be."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pycocotools.coco import COCO

from howdah import convert
from howdah.client import channel, repos
from howdah.infos import JobState
from howdah.names import Commit, File, Project, Repo
from howdah.testing.servers import StoreServer
from tests.cli.conftest import HOWDAH
from tests.convert.samples import box, picture
from tests.recipes.conftest import Shelf

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="platform: fences are Linux's"),
    pytest.mark.filterwarnings("default"),  # what pycocotools and the converter warn of is not ours
]
PAGE = Path(__file__).parents[2] / "docs" / "howto" / "label-pipelines.md"
FORMATS = ("coco", "csv", "voc", "yolo")


def exported(shelf: Shelf, labels: str, format: str, out: Path) -> dict[str, bytes]:
    """What `howdah export` writes of the newest labels."""
    place = File(Commit(Repo(Project(), labels), "master"), "/")
    convert.export(shelf.conn, place, convert.Options(format, media=True), convert.ToFolder(out))
    return {f"/{path.relative_to(out)}": path.read_bytes() for path in out.rglob("*") if path.is_file()}


def test_a_commit_of_labels_becomes_what_an_export_of_it_is(shelf: Shelf, tmp_path: Path) -> None:
    images = shelf.repo({"/dogs/a.png": picture(), "/Foto (1) ü.png": picture(8, 8), "/other.png": picture(9, 9)})
    labels = shelf.repo()
    for format in FORMATS:
        shelf("pipeline", "add", format, "--labels", labels, "--source", images)
        assert shelf.wait(f"{labels}-{format}").state is JobState.JOB_SUCCESS  # of no labels, nothing
        assert shelf.read(f"{labels}-{format}") == {}

    id = shelf.label(labels, images, "/dogs/a.png", "/Foto (1) ü.png")

    for format in FORMATS:
        job = shelf.wait(f"{labels}-{format}", id)
        assert (job.state, job.reason) == (JobState.JOB_SUCCESS, "")
        assert shelf.read(f"{labels}-{format}", id) == exported(shelf, labels, format, tmp_path / format)
    coco = COCO(tmp_path / "coco/result.json")
    assert [image["file_name"] for image in coco.imgs.values()] == ["images/dogs__a.png", "images/Foto (1) ü.png"]


def test_the_same_labels_are_the_same_bytes_when_all_is_made_anew(shelf: Shelf) -> None:
    images, labels = shelf.repo({"/a.png": picture()}), shelf.repo()
    shelf.label(labels, images, "/a.png")
    words = ("pipeline", "add", "coco", "--labels", labels)
    shelf(*words)
    shelf.wait(f"{labels}-coco")
    first = shelf.read(f"{labels}-coco")

    shelf(*words, "--update")

    again = shelf.wait(f"{labels}-coco")
    assert (again.version, again.processed, again.skipped) == (2, 1, 0)
    assert shelf.read(f"{labels}-coco") == first != {}


def test_what_was_edited_since_is_left_out_until_it_is_labeled_again(shelf: Shelf) -> None:
    images, labels = shelf.repo({"/a.png": picture(), "/b.png": picture(8, 8)}), shelf.repo()
    name = f"{labels}-coco"
    shelf("pipeline", "add", "coco", "--labels", labels, "--source", images)
    shelf.wait(name, shelf.label(labels, images, "/a.png", "/b.png"))
    jobs = len(shelf.jobs(name))

    shelf.put(images, {"/b.png": picture(7, 7)}, delete=["/b.png"])
    assert len(shelf.jobs(name)) == jobs  # the labels have not changed

    old = shelf.labeled(1, images, "/a.png", 30)
    shelf.wait(name, shelf.put(labels, {"/a.png.json": old}, delete=["/a.png.json"]))
    assert sorted(shelf.read(name)) == ["/images/a.png", "/result.json"]
    shelf.until_logged(name, "1 task showing files that /pfs/source does not have in that version, left out")

    shelf.wait(name, shelf.label(labels, images, "/a.png", "/b.png"))
    assert shelf.read(name)["/images/b.png"] == picture(7, 7)


def test_a_split_is_labels_for_the_next_pipeline(shelf: Shelf) -> None:
    paths = [f"/{number}.png" for number in range(8)]
    images, labels = shelf.repo({path: picture() for path in paths}), shelf.repo()
    shelf("pipeline", "add", "split", "--labels", labels, "--test", "0.5", "--name", f"{labels}-parts")
    shelf("pipeline", "add", "coco", "--labels", f"{labels}-parts", "--source", images)
    id = shelf.label(labels, images, *paths)
    assert shelf.wait(f"{labels}-parts-coco", id).state is JobState.JOB_SUCCESS

    parts = shelf.read(f"{labels}-parts")
    assert len(parts) == 8 + 2
    assert {path.split("/")[1] for path in parts} == {"train", "test"}
    found = shelf.read(f"{labels}-parts-coco")
    told = [json.loads(found[f"/{part}/result.json"])["images"] for part in ("train", "test")]
    sets = [{image["file_name"] for image in each} for each in told]
    assert sets[0] | sets[1] == {f"images{path}" for path in paths}
    assert sets[0] & sets[1] == set()
    assert all(f"/train/{name}" in found for name in sets[0])


def test_each_commit_of_predictions_has_its_metrics(shelf: Shelf) -> None:
    images, labels, predictions = shelf.repo({"/a.png": picture()}), shelf.repo(), shelf.repo()
    shelf.label(labels, images, "/a.png")
    words = ("--labels", labels, "--predictions", predictions, "--name", f"{labels}-figures")
    shelf("pipeline", "add", "evaluate", *words)
    for x in (60, 26):
        content = {"/a.png.json": json.dumps({"result": [box(x=x)], "score": 0.5}).encode()}
        job = shelf.wait(f"{labels}-figures", shelf.put(predictions, content, delete=["/"]))
        assert (job.state, job.reason) == (JobState.JOB_SUCCESS, "")

    lines = [json.loads(line) for line in shelf("metrics", f"{labels}-figures", "--raw").stdout.splitlines()]
    assert [line["metrics"]["box.mAP50"] for line in lines] == [1, 0]
    assert lines[0]["commit"] == job.job.id
    sources = [text.partition("@")[0] for text in lines[0]["provenance"]]
    assert sorted(sources) == sorted([f"default/{labels}", f"default/{predictions}"])
    assert lines[0]["provenance"] != lines[1]["provenance"]  # other predictions


def test_a_job_that_fails_says_what_to_do(shelf: Shelf) -> None:
    labels = shelf.repo()
    shelf("pipeline", "add", "voc", "--labels", labels)
    job = shelf.wait(f"{labels}-voc", shelf.put(labels, {"/1.json": b"{}"}))

    assert job.state is JobState.JOB_FAILURE
    shelf.until_logged(f"{labels}-voc", "/pfs/labels has no labeling configuration")


def test_commands_of_the_howto_work_top_to_bottom(tmp_path: Path) -> None:
    script = "\n".join(re.findall(r"^```sh\n(.*?)^```", PAGE.read_text("utf-8"), re.M | re.S))
    with StoreServer(tmp_path / "data", workers=2) as server:
        environ = {
            "PATH": f"{Path(HOWDAH).parent}:{Path(sys.executable).parent}:/usr/bin:/bin",
            "HOME": str(tmp_path),
            "HOWDAH_ADDRESS": server.address,
        }
        _fill(server.address)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=240, check=False,
        )  # fmt: skip

    assert (done.returncode, done.stderr) == (0, "")
    assert len(COCO(tmp_path / "result.json").imgs) == 4
    assert "box.mAP50" in done.stdout
    assert (tmp_path / "tables/train/result.csv").exists()


def _fill(address: str) -> None:
    with channel.connect(address) as conn:
        for name in ("images", "labels", "predictions"):
            repos.create(conn, Repo(Project(), name))
        shelf, paths = Shelf(conn), [f"/{number}.png" for number in range(4)]
        shelf.put("images", {path: picture() for path in paths})
        shelf.label("labels", "images", *paths)
        told = json.dumps({"result": [box()], "score": 0.5}).encode()
        shelf.put("predictions", {f"{path}.json": told for path in paths})
