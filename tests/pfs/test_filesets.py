"""Filesets: what they hold, for how long, and what adding them to a commit does."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from howdah.errors import Invalid, NotFound, WrongState
from howdah.names import Branch, Commit, Project, Repo
from howdah.pfs import cache, commits, filesets, upkeep, writing
from howdah.store.store import Store
from tests.pfs.stores import HEAD, content, new_store, start, write

HALF_AN_HOUR = 30 * 60 * 1_000_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with new_store(tmp_path / "data") as opened:
        yield opened


def make(store: Store, puts: dict[str, bytes], *deletes: str) -> str:
    session = filesets.Session(store)
    for path in deletes:
        session.delete(path)
    for path, data in puts.items():
        session.put(path, data)
    return session.close()


def held(store: Store, id: str) -> dict[str, bytes]:
    return content(store, Commit(Repo(Project(), "__filesets__"), id))


def test_fileset_is_read_as_a_commit_and_added_to_one(store: Store) -> None:
    write(store, {"/a": b"1", "/b": b"2"})
    id = make(store, {"/a": b"3", "/c/d": b"4"}, "/b")
    assert held(store, id) == {"/a": b"3", "/c/d": b"4"}

    commit = start(store)
    filesets.add(store, id, commit)
    writing.finish(store, commit)
    assert content(store) == {"/a": b"13", "/c/d": b"4"}  # puts append, and what was removed is gone
    with pytest.raises(WrongState, match="has already finished"):
        filesets.add(store, id, commit)


def test_filesets_put_together_are_one_after_the_other(store: Store) -> None:
    first, second, third = make(store, {"/a": b"1", "/b": b"1"}), make(store, {"/a": b"2"}), make(store, {}, "/b")
    assert held(store, filesets.compose(store, [first, second, third])) == {"/a": b"12"}
    assert held(store, filesets.compose(store, [])) == {}


def test_fileset_of_a_commit_holds_its_files_or_what_it_changed(store: Store) -> None:
    write(store, {"/a": b"1", "/b": b"2", "/c": b"3"})
    write(store, {"/a": None, "/b": b"changed", "/new": b"4"})
    whole, changed = filesets.of_commit(store, HEAD), filesets.of_changes(store, HEAD)
    assert held(store, whole) == content(store)
    assert held(store, changed) == {"/b": b"changed", "/new": b"4"}

    write(store, {"/": None, "/a": b"1", "/b": b"2", "/c": b"3"}, Commit(HEAD.repo, "other"))
    commit = start_on(store, "other")
    filesets.add(store, changed, commit)
    writing.finish(store, commit)
    assert content(store, commit) == content(store)


def start_on(store: Store, branch: str) -> Commit:
    return writing.step(store, lambda made: commits.start(made, Branch(HEAD.repo, branch), ""))


def test_fileset_of_an_open_commit_holds_what_was_written_so_far(store: Store) -> None:
    commit = start(store)
    write(store, {"/a": b"1"})
    id = filesets.of_commit(store, commit)
    write(store, {"/b": b"1"})
    assert held(store, id) == {"/a": b"1"}


def test_fileset_lives_as_long_as_it_is_renewed(store: Store) -> None:
    begun = store.now()
    id = make(store, {"/a": b"1"})
    store.now = partial(int, begun + HALF_AN_HOUR - 1_000_000)
    assert held(store, id)
    with store.database.write() as tx:
        filesets.renew(tx, id, now=store.now(), seconds=3600)
    store.now = partial(int, begun + 2 * HALF_AN_HOUR)
    assert held(store, id)
    store.now = partial(int, begun + 4 * HALF_AN_HOUR)
    with pytest.raises(NotFound, match=f"fileset {id} not found"):
        held(store, id)
    with pytest.raises(NotFound), store.database.write() as tx:
        filesets.renew(tx, id, now=store.now(), seconds=3600)


def test_gc_leaves_what_living_filesets_need_and_removes_the_rest(store: Store) -> None:
    begun = store.now()
    id = make(store, {f"/{number}": f"{number}".encode() * 50 for number in range(40)})
    assert upkeep.collect(store).blobs == 0
    assert len(held(store, id)) == 40

    store.now = partial(int, begun + 2 * HALF_AN_HOUR)
    assert upkeep.collect(store).blobs >= 40


def test_shards_hold_every_file_once(store: Store) -> None:
    id = make(store, {f"/{name}": b"x" * 10 for name in "abcde"})
    assert [*filesets.shard(store, id)] == [("", "")]
    assert [*filesets.shard(store, id, number=2)] == [("", "/c"), ("/c", "/e"), ("/e", "")]
    assert [*filesets.shard(store, id, size=25)] == [("", "/d"), ("/d", "")]


@pytest.mark.parametrize("seconds", [-1, 100_000])
def test_life_of_a_fileset_has_bounds(store: Store, seconds: int) -> None:
    with pytest.raises(Invalid, match="ttl"):
        filesets.compose(store, [], seconds=seconds)


def test_fileset_that_a_cached_value_speaks_of_lives_as_long_as_it(store: Store) -> None:
    begun = store.now()
    kept, other = make(store, {"/a": b"1"}), make(store, {"/b": b"1"})
    with store.database.write() as tx:
        cache.put(tx, "key", b"value", tag="tag/one", filesets=[kept, kept], now=begun)
    store.now = partial(int, begun + 2 * HALF_AN_HOUR)
    upkeep.collect(store)
    assert held(store, kept) == {"/a": b"1"}
    with pytest.raises(NotFound):
        held(store, other)
    with store.database.write() as tx:
        assert cache.get(tx, "key") == b"value"
        cache.put(tx, "key", b"newer", tag="tag/one", filesets=[kept], now=store.now())
        with pytest.raises(NotFound, match="fileset .* not found"):
            cache.put(tx, "key", b"", tag="", filesets=[other], now=store.now())
        cache.clear(tx, "tagged")
        assert cache.get(tx, "key") == b"newer"
        cache.clear(tx, "tag/")
        with pytest.raises(NotFound, match="cache key key not found"):
            cache.get(tx, "key")
    upkeep.collect(store)
    with pytest.raises(NotFound):
        held(store, kept)
