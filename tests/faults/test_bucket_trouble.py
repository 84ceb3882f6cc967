"""A bucket that fails or is slow: a clear error, the old state or the new, and everything well when it is back."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from howdah.errors import Unavailable
from howdah.names import Branch, Commit, Project, Repo
from howdah.pfs import branches, check, graph, repos, upkeep
from howdah.store.bucket import MemoryBucket
from howdah.store.store import Store
from howdah.testing.contracts.bucket import BucketContract
from howdah.testing.faults import Mishap, Outage, Slowness, Trouble, TroubledBucket, Weather
from tests.faults.test_crash_points import CLOSED, OPEN, prepare, state, with_garbage
from tests.pfs.stores import HEAD, MASTER, REPO, content, new_store, write

OTHER = Repo(Project(), "other")
THERE = Commit(OTHER, "master")


class TestTroubledBucket(BucketContract):
    """Without trouble, and with some that does nothing, it is a bucket as any."""

    @pytest.fixture
    def bucket(self) -> TroubledBucket:
        return TroubledBucket(MemoryBucket(), Outage())


def by_way_of(store: Store, trouble: Trouble) -> Store:
    """The same folder on a bad road, seen by a process that remembers nothing."""
    return Store(store.database, TroubledBucket(store.bucket, trouble), store.now)


@pytest.mark.parametrize(
    ("verb", "is_open"),
    [*((verb, False) for verb in CLOSED), *((verb, True) for verb in OPEN)],
    ids=lambda value: getattr(value, "__name__", {True: "open", False: "finished"}.get(value)),
)
def test_a_verb_whose_passage_fails_is_told_and_can_be_repeated(
    tmp_path: Path, verb: Callable[[Store], None], is_open: bool
) -> None:
    count = Mishap()
    with new_store(tmp_path / "whole") as store:
        prepare(store, is_open=is_open)
        before = state(store)
        verb(by_way_of(store, count))
        after = state(store)
    for at in range(1, count.passed + 1):
        with new_store(tmp_path / str(at)) as store:
            prepare(store, is_open=is_open)
            troubled = by_way_of(store, Mishap(at))
            try:
                verb(troubled)
            except Unavailable:
                assert state(store) == before
                verb(troubled)  # the same process, a while later
            assert state(store) == after
            assert check.fsck(store) == []


def test_gc_in_bad_weather_loses_nothing_and_ends_when_it_clears(tmp_path: Path) -> None:
    chance = random.Random(5)
    failed = 0
    with new_store(tmp_path / "data") as store:
        with_garbage(store)
        before = state(store)
        for _ in range(30):
            try:
                upkeep.collect(by_way_of(store, Weather(chance, 0.15)))
            except Unavailable:
                failed += 1
            write(store, {"/more": chance.randbytes(2000)}, Commit(REPO, "dev"))
        assert failed
        upkeep.collect(store)
        told, heads = state(store)
        assert [each for each in before[0] if each in told] == before[0]
        assert heads.keys() == before[1].keys()
        assert check.fsck(store) == []


def test_an_outage_is_told_as_that_and_fsck_forgets_nothing_meanwhile(tmp_path: Path) -> None:
    outage = Outage()
    with new_store(tmp_path / "data") as store:
        write(store, {"/a": b"a" * 5000})
        there = by_way_of(store, outage)
        outage.is_out = True
        for verb in (content, upkeep.collect, lambda store: write(store, {"/b": b"b" * 5000})):
            with pytest.raises(Unavailable, match="does not answer"):
                verb(there)
        with graph.step(there) as made:  # what needs no bytes goes on
            branches.create(made, Branch(REPO, "dev"), HEAD)
            repos.create(made.tx, OTHER, "", now=made.now)
        with pytest.raises(Unavailable):
            check.fsck(there, fix=True)
        outage.is_out = False
        assert content(there) == content(there, Commit(REPO, "dev")) == {"/a": b"a" * 5000}
        assert check.fsck(there) == []
        write(there, {"/b": b"b" * 5000})
        assert content(store)["/b"] == b"b" * 5000


def test_packs_that_are_away_are_told_and_what_others_hold_is_read(tmp_path: Path) -> None:
    with new_store(tmp_path / "data") as store:
        with store.database.write() as tx:
            repos.create(tx, OTHER, "", now=store.now())
        write(store, {"/a": b"a" * 5000})
        [mine] = [name for name, _ in store.bucket.list()]
        write(store, {"/b": b"b" * 5000}, THERE)

        def away(method: str, name: str) -> None:
            if method == "get" and name == mine:
                raise Unavailable(f"{name} is away", kind="disk")

        there = by_way_of(store, away)
        assert content(there, THERE) == {"/b": b"b" * 5000}
        with pytest.raises(Unavailable, match="is away"):
            content(there)
        told = [finding.text for finding in check.fsck(there, fix=True)]
        assert any(f"pack {mine} cannot be read" in text for text in told)
        assert any("file default/images@" in text for text in told)
        assert not any("other" in text for text in told)
        assert check.fsck(store) == []
        assert content(store) == {"/a": b"a" * 5000}


@pytest.mark.parametrize("method", ["put", "get"])
def test_who_waits_for_a_slow_bucket_holds_up_nobody_who_needs_it_not(tmp_path: Path, method: str) -> None:
    with new_store(tmp_path / "data") as store, ThreadPoolExecutor(2) as pool:
        with store.database.write() as tx:
            repos.create(tx, OTHER, "", now=store.now())
        write(store, {"/a": b"a" * 5000})
        slowness = Slowness(method)
        slow = by_way_of(store, slowness)
        written, read = pool.submit(write, slow, {"/b": b"b"}), pool.submit(content, slow)
        assert slowness.waits.wait(60)
        write(store, {"/c": b"c"}, THERE)  # rows and another road are free
        with graph.step(slow) as made:
            branches.create(made, Branch(REPO, "dev"), None)
        slowness.go_on()
        written.result(60)
        assert read.result(60)["/a"] == b"a" * 5000
        assert content(store) == {"/a": b"a" * 5000, "/b": b"b"}
        assert content(store, THERE) == {"/c": b"c"}
        with store.database.read() as tx:
            assert branches.inspect(tx, MASTER).head is not None
