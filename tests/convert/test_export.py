"""Destinations, sameness of bytes, progress, giving up, and what is missing."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import count
from pathlib import Path
from zipfile import ZipFile

import pytest

from howdah import convert
from howdah.client import channel, commits, files, repos
from howdah.errors import AlreadyExists, Invalid, NotFound, Unavailable, WrongState
from howdah.names import Branch, Commit, File, Project, Repo
from howdah.testing.servers import StoreServer
from tests.client.plain import door
from tests.convert.conftest import Export, Shelf, names, parsed
from tests.convert.samples import PICTURES, SOUNDS, box, outline, picture, sound, stroke, task, transcript, uri, written
from tests.faults.disks import small_disk

pytestmark = pytest.mark.filterwarnings("default")  # what the converter warns of is not ours
_SCRIPT = """
import sys
from pathlib import Path
from howdah import convert
from howdah.client import channel
from howdah.names import parse_file
address, out, *places = sys.argv[1:]
with channel.connect(address) as conn:
    for labels in map(parse_file, places):
        for format in convert.formats(conn, labels):
            for media in (False, True):
                place = Path(out) / f"{labels.commit.repo.name}-{format}-{media}.zip"
                convert.export(conn, labels, convert.Options(format, media=media), convert.ToZip(place))
"""


@pytest.fixture
def images(shelf: Shelf) -> Commit:
    return shelf.put({f"/{name}.png": picture() for name in ("a", "b", "c")})


@pytest.fixture
def labels(shelf: Shelf, images: Commit) -> File:
    results = [(box("Dog"), outline()), (stroke(), box("Cat")), (box("Unknown"), box("Other"))]
    made = [
        task(n, {"image": uri(images, f"/{name}.png")}, *result)
        for n, (name, result) in enumerate(zip("abc", results, strict=True), 1)
    ]
    return shelf.labels(*made)


def _run(seed: str, *args: str, preload: str = "") -> None:
    environ = {**os.environ, "PYTHONHASHSEED": seed}
    done = subprocess.run(
        [sys.executable, "-c", preload + _SCRIPT, *args], env=environ, capture_output=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr.decode()


def test_the_same_commit_gives_the_same_bytes_in_every_process_and_on_every_day(
    shelf: Shelf, server: StoreServer, labels: File, tmp_path: Path
) -> None:
    config = '<View><Audio name="audio" value="$audio"/><TextArea name="said" toName="audio"/></View>'
    sounds = shelf.put({"/a.wav": sound(0.1)})
    others = shelf.labels(task(1, {"audio": uri(sounds, "/a.wav")}, transcript("x")), config=config)
    # Another day, as far as the converter can see.
    tomorrow = "import time\nclock = time.time\nimport label_studio_sdk.converter.converter as c, datetime as d\n"
    tomorrow += "import label_studio_sdk.converter.exports.brush_to_coco as b\n"
    tomorrow += "later = type('later', (d.datetime,), {'now': classmethod(lambda cls: d.datetime(2041, 2, 3))})\n"
    tomorrow += "c.datetime = b.datetime = later\n"
    found = []
    for seed, preload in (("1", ""), ("2", tomorrow)):
        out = tmp_path / seed
        out.mkdir()
        _run(seed, server.address, str(out), str(labels), str(others), preload=preload)
        found.append({path.name: path.read_bytes() for path in out.iterdir()})

    first, second = found
    assert len(first) == 2 * (11 + 6)
    assert first.keys() == second.keys()
    assert {path for path, content in first.items() if second[path] != content} == set()
    assert not any(str(tmp_path).encode() in content for content in first.values())


def test_a_zip_holds_what_a_folder_would(export: Export, shelf: Shelf, labels: File, tmp_path: Path) -> None:
    out, _ = export(labels, "coco", media=True)
    archive = tmp_path / "x.zip"
    archive.write_bytes(b"what was there")

    convert.export(shelf.conn, labels, convert.Options("coco", media=True), convert.ToZip(archive))

    with ZipFile(archive) as zip:
        assert zip.namelist() == names(out)
        assert {info.date_time for info in zip.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert all(zip.read(name) == (out / name).read_bytes() for name in names(out))
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize(("format", "media"), [("coco", True), ("yolo", True), ("json", True), ("voc", False)])
def test_a_commit_holds_what_a_folder_would(
    export: Export, shelf: Shelf, labels: File, format: str, media: bool
) -> None:
    out, _ = export(labels, format, media=media)
    repo = shelf.put({"/set/old.txt": b"old", "/other.txt": b"other"}).repo

    destination = convert.ToCommit(shelf.conn, Branch(repo), "/set")
    report = convert.export(shelf.conn, labels, convert.Options(format, media=media), destination)

    head = commits.inspect(shelf.conn, Commit(repo, "master"))
    expected = {f"/set/{name}": (out / name).read_bytes() for name in names(out)}
    assert shelf.tree(File(head.commit, "/")) == {**expected, "/other.txt": b"other"}
    title, _, counts, *told = head.description.splitlines()
    assert title == f"{format} of {labels}"
    assert counts == f"{report.tasks} tasks, {report.annotations} annotations"
    source = parsed_source(shelf, labels)
    assert told == [f"Labels: {labels}", f"Format: {format}{' with media' if media else ''}", f"Source: {source}"]


def parsed_source(shelf: Shelf, labels: File) -> str:
    """The commit that the first task shows."""
    content = shelf.tree(labels)["/1.json"].decode()
    return content.partition("pfs://")[2].partition(":")[0]


def test_a_branch_is_made_and_exported_to_again(shelf: Shelf, labels: File) -> None:
    destination = convert.ToCommit(shelf.conn, Branch(shelf.repo()))
    trees = []
    for _ in range(2):
        convert.export(shelf.conn, labels, convert.Options("csv"), destination)
        trees.append(shelf.tree(File(Commit(destination.branch.repo, "master"), "/")))

    assert trees[0] == trees[1]
    assert list(trees[0]) == ["/result.csv"]
    assert len(list(commits.list(shelf.conn, destination.branch.repo))) == 2


def test_a_missing_export_repo_is_told_with_the_remedy(shelf: Shelf, labels: File) -> None:
    nowhere = convert.ToCommit(shelf.conn, Branch(Repo(Project(), "nowhere")))

    with pytest.raises(NotFound, match="howdah create repo default/nowhere"):
        convert.export(shelf.conn, labels, convert.Options("csv"), nowhere)


def test_a_folder_that_is_not_empty_is_left_alone(shelf: Shelf, labels: File, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("x")

    with pytest.raises(AlreadyExists, match="is not empty"):
        convert.export(shelf.conn, labels, convert.Options("csv"), convert.ToFolder(tmp_path))
    assert names(tmp_path) == ["mine"]


def test_a_place_that_cannot_be_written_is_told(shelf: Shelf, labels: File, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")

    for place in (convert.ToFolder(tmp_path / "file"), convert.ToZip(tmp_path / "none" / "x.zip")):
        with pytest.raises(Unavailable, match="cannot be used"):
            convert.export(shelf.conn, labels, convert.Options("csv"), place)


def test_a_folder_is_exported_to_a_folder_as_a_pipeline_does(shelf: Shelf, labels: File, tmp_path: Path) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    for path, content in shelf.tree(labels).items():
        place = source / path[1:]
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    out.mkdir()

    alone = convert.export(None, source, convert.Options("voc"), convert.ToFolder(out))
    whole = convert.export(shelf.conn, source, convert.Options("voc", media=True), convert.ToFolder(out / "images"))

    assert (alone.tasks, whole.files) == (3, 6)
    with pytest.raises(Invalid, match="media are in a store"):
        convert.export(None, source, convert.Options("coco", media=True), convert.ToFolder(tmp_path / "other"))
    assert not (tmp_path / "other").exists()


def test_media_of_a_repo_that_is_gone_are_told_and_not_needed(export: Export, shelf: Shelf, tmp_path: Path) -> None:
    images = shelf.put({"/a.png": picture()})
    labels = shelf.labels(task(1, {"image": uri(images, "/a.png")}, box()))
    repos.delete(shelf.conn, images.repo, force=True)

    with pytest.raises(NotFound, match=rf"1 files of {images}, which the tasks show, .* export without the media"):
        export(labels, "coco", media=True)
    assert list(tmp_path.iterdir()) == []
    out, _ = export(labels, "coco")
    assert parsed(out / "result.json")["images"][0]["file_name"] == "images/a.png"


def test_a_commit_for_media_that_are_gone_is_deleted_again(shelf: Shelf) -> None:
    images = shelf.put({"/a.png": picture()})
    labels = shelf.labels(task(1, {"image": uri(images, "/a.png")}, box()))
    repos.delete(shelf.conn, images.repo, force=True)
    repo = shelf.put({"/before": b"x"}).repo

    with pytest.raises(NotFound):
        convert.export(
            shelf.conn, labels, convert.Options("yolo", media=True), convert.ToCommit(shelf.conn, Branch(repo))
        )
    assert shelf.tree(File(Commit(repo, "master"), "/")) == {"/before": b"x"}


def test_an_empty_commit_is_an_empty_export(export: Export, shelf: Shelf) -> None:
    commit = shelf.put({})

    out, report = export(File(commit, "/"), "coco", config=PICTURES)

    assert parsed(out / "result.json")["annotations"] == []
    assert str(report) == f"coco of {File(commit, '/')}: 0 tasks, 0 annotations, 1 file"


def test_labels_without_their_configuration_need_one(export: Export, shelf: Shelf) -> None:
    labels = File(shelf.put(written(task(1, {"image": "a.png"}, box()))), "/")

    with pytest.raises(NotFound, match="no labeling configuration .* --config"):
        export(labels, "coco")
    assert export(labels, "coco", config=PICTURES)[1].annotations == 1


def test_a_configuration_that_is_broken_is_told(export: Export, shelf: Shelf) -> None:
    with pytest.raises(Invalid, match="labeling configuration cannot be read"):
        export(shelf.labels(config="<View>"), "json")


def test_a_file_that_is_no_task_is_told_and_left_out(export: Export, shelf: Shelf) -> None:
    one = task(1, {"image": "a.png"}, box())
    odd = {f"/{number:02}.json": b"?" for number in range(22)}
    labels = shelf.labels(one, more={"/README.md": b"# Mine", **odd})

    out, report = export(labels, "json")

    assert parsed(out / "result.json") == [one]
    assert report.notes[0].startswith("/00.json is no task, left out: no JSON")
    assert (len(report.notes), report.notes[-1]) == (21, "2 more files are no tasks, left out")


def test_a_folder_of_the_commit_is_exported_alone(export: Export, shelf: Shelf) -> None:
    content = {"/cats/.howdah/labeling.xml": PICTURES.encode(), "/cats/x/a.jpg.json": b""}
    made = task(1, {"image": "a.png"}, box())
    content |= {"/cats/x/a.jpg.json": written(made)["/1.json"], "/dogs/2.json": b"?"}
    commit = shelf.put(content)

    out, report = export(File(commit, "/cats"), "json")

    assert parsed(out / "result.json") == [made]
    assert report.notes == ()


def test_a_folder_that_is_not_there_is_told(export: Export, shelf: Shelf) -> None:
    labels = shelf.labels(task(1, {"image": "a.png"}, box()))

    with pytest.raises(NotFound, match="/cats"):
        export(File(labels.commit, "/cats"), "json")
    with pytest.raises(Invalid, match="is a file: name the folder"):
        export(File(labels.commit, "/1.json"), "json")


def test_a_commit_that_is_still_written_is_refused(export: Export, shelf: Shelf) -> None:
    branch = Branch(shelf.repo())
    commits.start(shelf.conn, branch)

    with pytest.raises(WrongState, match="still being written: wait for it"):
        export(File(Commit(branch.repo, branch.name), "/"), "json")


def test_a_commit_that_failed_is_refused(export: Export, shelf: Shelf) -> None:
    branch = Branch(shelf.repo())
    commits.finish(shelf.conn, commits.start(shelf.conn, branch), error="a job failed")

    with pytest.raises(WrongState, match=r"ended with an error \(a job failed\), .* name an earlier one"):
        export(File(Commit(branch.repo, branch.name), "/"), "json")


def test_progress_is_told_and_may_end_it(shelf: Shelf, labels: File, tmp_path: Path) -> None:
    told = []
    options = convert.Options("coco", media=True)

    def note(what: str, done: int, total: int) -> None:
        told.append((what, done, total))

    convert.export(shelf.conn, labels, options, convert.ToFolder(tmp_path / "whole"), note)
    assert list(dict.fromkeys(what for what, _, _ in told)) == ["reading", "fetching", "converting", "writing"]
    assert all(done <= total for what, done, total in told if what != "reading")

    for step in range(len(told)):
        steps = count()

        def give_up(what: str, done: int, total: int, steps: count[int] = steps, step: int = step) -> None:
            if next(steps) == step:
                raise InterruptedError

        with pytest.raises(InterruptedError):
            convert.export(shelf.conn, labels, options, convert.ToFolder(tmp_path / "out"), give_up)
        assert [path.name for path in tmp_path.iterdir()] == ["whole"]


def test_a_thousand_tasks_are_exported_with_their_media(export: Export, shelf: Shelf) -> None:
    images = shelf.put({f"/{n % 10}/{n}.png": picture(8, 8) for n in range(1000)} | {"/other": os.urandom(1000)})
    made = [task(n, {"image": uri(images, f"/{n % 10}/{n}.png")}, box("Cat"), outline()) for n in range(1000)]

    out, report = export(shelf.labels(*made), "coco", media=True)

    found = parsed(out / "result.json")
    assert (len(found["images"]), len(found["annotations"])) == (1000, 2000)
    assert [image["file_name"] for image in found["images"]] == [f"images/{n % 10}__{n}.png" for n in range(1000)]
    assert (report.tasks, report.files) == (1000, 1001)


def test_annotations_on_an_older_version_are_told(export: Export, shelf: Shelf) -> None:
    made = task(1, {"image": "a.png"}, box())
    made["meta"] = {"howdah": {"drawn": {"10": {"commit": "c", "path": "/a.png"}}}}

    _, report = export(shelf.labels(made), "coco")

    assert report.notes == ("1 annotations were drawn on an older version of what their tasks show",)


def test_without_the_converter_the_remedy_is_told() -> None:
    code = (
        "import sys; sys.modules['label_studio_sdk'] = None\n"
        "from howdah import convert\n"
        "from howdah.convert.converter import Converter\n"
        "try: Converter('<View/>')\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)

    assert done.stdout.startswith("Unsupported exports are written by label-studio-sdk, which cannot be used here")
    assert "pip install 'howdah[convert]'" in done.stdout


def test_formats_that_fit_are_listed(shelf: Shelf, labels: File) -> None:
    assert convert.formats(shelf.conn, labels) == [
        "brush_to_coco", "brush_to_numpy", "brush_to_png", "coco", "csv", "json", "json_min", "tsv", "voc", "yolo",
        "yolo_obb",
    ]  # fmt: skip
    assert convert.formats(shelf.conn, labels, SOUNDS) == [
        "asr_manifest", "csv", "doclang", "json", "json_min", "tsv"
    ]  # fmt: skip
    assert files.inspect(shelf.conn, labels).size > 0


def test_files_of_other_repos_than_those_allowed_do_not_go_along(export: Export, shelf: Shelf) -> None:
    mine, secret = shelf.put({"/a.png": b"mine"}), shelf.put({"/b.png": b"secret"})
    made = [task(1, {"image": uri(mine, "/a.png")}, box()), task(2, {"image": uri(secret, "/b.png")}, box())]

    out, report = export(shelf.labels(*made), "yolo", media=True, repos=frozenset([mine.repo]))

    assert [path.name for path in (out / "images").iterdir()] == ["a.png"]
    assert report.notes == ("1 files are not in the store and do not go along",)


def test_a_file_that_is_named_by_a_branch_is_told(export: Export, shelf: Shelf) -> None:
    images = Commit(shelf.put({"/a.png": b"now"}).repo, "master")

    out, report = export(shelf.labels(task(1, {"image": uri(images, "/a.png")}, box())), "yolo", media=True)

    assert (out / "images" / "a.png").read_bytes() == b"now"
    assert report.notes == ("1 files are named by a branch: another export may have other versions of them",)


def test_a_few_files_among_much_else_are_fetched_alone(export: Export, shelf: Shelf) -> None:
    images = shelf.put({f"/{n}.png": bytes([n]) for n in range(120)} | {"/large": os.urandom(3_000_000)})
    made = [task(n, {"image": uri(images, f"/{n}.png")}, box()) for n in range(120)]

    out, report = export(shelf.labels(*made), "yolo", media=True)

    assert [(out / "images" / f"{n}.png").read_bytes() for n in range(120)] == [bytes([n]) for n in range(120)]
    assert report.files == 242


def test_a_server_without_our_own_calls_does_as_well(server: StoreServer, shelf: Shelf, tmp_path: Path) -> None:
    images = shelf.put({f"/{n}.png": picture() for n in range(120)})
    labels = shelf.labels(*(task(n, {"image": uri(images, f"/{n}.png")}, box()) for n in range(120)))
    target = convert.ToZip(tmp_path / "ours.zip"), convert.ToZip(tmp_path / "plain.zip")
    options = convert.Options("coco", media=True)

    convert.export(shelf.conn, labels, options, target[0])
    with door(server.address, without="howdah.bulk.API") as address, channel.connect(address) as conn:
        convert.export(conn, labels, options, target[1])

    assert target[0].path.read_bytes() == target[1].path.read_bytes()


@pytest.mark.parametrize("kind", [convert.ToFolder, convert.ToZip])
def test_a_full_disk_is_told_and_nothing_is_left(
    shelf: Shelf, labels: File, tmp_path: Path, kind: type[convert.ToFolder] | type[convert.ToZip]
) -> None:
    refused = []
    with small_disk(tmp_path / "disk", "1m") as disk:
        place = kind(disk.folder / "x")
        for free in range(0, 70_000, 4096):
            disk.leave(free)
            try:
                convert.export(shelf.conn, labels, convert.Options("coco", media=True), place)
                break
            except Unavailable as error:
                refused.append(error.message)
            assert names(disk.folder) == ["ballast"]
            assert not place.path.exists()
        assert place.path.exists()
    assert len(refused) > 5
    assert all("check the disk's free space" in text for text in refused)
