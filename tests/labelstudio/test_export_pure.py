"""What a commit counts and says, where files are, and the bytes of a file: what knows neither database nor network."""

from __future__ import annotations

import json
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from howdah.labelstudio import commit_text, export, layout, listing
from howdah.labelstudio.commit_text import Story
from howdah.labelstudio.export import Event, Tally, summarise
from howdah.labelstudio.layout import Shown


def events(*whats: str, annotation: int = 1, author: str = "a@x", task: int = 1) -> list[Event]:
    return [Event(task, annotation, what, author) for what in whats]


@pytest.mark.parametrize(
    ("whats", "meant"),
    [
        (["created"], {"new": 1}),
        (["created", "changed", "changed"], {"new": 1}),
        (["changed", "changed"], {"changed": 1}),
        (["changed", "deleted"], {"deleted": 1}),
        (["created", "changed", "deleted"], {}),
    ],
)
def test_events_of_one_annotation_become_what_is_left_of_them(whats: list[str], meant: dict[str, int]) -> None:
    found = summarise(events(*whats))
    assert dict(found.tally.kinds) == meant
    assert found.tasks == ({1} if meant else set())


def test_an_author_counts_once_for_each_annotation() -> None:
    tally = summarise(
        [
            *events("created", "changed"),
            *events("changed", annotation=2, author="b@x"),
            *events("changed", annotation=3),
        ]
    ).tally
    assert tally.people == {"a@x": {"new": 1, "changed": 1}, "b@x": {"changed": 1}}
    assert tally.total == 3


def test_an_annotation_that_moved_changes_both_tasks_and_counts_once() -> None:
    found = summarise([*events("changed", task=1), *events("changed", task=2)])
    assert (found.tally.total, found.tasks) == (1, {1, 2})


def test_a_task_that_changed_alone_is_written_and_counts_as_no_annotation() -> None:
    found = summarise([Event(7, None, "task")])
    assert (found.tally.total, found.tasks) == (0, {7})


def test_skips_are_counted_apart_unless_they_were_deleted() -> None:
    told = [*events("created"), *events("created", annotation=2), *events("deleted", annotation=3)]
    assert dict(summarise(told, skipped={2, 3}).tally.kinds) == {"new": 1, "skipped": 1, "deleted": 1}


def tally(**people: dict[str, int]) -> Tally:
    made = Tally()
    for name, counts in people.items():
        for kind, count in counts.items():
            for _ in range(count):
                made.add(kind, name)
    return made


def test_a_description_names_its_run_from_beginning_to_end() -> None:
    counted = tally(b={"new": 1}, a={"new": 1, "changed": 1})
    story = Story(7, " Cats\nand dogs", counted, ["default/images@1"], {}, 3, 1)
    closed = commit_text.closing(story, "key")
    assert closed.splitlines() == [
        "2 new, 1 changed, 0 deleted annotations", "", "By: a 2, b 1", "Project: 7 Cats and dogs",
        "Source: default/images@1", "Files: 3 written, 1 removed", "Sync: key",
    ]  # fmt: skip
    assert commit_text.is_closed(closed, "key")
    assert commit_text.is_open(commit_text.opening("key"), "key")
    assert commit_text.is_open(commit_text.opening("key"), "ke")
    assert not commit_text.is_closed(commit_text.opening("key"), "key")
    assert not commit_text.is_closed(closed, "another")
    assert not commit_text.is_open(closed, "key")


def test_a_description_tells_of_skips_and_names_at_most_twenty_sources() -> None:
    story = Story(1, "A", tally(a={"new": 1, "skipped": 2}), [f"default/r@{n}" for n in range(30)])
    closed = commit_text.closing(story, "key")
    assert closed.startswith("1 new, 0 changed, 0 deleted annotations, 2 skipped\n")
    assert sum(line.startswith("Source: default/") for line in closed.splitlines()) == 20
    assert "Source: … and 10 more" in closed


