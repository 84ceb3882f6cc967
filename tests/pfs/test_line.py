"""What somebody who follows a branch has not been told yet, also when the branch was moved or commits were squashed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from howdah.names import Branch, Commit
from howdah.pfs import branches, commits, commitsets, graph, resolve
from howdah.store.store import Store
from tests.pfs.stores import MASTER, REPO, ids, new_store, write


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with new_store(tmp_path / "data") as opened:
        for path in ("/a", "/b", "/c"):
            write(opened, {path: b"x"})
        yield opened


def line(store: Store, since: int | None, branch: Branch = MASTER) -> tuple[int, list[str]]:
    with store.database.read() as tx:
        told, numbers = commits.line_of_branch(tx, branch, since)
        return told, [info.commit.id for info in commits.numbered(tx, numbers)]


def move(store: Store, id: str, branch: Branch = MASTER) -> None:
    with graph.step(store) as made:
        branches.create(made, branch, Commit(REPO, id))


def test_line_is_told_oldest_first_and_once(store: Store) -> None:
    third, second, first = ids(store)
    told, found = line(store, None)
    assert found == [first, second, third]
    assert line(store, told) == (told, [])
    write(store, {"/d": b"x"})
    assert line(store, told)[1] == ids(store)[:1]


def test_branch_that_was_moved_tells_what_was_not_in_its_line(store: Store) -> None:
    third, second, first = ids(store)
    told, _ = line(store, None)
    move(store, first)
    back, found = line(store, told)
    assert found == []
    assert line(store, back)[1] == []
    write(store, {"/other": b"x"})
    assert line(store, told)[1] == ids(store)[:1]

    move(store, third)  # onto commits that are older than the newest that was told
    assert line(store, back)[1] == [second, third]


def test_branch_tells_older_commits_of_another_line(store: Store) -> None:
    other = Branch(REPO, "other")
    write(store, {"/z": b"x"}, Commit(REPO, "other"))
    told, _ = line(store, None, other)
    third, second, first = ids(store)[1:]
    move(store, third, other)
    assert line(store, told, other)[1] == [first, second, third]


def test_squashed_commit_is_not_needed_to_go_on(store: Store) -> None:
    _, second, _ = ids(store)
    with store.database.read() as tx:
        told = resolve.commit(tx, Commit(REPO, second)).number
    with graph.step(store) as made:
        commitsets.squash(made, second)
    write(store, {"/d": b"x"})
    assert line(store, told)[1] == ids(store)[1::-1]
