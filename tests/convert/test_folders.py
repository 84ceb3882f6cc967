"""Exports as pipelines make them: from folders, with media that are in a folder, too."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image
from pycocotools.coco import COCO

from howdah import convert
from howdah.client import commits, files
from howdah.convert.source import _digest
from howdah.names import Branch, Commit, File
from tests.convert.conftest import Shelf, names
from tests.convert.samples import PICTURES, box, picture, sound, task, uri, written

pytestmark = pytest.mark.filterwarnings("default")  # what pycocotools and the converter warn of is not ours


def put(folder: Path, content: dict[str, bytes]) -> Path:
    for path, data in content.items():
        place = folder / path[1:]
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    return folder


def pinned(shelf: Shelf, commit: Commit, id: int, path: str) -> dict[str, object]:
    """A task as a target's Sync writes it, which tells the version that it shows."""
    digest = files.inspect(shelf.conn, File(commit, path)).digest.hex()
    source = {"repo": str(commit.repo), "commit": commit.id, "path": path, "digest": digest}
    return task(id, {"image": uri(commit, path)}, box()) | {"meta": {"howdah": {"source": source}}}


def test_media_of_a_folder_go_along_as_links_and_others_versions_are_left_out(shelf: Shelf, tmp_path: Path) -> None:
    images = shelf.put({"/dogs/a.png": picture(), "/b.png": picture(8, 8), "/gone.png": picture(9, 9)})
    made = [pinned(shelf, images, id, path) for id, path in enumerate(("/dogs/a.png", "/b.png", "/gone.png"), 1)]
    labels = put(tmp_path / "labels", {"/.howdah/labeling.xml": PICTURES.encode(), **written(*made)})
    source = put(tmp_path / "source", {"/dogs/a.png": picture(), "/b.png": picture(7, 7)})
    out = tmp_path / "out"

    report = convert.export(None, labels, convert.Options("coco", media=True, source=source), convert.ToFolder(out))

    assert report.notes == (f"2 tasks showing files that {source} does not have in that version, left out",)
    assert names(out) == ["images/dogs__a.png", "result.json"]
    assert (out / "images/dogs__a.png").readlink() == source / "dogs/a.png"
    (image,) = COCO(out / "result.json").imgs.values()
    with Image.open(out / image["file_name"]) as opened:
        assert opened.size == (image["width"], image["height"])


@pytest.mark.parametrize("format", ["coco", "yolo", "voc", "csv"])
def test_a_folder_gives_the_bytes_that_the_store_gives(shelf: Shelf, tmp_path: Path, format: str) -> None:
    images = shelf.put({"/dogs/a.png": picture(), "/b.png": picture(8, 8)})
    labels = shelf.labels(pinned(shelf, images, 1, "/dogs/a.png"), pinned(shelf, images, 2, "/b.png"))
    folder, source = (
        put(tmp_path / "labels", shelf.tree(labels)),
        put(tmp_path / "source", shelf.tree(File(images, "/"))),
    )
    outs = [tmp_path / name for name in ("store", "folder", "commit")]

    convert.export(shelf.conn, labels, convert.Options(format, media=True), convert.ToFolder(outs[0]))
    options = convert.Options(format, media=True, source=source)
    convert.export(None, folder, options, convert.ToFolder(outs[1]))
    branch = Branch(shelf.repo())
    convert.export(shelf.conn, folder, options, convert.ToCommit(shelf.conn, branch))

    found = {name: (outs[0] / name).read_bytes() for name in names(outs[0])}
    assert found == {name: (outs[1] / name).read_bytes() for name in names(outs[1])}
    head = commits.inspect(shelf.conn, Commit(branch.repo, "master")).commit
    assert found == {path[1:]: data for path, data in shelf.tree(File(head, "/")).items()}


def test_names_that_lead_out_of_the_folder_are_in_no_version(shelf: Shelf, tmp_path: Path) -> None:
    commit = Commit(shelf.repo(), "0123456789ab40123456789abcdef012")
    made = task(1, {"image": uri(commit, "/../secret.png")}, box())
    labels = put(tmp_path / "labels", {"/.howdah/labeling.xml": PICTURES.encode(), **written(made)})
    put(tmp_path, {"/secret.png": b"secret"})
    source = tmp_path / "source"
    source.mkdir()

    report = convert.export(
        None, labels, convert.Options("yolo", media=True, source=source), convert.ToFolder(tmp_path / "out")
    )
    assert report.tasks == 0


@pytest.mark.parametrize("size", [0, 1, 600_000, 5_000_000])
def test_a_file_has_the_digest_that_the_store_tells(shelf: Shelf, tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    commit = shelf.put({"/x": content})
    (tmp_path / "x").write_bytes(content)

    assert _digest(tmp_path / "x") == files.inspect(shelf.conn, File(commit, "/x")).digest.hex()


def test_folders_of_labels_are_those_with_a_configuration(tmp_path: Path) -> None:
    put(tmp_path, {"/a/.howdah/labeling.xml": b"", "/a/b/.howdah/labeling.xml": b"", "/c/d/.howdah/labeling.xml": b""})
    put(tmp_path, {"/e/1.json": b"", "/f/.howdah/other": sound(0.1)})

    assert convert.folders(tmp_path) == [tmp_path / "a", tmp_path / "c/d"]
    assert convert.folders(tmp_path / "a") == [tmp_path / "a"]
    assert convert.folders(tmp_path / "e") == [tmp_path / "e"]
    put(tmp_path, {"/.howdah/labeling.xml": b""})
    assert convert.folders(tmp_path) == [tmp_path]