def test_metadata_tells_people_sources_counts_and_tools() -> None:
    counted = tally(**{"a@x": {"new": 2, "skipped": 1}, "gone@x": {"deleted": 1}})
    story = Story(7, "Cats", counted, ["default/images@1"], {"a@x": 3}, 2, 1, {"howdah": "1.0"})
    told = commit_text.metadata(story)
    assert {name: told[name] for name in ("project", "title", "new", "changed", "deleted", "skipped", "howdah")} == {
        "project": "7", "title": "Cats", "new": "2", "changed": "0", "deleted": "1", "skipped": "1", "howdah": "1.0",
    }  # fmt: skip
    assert json.loads(told["people"]) == [
        {"email": "a@x", "id": 3, "new": 2, "changed": 0, "deleted": 0, "skipped": 1},
        {"email": "gone@x", "id": None, "new": 0, "changed": 0, "deleted": 1, "skipped": 0},
    ]
    assert json.loads(told["sources"]) == ["default/images@1"]
    assert all(isinstance(value, str) for value in told.values())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.dictionaries(st.text(), JSON))
def test_the_same_task_gives_the_same_bytes(task: dict[str, object]) -> None:
    again = dict(reversed(list(task.items())))
    assert export.content_of(task) == export.content_of(again)


def test_half_a_surrogate_pair_is_written_as_an_escape() -> None:
    assert export.content_of({"text": "\ud800ü"}) == b'{"text":"\\ud800\\u00fc"}\n'


@pytest.mark.parametrize(
    ("shown", "path"),
    [
        (Shown("/images/dog.jpg"), "/in/images/dog.jpg.json"),
        (Shown("/rows.jsonl", 3), "/in/rows.jsonl/3.json"),
        (Shown("/rows.json", 3), "/in/rows.json.d/3.json"),
        (Shown("/a.json/b.jpg"), "/in/a.json.d/b.jpg.json"),
        (Shown("/dog.jpg", past=True), "/in/dog.jpg.7.json"),
        (None, "/in/_tasks/7.json"),
    ],
)
def test_a_file_is_named_after_what_its_task_shows(shown: Shown | None, path: str) -> None:
    assert layout.by_source("/in", 7, shown) == path


def test_a_file_is_named_by_its_task() -> None:
    assert layout.by_task("/", 7) == "/7.json"
    assert layout.config_path("/") == "/.howdah/labeling.xml"


NAMES = st.lists(st.sampled_from(["a", "b", "a.json", "a.json.d", "1"]), min_size=1, max_size=3)
SHOWN = st.none() | st.builds(
    Shown, NAMES.map(lambda names: "/" + "/".join(names)), st.none() | st.integers(0, 2), st.booleans()
)


@given(st.dictionaries(st.integers(1, 20), SHOWN, max_size=12), st.integers(0, 12))
def test_each_task_has_a_path_of_its_own_that_is_no_folder_and_stays(tasks: dict[int, Shown | None], cut: int) -> None:
    wanted = {task: layout.by_source("/", task, shown) for task, shown in tasks.items()}
    settled = layout.settle(wanted, {}, set())
    assert len(set(settled.values())) == len(settled) == len(tasks)
    folders = {str(parent) for path in settled.values() for parent in PurePosixPath(path).parents}
    assert not folders & set(settled.values())

    assert layout.settle(wanted, settled, set()) == settled
    some = dict(list(wanted.items())[:cut])
    others = {path for task, path in settled.items() if task not in some}
    assert set(layout.settle(some, {}, others).values()).isdisjoint(others)


def test_of_two_tasks_with_one_name_the_first_keeps_it() -> None:
    wanted = {5: "/a.json", 3: "/a.json"}
    assert layout.settle(wanted, {}, set()) == {3: "/a.json", 5: "/a.5.json"}
    assert layout.settle(wanted, {5: "/a.json"}, set()) == {5: "/a.json", 3: "/a.3.json"}
    assert layout.settle({5: "/a.json"}, {}, {"/a.json"}) == {5: "/a.5.json"}


@pytest.mark.parametrize("size", [0, 1, 600_000, 9_000_000])
def test_a_digest_is_told_without_asking_the_store(size: int) -> None:
    """See the test of the target that compares with what the store says."""
    assert len(listing.digest_of(b"x" * size)) == 32
