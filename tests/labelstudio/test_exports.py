"""An export from a commit of labels says what the host's own export of the project says."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from howdah import convert
from howdah.labelstudio import host
from howdah.names import File, parse_commit
from tests.labelstudio.conftest import Shelf, Site

pytestmark = pytest.mark.filterwarnings("default")
PICTURES = """<View><Image name="image" value="$image"/>
<RectangleLabels name="box" toName="image"><Label value="Dog"/><Label value="Cat"/></RectangleLabels>
<PolygonLabels name="outline" toName="image"><Label value="Bird"/></PolygonLabels></View>"""
WORDS = """<View><Text name="text" value="$text"/>
<Labels name="ner" toName="text"><Label value="PER"/><Label value="LOC"/></Labels>
<Choices name="mood" toName="text"><Choice value="glad"/></Choices></View>"""
SIZE = {"original_width": 200, "original_height": 100}


def _box(label: str, x: float) -> dict[str, Any]:
    value = {"x": x, "y": 10.5, "width": 20.25, "height": 30, "rotation": 15, "rectanglelabels": [label]}
    return {"id": f"b{x}", "type": "rectanglelabels", "from_name": "box", "to_name": "image", "value": value, **SIZE}


def _outline() -> dict[str, Any]:
    value = {"points": [[1, 2], [50.5, 2], [30, 60]], "closed": True, "polygonlabels": ["Bird"]}
    return {"id": "p", "type": "polygonlabels", "from_name": "outline", "to_name": "image", "value": value, **SIZE}


def _uri(task: Any) -> str:
    """What a task shows, under whichever name its data has it."""
    (uri,) = task.data.values()
    return str(uri)


class Exports:
    """A project and the commit of its labels, exported both ways."""

    def __init__(self, site: Site, shelf: Shelf, out: Path) -> None:
        repo = shelf.repo()
        assert site.sync(site.target(repo), target=True)["status"] == "completed"
        self._site = site
        self._shelf = shelf
        self._labels = File(parse_commit(repo), "/")
        self._out = out

    def ours(self, format: str) -> dict[str, bytes]:
        """What the commit gives."""
        out = self._out / format
        options = convert.Options(format)
        convert.export(self._shelf.conn, self._labels, options, convert.ToFolder(out))
        return {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*") if path.is_file()}

    def theirs(self, format: str) -> dict[str, bytes]:
        """What the host gives; a single file has no name."""
        answer = self._site.get(
            f"/api/projects/{self._site.project.id}/export?exportType={format.upper()}&download_resources=false"
        )
        assert answer.status_code == 200
        content = b"".join(answer.streaming_content)
        if not zipfile.is_zipfile(io.BytesIO(content)):
            return {"": content}
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}

    def names(self) -> dict[str, str]:
        """The host's names of the pictures, without their endings, and ours."""
        found = {}
        for task in host.Task.objects.filter(project=self._site.project):
            uri = _uri(task)
            path = urlsplit(uri).path.partition(":")[2]
            theirs = hashlib.md5(uri.encode(), usedforsecurity=False).hexdigest()[:8] + "__" + path.rpartition("/")[2]
            found[theirs.rpartition(".")[0]] = path.strip("/").replace("/", "__").rpartition(".")[0]
        return found

    def renamed(self, text: str) -> str:
        """The host's text with our names of the pictures."""
        for theirs, ours in self.names().items():
            text = text.replace(theirs, ours)
        return text


@pytest.fixture
def pictures(new_site: Callable[..., Site], new_user: Callable[[], Any], shelf: Shelf, tmp_path: Path) -> Exports:
    """Four pictures: with boxes by two people, with an outline, skipped, and not looked at."""
    site = new_site(shelf.address, PICTURES)
    names = ("dogs/a.png", "cats/a.png", "b.png", "c.png")
    site.sync(site.source(shelf.repo(**{name: name.encode() for name in names}), use_blob_urls=True))
    found = host.Task.objects.filter(project=site.project)
    tasks = {_uri(task).rpartition(":/")[2]: task.id for task in found}
    site.annotate(tasks["dogs/a.png"], result=[_box("Dog", 1), _box("Cat", 50)])
    Site(new_user(), site.project, shelf.address).annotate(tasks["dogs/a.png"], result=[_box("Cat", 2)])
    site.annotate(tasks["cats/a.png"], result=[_box("Cat", 3), _outline()])
    site.annotate(tasks["b.png"], result=[_box("Cat", 4)], was_cancelled=True)
    return Exports(site, shelf, tmp_path)


