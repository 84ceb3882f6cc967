"""What a Sync decides: no database, no network."""

from __future__ import annotations

import hashlib
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from howdah.convert.predictions import entries, own_paths
from howdah.errors import Corrupt
from howdah.infos import FileInfo, FileType
from howdah.labelstudio import sync
from howdah.labelstudio.datakeys import Chooser
from howdah.labelstudio.sync import Gone, Known
from howdah.names import Commit, File, Project, Repo

REPO = Repo(Project("default"), "images")
TREES = st.dictionaries(st.sampled_from(["/a", "/a-b", "/a.b", "/a/b", "/b", "/ü", "/𝄞", "/￿"]), st.sampled_from("xyz"))


def info(path: str, content: str = "x") -> FileInfo:
    digest = hashlib.sha256(content.encode()).digest()
    return FileInfo(File(Commit(REPO, "master"), path), FileType.FILE, 1, digest)


def listed(tree: dict[str, str]) -> list[FileInfo]:
    return [info(path, content) for path, content in sorted(tree.items())]


def known(path: str, content: str = "x", *, removed: bool = False) -> Known:
    return Known(path, info(path, content).digest.hex(), removed)


def test_a_plan_tells_apart_what_became_of_files() -> None:
    there = [
        known("/same"), known("/edited", "old"), known("/back", removed=True), known("/other", "old", removed=True)
    ]  # fmt: skip
    files = [info(path) for path in ("/new", "/same", "/edited", "/back", "/other", "/unnoted")]
    gone = Gone([known("/before", "moved"), known("/away", "away")])

    planned = sync.plan(
        [*files, info("/after", "moved")], {each.path: each for each in [*there, Known("/unnoted", "")]}, gone
    )

    def paths(infos: tuple[FileInfo, ...]) -> list[str]:
        return [each.file.path for each in infos]

    assert paths(planned.add) == ["/new"]
    assert paths(planned.same) == ["/same", "/unnoted"]
    assert paths(planned.edit) == ["/edited"]
    assert paths(planned.back) == ["/back", "/other"]
    assert [(before, after.file.path) for before, after in planned.move] == [("/before", "/after")]
    assert gone.left() == ["/away"]


def test_each_file_that_is_gone_is_moved_once() -> None:
    gone = Gone([known("/1"), known("/2"), known("/was removed before", removed=True)])
    planned = sync.plan([info("/a"), info("/b"), info("/c")], {}, gone)
    assert [(before, after.file.path) for before, after in planned.move] == [("/1", "/a"), ("/2", "/b")]
    assert [each.file.path for each in planned.add] == ["/c"]
    assert not gone


@given(TREES, TREES)
def test_a_join_pairs_what_has_the_same_path(now: dict[str, str], before: dict[str, str]) -> None:
    found = list(sync.merge(listed(now), [known(path, content) for path, content in sorted(before.items())]))
    assert {left.file.path for left, _ in found if left} == now.keys()
    assert {right.path for _, right in found if right} == before.keys()
    assert all(left.file.path == right.path for left, right in found if left and right)
    assert len(found) == len(now.keys() | before.keys())


def test_a_list_out_of_order_is_refused() -> None:
    with pytest.raises(Corrupt):
        list(sync.merge([info("/b"), info("/a")], []))


@given(TREES, TREES)
def test_carrying_out_a_plan_leaves_what_the_commit_holds(now: dict[str, str], before: dict[str, str]) -> None:
    numbers = count()
    tasks = {path: (next(numbers), content) for path, content in before.items()}
    old = {path: known(path, content) for path, content in before.items()}
    gone = Gone(each for each in old.values() if each.path not in now)

    planned = sync.plan(listed(now), old, gone)

    content = {info("/", text).digest: text for text in "xyz"}
    for path, each in planned.move:
        assert tasks[path][1] == now[each.file.path]
        tasks[each.file.path] = tasks.pop(path)
    for each in planned.edit:
        tasks[each.file.path] = (tasks[each.file.path][0], content[each.digest])
    for each in planned.add:
        tasks[each.file.path] = (next(numbers), content[each.digest])
    for path in gone.left():
        del tasks[path]
    assert {path: text for path, (_, text) in tasks.items()} == now
    assert all(tasks[each.file.path][1] == content[each.digest] for each in planned.same)


def test_a_file_of_tasks_is_removed_when_all_its_tasks_are() -> None:
    rows = [("/a", "1", "", ""), ("/a", "0", "gone", "new"), ("/b", "1", "gone", ""), ("/c", "1", "", "new")]
    assert list(sync.known(rows)) == [Known("/a", "1"), Known("/b", "1", removed=True), Known("/c", "1", behind=True)]


def test_json_files_have_a_pattern() -> None:
    assert sync.glob_of_json(sync.Selection("/a (b)/c")) == r"/a\ \(b\)/c/**.json"
    assert sync.glob_of_json(sync.Selection("/", recursive=False)) == "/*.json"


PNG = b"\x89PNG\r\n\x1a\n and so on"


def test_a_file_goes_to_the_tag_that_can_show_it() -> None:
    chooser = Chooser({"text": "Text", "image": "Image", "sound": "Audio"}, "$undefined$")

    assert chooser.name_for("/a.jpg", bytes) == "image"
    assert chooser.name_for("/a.mp3", bytes) == "sound"
    assert chooser.name_for("/noted", lambda: PNG) == "image"
    assert chooser.name_for("/words", lambda: b"words") == "text"
    assert chooser.name_for("/a.mp4", bytes) == "$undefined$"
    assert chooser.counts == {
        "image by name": 1, "sound by name": 1, "image by content": 1, "text by content": 1, "$undefined$ by default": 1
    }  # fmt: skip


def test_with_one_tag_nothing_is_chosen_and_nothing_read() -> None:
    chooser = Chooser({"image": "Image"}, "$undefined$")
    assert chooser.name_for("/noted", lambda: pytest.fail("was read")) == "$undefined$"
    assert not chooser.counts


def test_predictions_say_what_they_are_about() -> None:
    def paths(content: bytes) -> list[list[str]]:
        return [list(entry.paths) for entry in entries(content, ["/own"], REPO)]

    assert paths(b'{"result": []}') == [["/own"]]
    assert paths(b'[{"result": []}, {"result": []}]') == [["/own"]]
    assert paths(b'{"predictions": [], "data": {"x": "pfs://default/images@master:/a.jpg"}}') == [["/a.jpg", "/own"]]
    assert paths(b'{"predictions": [], "data": {"x": "pfs://default/other@master:/a.jpg"}}') == [["/own"]]
    assert paths(b'{"predictions": [], "meta": {"howdah": {"source": {"path": "/b.jpg"}}}}') == [["/b.jpg", "/own"]]


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'"text"', b'{"predictions": 1}', b"{}"])
def test_what_holds_no_predictions_says_so(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"is no JSON|holds"):
        list(entries(content, ["/own"], REPO))


def test_a_path_of_predictions_means_the_file_beside_it() -> None:
    assert own_paths("/x/a.jpg.json", [".jpg", ".png"])[0] == "/x/a.jpg"
    assert own_paths("/x/a.json", [".jpg", ".png"])[1:] == ["/x/a.jpg", "/x/a.png"]
