"""What happens between two transactions of one verb: writes go where they were meant to go, or nowhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from howdah.db.database import Database, Tx
from howdah.errors import NotFound
from howdah.names import Branch, Commit, Project, Repo
from howdah.pfs import commits, files, graph, repos, writing
from howdah.store.store import Store
from tests.pfs.stores import HEAD, REPO, content, new_store, start, write

OTHER = Repo(Project(), "other")


class Interrupted:
    """A database where something else happens just before the next writing transaction."""

    def __init__(self, database: Database, meanwhile: Callable[[], None]) -> None:
        self._database = database
        self._meanwhile: Callable[[], None] | None = meanwhile
        self.read = database.read
        self.watch = database.watch
        self.check = database.check
        self.copy = database.copy
        self.close = database.close

    @contextmanager
    def write(self) -> Iterator[Tx]:
        meanwhile, self._meanwhile = self._meanwhile, None
        if meanwhile is not None:
            meanwhile()
        with self._database.write() as tx:
            yield tx


def interrupted(store: Store, meanwhile: Callable[[], None]) -> Store:
    return Store(Interrupted(store.database, meanwhile), store.bucket, store.now)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with new_store(tmp_path / "data") as store:
        yield store


def test_a_write_into_a_deleted_repo_does_not_reach_the_commit_that_came_after(store: Store) -> None:
    start(store)

    def replace_the_repo() -> None:
        with graph.step(store) as made:
            repos.delete(made.tx, REPO)
            repos.create(made.tx, OTHER, "", now=made.now)
            commits.start(made, Branch(OTHER), "")

    with pytest.raises(NotFound, match="deleted meanwhile"):
        write(interrupted(store, replace_the_repo), {"/a": b"for the first repo"})
    assert content(store, Commit(OTHER, "master")) == {}


def test_a_write_that_comes_while_two_fold_is_kept(store: Store) -> None:
    write(store, {"/a": b"1"})
    commit = start(store)
    write(store, {"/a": b"1"})  # folding this leaves the tree as it is

    def fold_and_write() -> None:
        files.view(store, commit)
        write(store, {"/b": b"2"})

    files.view(interrupted(store, fold_and_write), commit)
    assert content(store, commit) == {"/a": b"1", "/b": b"2"}


def test_a_commit_finished_before_a_write_reaches_it_gives_the_write_a_commit_of_its_own(store: Store) -> None:
    started = start(store)
    write(interrupted(store, lambda: writing.finish(store, started)), {"/a": b"1"})
    assert content(store, started) == {}
    assert content(store, HEAD) == {"/a": b"1"}