@pytest.fixture
def words(new_site: Callable[..., Site], shelf: Shelf, tmp_path: Path) -> Exports:
    """Two texts, marked and judged."""
    site = new_site(shelf.address, WORDS)
    for text in ("Ann went to Rome.", "Nothing here, it is “odd”."):
        task = host.Task.objects.create(project=site.project, data={"text": text})
        span = {"start": 0, "end": 3, "labels": ["PER"], "text": text[:3]}
        mark = {"id": "m", "type": "labels", "from_name": "ner", "to_name": "text", "value": span}
        mood = {"type": "choices", "from_name": "mood", "to_name": "text", "value": {"choices": ["glad"]}}
        site.annotate(task.id, result=[mark, mood])
    return Exports(site, shelf, tmp_path)


def test_coco_has_the_same_categories_pictures_and_annotations(pictures: Exports) -> None:
    ours = json.loads(pictures.ours("coco")["result.json"])
    theirs = json.loads(pictures.renamed(pictures.theirs("coco")["result.json"].decode()))

    assert ours["categories"] == theirs["categories"]
    assert len(ours["annotations"]) == 5
    assert _by_picture(ours) == _by_picture(theirs)
    assert ours["info"].keys() == theirs["info"].keys()


def _by_picture(coco: Any) -> list[Any]:
    """Pictures and annotations without the numbers that they have in the order of the tasks."""
    pictures = {each["id"]: each for each in coco["images"]}
    found = [{**each, "id": 0, "image_id": pictures[each["image_id"]]["file_name"]} for each in coco["annotations"]]
    return sorted(
        json.dumps(each, sort_keys=True) for each in [*found, *({**each, "id": 0} for each in pictures.values())]
    )


def test_voc_has_the_same_files(pictures: Exports) -> None:
    ours, theirs = pictures.ours("voc"), pictures.theirs("voc")

    # Of two people's annotations of one picture the last one written stays, and the order of tasks is not the host's.
    assert set(ours) == {"Annotations/cats__a.xml", "Annotations/dogs__a.xml"} == set(map(pictures.renamed, theirs))
    for name, content in theirs.items():
        lines = [line for line in pictures.renamed(content.decode()).splitlines() if "<annotator>" not in line]
        mine = ours[pictures.renamed(name)].decode().splitlines()
        assert [line for line in mine if "<annotator>" not in line] == lines


def test_yolo_has_the_same_files(pictures: Exports) -> None:
    ours = pictures.ours("yolo")
    theirs = {pictures.renamed(name): content for name, content in pictures.theirs("yolo").items()}

    assert set(ours) == set(theirs) == {"labels/dogs__a.txt", "labels/cats__a.txt", "classes.txt", "notes.json"}
    assert {n: c for n, c in ours.items() if n != "notes.json"} == {
        n: c for n, c in theirs.items() if n != "notes.json"
    }


def test_conll_has_the_same_words(words: Exports) -> None:
    def texts(files: dict[str, bytes]) -> list[str]:
        (content,) = files.values()
        return content.decode().removeprefix("-DOCSTART- -X- O\n").split("\n\n")

    ours, theirs = texts(words.ours("conll2003")), texts(words.theirs("conll2003"))

    assert ours[0].splitlines()[0] == "Ann -X- _ B-PER"
    assert sorted(ours) == sorted(theirs)


@pytest.mark.parametrize("format", ["csv", "tsv"])
def test_tables_have_the_same_rows(words: Exports, format: str) -> None:
    def rows(files: dict[str, bytes]) -> list[dict[str, Any]]:
        (content,) = files.values()
        found = list(csv.DictReader(io.StringIO(content.decode()), delimiter="," if format == "csv" else "\t"))
        # Who it was is a number in the host's own export, and an address here, as in its snapshots.
        told = ({**row, "ner": json.loads(row["ner"]), "annotator": ""} for row in found)
        return sorted(told, key=lambda row: str(row["id"]))

    assert rows(words.ours(format)) == rows(words.theirs(format))


def test_json_has_the_same_tasks(words: Exports) -> None:
    def tasks(files: dict[str, bytes]) -> list[tuple[Any, ...]]:
        (content,) = files.values()
        found = sorted(json.loads(content), key=lambda task: task["id"])
        return [(task["id"], task["data"], [each["result"] for each in task["annotations"]]) for task in found]

    assert tasks(words.ours("json")) == tasks(words.theirs("json"))


@pytest.mark.parametrize("config", [PICTURES, WORDS])
def test_the_same_formats_are_offered(new_site: Callable[..., Site], shelf: Shelf, config: str) -> None:
    site = new_site(shelf.address, config)
    told = site.send("GET", f"/api/projects/{site.project.id}/export/formats")
    fitting = {each["name"].lower() for each in told if not each.get("disabled")}
    commit = File(parse_commit(shelf.repo(x=b"")), "/")

    found = convert.formats(shelf.conn, commit, config)

    assert set(found) == {name for name in fitting if not name.endswith("_with_images")}
