"""A disk that is full: what was refused did not happen, what was taken stays."""

from pathlib import Path

import pytest

from howdah.errors import Unavailable
from howdah.names import Commit, Project, Repo
from howdah.pfs import graph, repos, upkeep, writing
from howdah.store.store import Store
from howdah.testing.faults import Room, TroubledBucket
from tests.pfs.stores import HEAD, content, new_store, start, write


def with_room(store: Store, room: int) -> Store:
    return Store(store.database, TroubledBucket(store.bucket, Room(room)), store.now)


@pytest.mark.parametrize("is_open", [True, False])
def test_a_stream_that_finds_no_room_leaves_nothing(tmp_path: Path, is_open: bool) -> None:  # noqa: FBT001
    with new_store(tmp_path / "data") as store:
        write(store, {"/a": b"1"})
        if is_open:
            start(store)
        with pytest.raises(Unavailable):
            write(with_room(store, 0), {"/b": b"2"})
        assert content(store) == {"/a": b"1"}


def test_a_long_stream_that_was_written_is_not_told_to_have_failed(tmp_path: Path) -> None:
    with new_store(tmp_path / "data") as store:
        commit: Commit = start(store)
        session = writing.Session(with_room(store, 1), HEAD)  # room for what was sent, none for the tree
        for at in range(1200):
            session.put(f"/{at}", b"x")
        session.close()
        assert len(content(store, commit)) == 1200


def test_gc_gives_room_back_although_there_is_none_to_rewrite_packs(tmp_path: Path) -> None:
    other = Repo(Project(), "other")
    with new_store(tmp_path / "data") as store:
        with store.database.write() as tx:
            repos.create(tx, other, "", now=store.now())
        write(store, {"/gone": b"g" * 50_000}, Commit(other, "master"))
        for at in range(20):
            write(store, {f"/{at}": b"%d" % at})
        before = content(store)
        with graph.step(store) as made:
            repos.delete(made.tx, other)
        packs = len(list(store.bucket.list()))
        with pytest.raises(Unavailable):
            upkeep.collect(with_room(store, 0))
        assert len(list(store.bucket.list())) == packs - 1
        assert content(store) == before
        assert upkeep.collect(store).packs_after == 1
        assert content(store) == before
