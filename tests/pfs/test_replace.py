"""Many whole files at once are written as each by itself would be."""

from __future__ import annotations

from pathlib import Path

import pytest

from howdah.chunker import MINIMUM
from howdah.errors import Invalid
from howdah.names import Branch, Commit, File
from howdah.pfs import commits, files, graph, writing
from howdah.store.store import Store
from tests.pfs.stores import REPO, new_store

LARGE = bytes(range(256)) * (MINIMUM // 256 + 1)
ROWS = {
    "plain": [("/a", b"1"), ("/b", b""), ("/d/c", b"3")],
    "the same path again": [("/a", b"1"), ("/b", b"2"), ("/a", b"3"), ("/a", b"")],
    "large ones between": [("/a", LARGE), ("/b", b"2"), ("/c", LARGE), ("/a", LARGE[:-1])],
    "paths to be put right": [("a", b"1"), ("//b//c", b"2"), ("/d/", b"3"), ("/d", b"4"), ("/e" * 2000, b"5")],
    "a file where a folder was": [("/old/x", b"1"), ("/old/", b"2")],
    "none": [],
}
AGAIN = Commit(REPO, "again")


def found(store: Store, commit: Commit) -> list[tuple[str, str, bytes]]:
    return [(entry.path, entry.datum, entry.digest) for entry in files.entries(store, File(commit, "/"))]


@pytest.mark.parametrize("datum", ["", "mine"])
@pytest.mark.parametrize("kind", ROWS)
def test_rows_become_what_deletes_and_puts_make(tmp_path: Path, kind: str, datum: str) -> None:
    with new_store(tmp_path / "data") as store:
        for commit in (Commit(REPO, "one"), AGAIN):
            with graph.step(store) as made:
                commits.start(made, Branch(REPO, commit.id), "")  # open: it may hold what no finished one may
            session = writing.Session(store, commit)
            for path in ("/a", "/b", "/old/file"):
                session.put(path, b"of another", "other")
                session.put(path, b"before", datum)
            session.delete("/a", "other")
            if commit == AGAIN:
                session.replace(ROWS[kind], datum)
            else:
                for path, data in ROWS[kind]:
                    session.delete(path, datum)
                    session.put(path, data, datum)
            session.put("/z", b"behind")
            session.put("/z", b"it")
            session.close()
        assert found(store, AGAIN) == found(store, Commit(REPO, "one"))


def test_a_path_that_cannot_be_is_refused(tmp_path: Path) -> None:
    with new_store(tmp_path / "data") as store, pytest.raises(Invalid, match="relative"):
        writing.Session(store, AGAIN).replace([("/a", b"1"), ("/../b", b"2")])
