"""The published walkthrough of a newcomer: sign up, a project, photographs, a box, labels as a commit and as COCO."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, expect
from pycocotools.coco import COCO

from howdah.testing.launched import Launched
from tests.browsers import new_context
from tests.e2e.conftest import CommandLine
from tests.e2e.studio import Studio

pytestmark = pytest.mark.xdist_group("walkthrough")


def test_the_walkthrough(  # noqa: PLR0914, PLR0915, PLR0917
    howdah: Launched,
    command: CommandLine,
    chromium: Browser,
    pictures: Path,
    photographs: Path,
    web: str,
    tmp_path: Path,
) -> None:
    context = new_context(chromium)
    studio = Studio(context.new_page(), howdah.url, pictures)
    page = studio.page
    studio.sign_up("ada@example.com", "a long password", picture="walkthrough-01-signup")
    studio.create_project("Liberty", "Object Detection with Bounding Boxes", picture="walkthrough-02-project")

    shutil.copy(photographs / "coffee.png", tmp_path / "Foto (1) ü.png")
    command("create", "repo", "images")
    command("put", "file", "images@master:/astronaut.png", "-f", str(photographs / "astronaut.png"))
    command("put", "file", "images@master:/chelsea.png", "-f", f"{web}/chelsea.png")
    command("put", "file", "images@master:/Foto (1) ü.png", "-f", str(tmp_path / "Foto (1) ü.png"))

    studio.fill_storage("Source", "Photographs", "images@master")
    studio.picture("walkthrough-03-storage-dialog")
    assert studio.check_connection() == "Successfully connected!"
    studio.picture("walkthrough-04-connection")
    studio.add_storage()
    studio.sync("Photographs")

    studio.open_tasks()
    expect(page.get_by_text("Tasks: 3 / 3")).to_be_visible()
    page.wait_for_function("[...document.images].filter(i => i.naturalWidth > 100).length >= 3")
    studio.picture("walkthrough-05-tasks")
    task = next(task for task in studio.tasks() if "astronaut" in task["data"]["image"])

    studio.open_task(task["id"])
    page.wait_for_function("[...document.images].some(i => i.src.startsWith('blob:') && i.naturalWidth == 512)")
    page.get_by_text("Airplane", exact=True).first.click()
    photograph = page.locator("img[src^='blob:']").first.bounding_box()
    assert photograph is not None
    left, top = photograph["x"] + 0.69 * photograph["width"], photograph["y"] + 0.03 * photograph["height"]
    page.mouse.move(left, top)
    page.mouse.down()
    page.mouse.move(left + 0.18 * photograph["width"], top + 0.47 * photograph["height"], steps=8)
    page.mouse.up()
    expect(page.get_by_label("Region control").or_(page.get_by_text("Airplane")).nth(1)).to_be_visible()
    studio.picture("walkthrough-06-labeling")
    studio.submit()

    command("create", "repo", "labels")
    command("pipeline", "add", "coco", "--labels", "labels", "--source", "images")
    studio.fill_storage("Target", "Labels", "labels@master")
    assert studio.check_connection() == "Successfully connected!"
    studio.add_storage()
    studio.sync("Labels")
    studio.picture("walkthrough-07-target-synced")

    file = f"/{task['id']}.json"
    assert file in command("list", "file", "labels@master").split()
    labeled = json.loads(command("get", "file", f"labels@master:{file}"))
    region = labeled["annotations"][0]["result"][0]
    assert region["value"]["rectanglelabels"] == ["Airplane"]
    assert region["value"]["width"] > 1
    told = json.loads(command("inspect", "commit", "labels@master", "-o", "json"))
    assert "1 new" in told["description"]
    assert "ada@example.com" in told["description"]
    job = f"labels-coco@{told['commit']['id']}"
    command("wait", "job", job)
    command("get", "file", f"{job}:/", "-r", "-o", str(tmp_path / "coco"))
    check_coco(tmp_path / "coco", region)
    assert not studio.errors
    assert not studio.elsewhere, f"the browser was sent to {studio.elsewhere}"
    context.close()


def check_coco(folder: Path, region: dict[str, Any]) -> None:
    """One picture with one box, where the person drew it, as COCO's own library reads it."""
    coco = COCO(folder / "result.json")
    (image,) = coco.imgs.values()
    (box,) = coco.anns.values()
    with Image.open(folder / image["file_name"]) as picture:
        assert picture.size == (image["width"], image["height"]) == (512, 512)
    assert coco.cats[box["category_id"]]["name"] == "Airplane"
    assert box["bbox"] == pytest.approx([region["value"][side] * 5.12 for side in ("x", "y", "width", "height")])
