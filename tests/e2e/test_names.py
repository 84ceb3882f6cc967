"""Files with the names that people give them: from the command line to the screen and into the labels."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.e2e.conftest import CommandLine
from tests.e2e.studio import Studio

pytestmark = pytest.mark.xdist_group("names")

NAMES = (
    "Foto (1) ü.jpg",
    " two  spaces and a [bracket]*.jpg",
    "100% #1?.jpg",
    "🐘 on + holiday & 'home' \"too\".jpg",
    "a:b\\c;d=e,f~$`{}|<>.jpg",
    "n" * 251 + ".jpg",
    "Bilder 2026/Köln/Übersicht #2/été.jpg",
    "日本語/東京 (夜).jpg",
)
CONFIG = """<View><Image name="image" value="$image"/>
<Choices name="kind" toName="image"><Choice value="Cat"/><Choice value="Elephant"/></Choices></View>"""


@pytest.fixture(scope="module")
def tasks(studio: Studio, command: CommandLine, photographs: Path) -> dict[str, int]:
    """All of them in a repo and synced into a project: the task of each name."""
    command("create", "repo", "names")
    for name in NAMES:
        command("put", "file", f"names@master:/{name}", "-f", str(photographs / "rocket.jpg"))
    studio.set_up_project("Names", CONFIG)
    studio.set_up_storage("Source", "Files", "names@master")
    studio.open_storages()
    studio.sync("Files")
    found = studio.tasks()
    assert len(found) == len(NAMES)
    return {task["storage_filename"].removeprefix("/"): task["id"] for task in found}


def test_each_is_listed_and_comes_back_from_the_command_line(
    tasks: dict[str, int], command: CommandLine, photographs: Path, tmp_path: Path
) -> None:
    for name in NAMES:
        command("get", "file", f"names@master:/{name}", "-o", str(tmp_path / "back.jpg"))
        assert (tmp_path / "back.jpg").read_bytes() == (photographs / "rocket.jpg").read_bytes()


def test_each_is_drawn_in_the_list_of_tasks(tasks: dict[str, int], studio: Studio) -> None:
    studio.open_tasks()
    drawn = "[...document.images].filter(i => i.src.includes('/tasks/') && i.naturalWidth > 0).length"
    studio.page.wait_for_function(f"{drawn} >= {len(NAMES)}")
    studio.picture("names-list")


def test_each_is_labeled_and_its_labels_say_which_file_they_are_of(
    tasks: dict[str, int], studio: Studio, command: CommandLine
) -> None:
    page = studio.page
    for name in NAMES:
        studio.open_task(tasks[name])
        page.wait_for_function("[...document.images].some(i => i.src.startsWith('blob:') && i.naturalWidth > 0)")
        studio.choose("Elephant")
        studio.picture(f"names-{NAMES.index(name)}")
        studio.submit()
    studio.set_up_storage("Target", "Labels", "names-labels@master")
    studio.open_storages()
    studio.sync("Labels")

    for name in NAMES:
        labeled = json.loads(command("get", "file", f"names-labels@master:/{tasks[name]}.json"))
        assert labeled["annotations"][0]["result"][0]["value"] == {"choices": ["Elephant"]}
        assert unquote(labeled["data"]["image"]).endswith(f":/{name}")
    assert not studio.errors
    assert not studio.elsewhere
