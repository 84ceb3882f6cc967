"""Which commits changed a path: also where commits failed in between."""

from pathlib import Path

import pytest

from howdah.errors import Unavailable
from howdah.pfs import history, writing
from tests.pfs.stores import HEAD, ids, new_store, start, write


def test_failed_commit_counts_and_what_comes_after_is_measured_by_what_was_before(tmp_path: Path) -> None:
    with new_store(tmp_path / "data") as store:
        write(store, {"/a": b"1"})
        start(store)
        write(store, {"/a": b"2"})
        writing.finish(store, HEAD, error="broken")
        write(store, {"/b": b"1"})
        third, second, first = ids(store)

        found = [(each.commit.id, each.is_found, each.searched) for each in history.find(store, HEAD, "a")]
        assert found == [(second, True, 2), (first, True, 3), (first, False, 3)]
        assert [each.commit.id for each in history.find(store, HEAD, "/") if each.is_found] == [third, second, first]
        assert [each.searched for each in history.find(store, HEAD, "/b", limit=1)] == [1, 1]


def test_file_that_becomes_a_directory_has_changed(tmp_path: Path) -> None:
    with new_store(tmp_path / "data") as store:
        write(store, {"/a": b"1"})
        write(store, {"/a": None, "/a/b": b"1"})
        assert [each.is_found for each in history.find(store, HEAD, "/a/")] == [True, True, False]


def test_search_begins_at_a_finished_commit(tmp_path: Path) -> None:
    with new_store(tmp_path / "data") as store:
        start(store)
        with pytest.raises(Unavailable, match="not finished"):
            next(history.find(store, HEAD, "/a"))
