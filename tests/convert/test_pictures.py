"""Pictures: COCO as its own library reads it, YOLO, VOC, and brushes."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy
import pytest
from PIL import Image
from pycocotools.coco import COCO

from howdah.names import Commit, File
from tests.convert.conftest import Export, Shelf, names, parsed
from tests.convert.samples import HEIGHT, WIDTH, box, outline, picture, stroke, task, uri

pytestmark = pytest.mark.filterwarnings("default")  # what pycocotools and the converter warn of is not ours


@pytest.fixture
def images(shelf: Shelf) -> Commit:
    return shelf.put({"/dogs/a.png": picture(), "/cats/a.png": picture(mode="L"), "/ü.png": picture()})


@pytest.fixture
def labels(shelf: Shelf, images: Commit) -> File:
    """A box, a box with an outline, a brush; and one that was skipped."""
    return shelf.labels(
        task(1, {"image": uri(images, "/dogs/a.png")}, box("Dog")),
        task(2, {"image": uri(images, "/cats/a.png")}, box("Cat"), outline()),
        task(3, {"image": uri(images, "/ü.png")}, box("Cat", x=10), stroke()),
        task(4, {"image": uri(images, "/dogs/a.png")}, box("Dog"), was_cancelled=True),
    )


@pytest.mark.parametrize("media", [True, False])
def test_coco_is_read_by_its_own_library(export: Export, labels: File, media: bool) -> None:
    out, report = export(labels, "coco", media=media)
    coco = COCO(out / "result.json")

    pictures = {image["file_name"]: image["id"] for image in coco.imgs.values()}
    assert list(pictures) == ["images/dogs__a.png", "images/cats__a.png", "images/ü.png"]
    assert {(image["width"], image["height"]) for image in coco.imgs.values()} == {(WIDTH, HEIGHT)}
    found = coco.loadAnns(coco.getAnnIds(imgIds=[pictures["images/cats__a.png"]]))
    assert [coco.cats[each["category_id"]]["name"] for each in found] == ["Cat", "Bird"]
    assert found[0]["bbox"] == [16, 12, 32, 24]
    assert coco.annToMask(found[1]).sum() == pytest.approx(found[1]["area"], rel=0.1)
    assert names(out) == (["images/cats__a.png", "images/dogs__a.png", "images/ü.png"] if media else []) + [
        "result.json"
    ]
    assert (report.tasks, report.annotations, report.files) == (3, 3, len(names(out)))
    assert report.notes == ("1 task skipped by their annotators, left out",)


def test_pictures_of_an_export_can_be_opened_by_the_names_it_tells(export: Export, labels: File) -> None:
    out, _ = export(labels, "coco", media=True)

    for image in parsed(out / "result.json")["images"]:
        with Image.open(out / image["file_name"]) as opened:
            assert opened.size == (image["width"], image["height"])


@pytest.mark.parametrize(("format", "numbers"), [("yolo", 5), ("yolo_obb", 9), ("YOLO-OBB", 9)])
def test_yolo_has_a_file_for_each_picture(export: Export, labels: File, format: str, numbers: int) -> None:
    out, _ = export(labels, format, media=True)

    assert [name for name in names(out) if name.startswith("labels/")] == [
        "labels/cats__a.txt",
        "labels/dogs__a.txt",
        "labels/ü.txt",
    ]
    assert (out / "classes.txt").read_text().split() == ["Bird", "Cat", "Dog", "Fur"]
    (line,) = (out / "labels/dogs__a.txt").read_text().splitlines()
    assert len(line.split()) == numbers
    assert line.split()[0] == "2"
    assert {path.stem for path in (out / "images").iterdir()} == {path.stem for path in (out / "labels").iterdir()}


def test_voc_has_a_file_for_each_picture(export: Export, labels: File) -> None:
    out, _ = export(labels, "voc", media=True)

    found = ElementTree.parse(out / "Annotations" / "cats__a.xml").getroot()
    assert [found.findtext(path) for path in ("folder", "filename", "object/name")] == ["images", "cats__a.png", "Cat"]
    assert [found.findtext(f"size/{name}") for name in ("width", "height", "depth")] == [str(WIDTH), str(HEIGHT), "1"]
    assert [found.findtext(f"object/bndbox/{name}") for name in ("xmin", "ymin", "xmax", "ymax")] == [
        "16", "12", "48", "36"
    ]  # fmt: skip


def test_brushes_are_pictures_and_arrays(export: Export, labels: File) -> None:
    pictures, _ = export(labels, "brush_to_png")
    arrays, _ = export(labels, "brush_to_numpy")

    (png,) = names(pictures)
    assert png == "task-3-annotation-30-by-ann@example.org-brush-Fur-0.png"
    with Image.open(pictures / png) as opened:
        assert numpy.array(opened).nonzero()[0].size == 400
    (npy,) = names(arrays)
    assert numpy.load(arrays / npy).sum() == 400 * 255


def test_brushes_are_outlines_in_coco(export: Export, labels: File) -> None:
    out, _ = export(labels, "brush_to_coco")
    coco = COCO(out / "result_coco.json")

    (fur,) = coco.getCatIds(["Fur"])
    (found,) = coco.loadAnns(coco.getAnnIds(catIds=[fur]))
    assert found["bbox"] == [20, 10, 20, 20]
    assert coco.imgs[found["image_id"]]["path"] == "images/ü.png"


def test_brushes_on_pictures_of_any_ending_are_exported(export: Export, shelf: Shelf) -> None:
    images = shelf.put({"/a.tiff": b"", "/b": b""})
    tasks = [task(n, {"image": uri(images, path)}, stroke()) for n, path in enumerate(["/a.tiff", "/b"], 1)]

    out, _ = export(shelf.labels(*tasks), "brush_to_coco")

    assert [each["file_name"] for each in parsed(out / "result_coco.json")["images"]] == ["a.tiff", "b"]


def test_one_picture_has_one_name_however_its_address_is_written(export: Export, shelf: Shelf) -> None:
    images = shelf.put({"/a+b.png": picture()})
    long = uri(images, "/a+b.png")
    tasks = [task(n, {"image": text}, box()) for n, text in enumerate([long, long.replace("%2B", "+")], 1)]

    out, report = export(shelf.labels(*tasks), "coco", media=True)

    assert {each["file_name"] for each in parsed(out / "result.json")["images"]} == {"images/a+b.png"}
    assert names(out) == ["images/a+b.png", "result.json"]
    assert report.notes == ()


def test_a_picture_from_elsewhere_has_its_name_and_does_not_go_along(export: Export, shelf: Shelf) -> None:
    labels = shelf.labels(task(1, {"image": "https://example.org/x/a%20b.jpg"}, box()))

    out, report = export(labels, "coco", media=True)

    (image,) = parsed(out / "result.json")["images"]
    assert (image["file_name"], image["width"]) == ("images/a b.jpg", WIDTH)
    assert names(out) == ["result.json"]
    assert report.notes == ("1 files are not in the store and do not go along",)


def test_a_task_without_a_picture_is_told_and_left_out(export: Export, shelf: Shelf) -> None:
    labels = shelf.labels(
        task(1, {"image": "a.jpg"}, box()), task(2, {"other": 1}, box()), task(3, {"image": 1}, box())
    )

    out, report = export(labels, "yolo")

    assert names(out) == ["classes.txt", "labels/a.txt", "notes.json"]
    assert report.notes == ("2 tasks without image, left out",)


def test_what_the_converter_stumbles_over_is_named(export: Export, shelf: Shelf, tmp_path: Path) -> None:
    odd = box()
    odd["value"]["width"] = "wide"
    labels = shelf.labels(task(1, {"image": "a.jpg"}, box()), task(2, {"image": "b.jpg"}, odd))

    with pytest.raises(Exception, match=r"annotation 20 of task 2 cannot be written as coco .*TypeError"):
        export(labels, "coco")
    assert list(tmp_path.iterdir()) == []
