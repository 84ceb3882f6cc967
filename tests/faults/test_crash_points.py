"""Whatever verb runs and wherever it dies, the store holds the old state or the new one."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from howdah.digest import of_bytes
from howdah.names import Branch, Commit, File
from howdah.pfs import branches, check, commits, commitsets, graph, upkeep, writing
from howdah.store import gc
from howdah.store.pack import FOLDER
from howdah.store.store import Store
from tests.faults.doors import Died, Fate, kept
from tests.pfs.stores import HEAD, REPO, content, ids, new_store, start, write

State = tuple[list[tuple[str, bool, str, dict[str, bytes]]], dict[str, str]]


def state(store: Store) -> State:
    """All that a client can see of the repo; ids of new commits are left out, since they are random."""
    infos = list(commits.list(store.database, REPO))
    heads = {info.branch.name: info.head for info in branches.list(store.database, REPO)}
    order = {info.commit.id: len(infos) - place for place, info in enumerate(infos)}
    told = [(info.description, info.finished is not None, info.error, content(store, info.commit)) for info in infos]
    return told, {name: str(order[head.id]) for name, head in heads.items() if head is not None}


def one_off(store: Store) -> None:
    write(store, {"/new": b"1", "/old": None, "/d/big": b"x" * 5_000_000})


def start_commit(store: Store) -> None:
    start(store, "begun")


def create_branch(store: Store) -> None:
    with graph.step(store) as made:
        branches.create(made, Branch(REPO, "dev"), None)


def write_into_open(store: Store) -> None:
    write(store, {"/new": b"2", "/d/a": None})


def write_much_into_open(store: Store) -> None:
    write(store, {f"/many/{at}": b"%d" % at for at in range(600)})


def finish(store: Store) -> None:
    writing.finish(store, HEAD, "done")


def append(store: Store) -> None:
    session = writing.Session(store, HEAD)
    session.put("/old", b" and more")
    session.close()


def little(store: Store) -> None:
    """As `one_off`, of so little that its bytes come with the rows."""
    session = writing.Session(store, HEAD, late=True)
    session.replace([("/new", b"1"), ("/d/a", b"another")])
    session.close()


def copy(store: Store) -> None:
    session = writing.Session(store, HEAD)
    session.copy(File(HEAD, "/d"), "/e")
    session.close()


CLOSED: list[Callable[[Store], None]] = [one_off, start_commit, create_branch, append, copy, little]
OPEN: list[Callable[[Store], None]] = [write_into_open, write_much_into_open, finish, append, copy, little]


def prepare(store: Store, *, is_open: bool) -> None:
    write(store, {"/old": b"old", "/d/a": b"a", "/d/b": b"b"})
    if is_open:
        start(store)
        write(store, {"/waiting": b"edits"})


@pytest.mark.parametrize(
    ("verb", "is_open"),
    [*((verb, False) for verb in CLOSED), *((verb, True) for verb in OPEN)],
    ids=lambda value: getattr(value, "__name__", {True: "open", False: "finished"}.get(value)),
)
def test_a_verb_that_dies_anywhere_leaves_the_old_state_or_the_new_one(
    tmp_path: Path, verb: Callable[[Store], None], is_open: bool
) -> None:
    count = Fate()
    with new_store(tmp_path / "old") as store:
        prepare(store, is_open=is_open)
        before = state(store)
    with new_store(tmp_path / "new") as store:
        prepare(store, is_open=is_open)
        verb(kept(store, count))
        after = state(store)
    assert count.passed >= 1
    for at in range(1, count.passed + 1):
        for is_after in (False, True):
            data = tmp_path / f"{at}-{is_after}"
            with new_store(data) as store:
                prepare(store, is_open=is_open)
                with pytest.raises(Died):
                    verb(kept(store, Fate(at, is_after)))
            with new_store(data) as store:
                found = state(store)
                assert found in (before, after)
                if (at, is_after) == (count.passed, True):
                    assert found == after
                write(store, {"/still": b"works"})
                assert content(store)["/still"] == b"works"


def test_a_verb_can_be_repeated_after_it_died(tmp_path: Path) -> None:
    with new_store(tmp_path / "data") as store:
        prepare(store, is_open=False)
        for at in (1, 2):
            with pytest.raises(Died):
                one_off(kept(store, Fate(at)))
        one_off(store)
        assert content(store)["/new"] == b"1"
        assert len(ids(store)) == 2


def test_a_commit_that_was_open_when_the_process_died_goes_on(tmp_path: Path) -> None:
    with new_store(tmp_path / "data") as store:
        commit = start(store, "long")
        write(store, {"/a": b"1"}, commit)
    with new_store(tmp_path / "data") as store:
        write(store, {"/b": b"2"}, commit)
        writing.finish(store, commit)
        assert content(store) == {"/a": b"1", "/b": b"2"}


def with_garbage(store: Store) -> None:
    """Commits in a score of packs, garbage among them, a pack half of which is garbage, and edits that wait."""
    for at in range(18):
        write(store, {f"/{at}": b"%d" % at})
    write(store, {"/new": b"n" * 1000, "/gone": b"g" * 50_000})
    with graph.step(store) as made:
        branches.create(made, Branch(REPO, "dev"), None)
    write(store, {"/new": b"n" * 1000}, Commit(REPO, "dev"))
    with graph.step(store) as made:
        commitsets.drop_commit(made, Commit(REPO, "master"))
    store.bucket.put(f"{FOLDER}00/left", [b"by a process that died"])
    start(store)
    write(store, {"/waiting": b"edits"})


def test_gc_that_dies_anywhere_loses_nothing_and_the_next_run_ends_it(tmp_path: Path) -> None:
    with new_store(tmp_path / "prepared") as store:
        with_garbage(store)
    for name in ("whole", "read"):
        shutil.copytree(tmp_path / "prepared", tmp_path / name)
    count = Fate()
    with new_store(tmp_path / "whole") as store:
        upkeep.collect(kept(store, count))
    with new_store(tmp_path / "read") as store:
        before = state(store)
    assert count.passed >= 20
    for at in range(1, count.passed + 1):
        for is_after in (False, True):
            data = tmp_path / f"{at}-{is_after}"
            shutil.copytree(tmp_path / "prepared", data)
            with new_store(data) as store:
                with pytest.raises(Died):
                    upkeep.collect(kept(store, Fate(at, is_after)))
                upkeep.collect(store)
                assert state(store) == before
                assert not store.blobs.stored([of_bytes(b"g" * 50_000)])
                assert len(list(store.bucket.list(FOLDER))) <= 2  # with what this look folded


def test_gathering_that_dies_anywhere_loses_nothing_and_the_next_ends_it(tmp_path: Path) -> None:
    with new_store(tmp_path / "prepared") as store:
        for _ in range(10):
            little(store)
        prepare(store, is_open=True)
        before = state(store)
    for at in range(1, 3):
        for is_after in (False, True):
            data = tmp_path / f"{at}-{is_after}"
            shutil.copytree(tmp_path / "prepared", data)
            with new_store(data) as store, pytest.raises(Died):
                gc.gather(kept(store, Fate(at, is_after)), least=1)
            with new_store(data) as store:
                gc.gather(store, least=1)
                assert state(store) == before
                assert check.fsck(store) == []
                upkeep.collect(store)
                assert state(store) == before


def with_damage(data: Path) -> None:
    """A file that is lost, another in its pack, an index that is partly gone, and wrong counts."""
    with new_store(data) as store:
        write(store, {"/kept": b"k" * 1000, "/lost": b"l" * 1000})
        write(store, {"/unknown": b"u" * 1000})
        with store.database.write() as tx:
            tx.run("DELETE FROM blobs WHERE digest = ?", of_bytes(b"u" * 1000))
            tx.run("UPDATE commits SET files = 9")
    for pack in (data / "bytes" / "packs").glob("*/*"):
        pack.write_bytes(pack.read_bytes().replace(b"l" * 1000, b"x" * 1000))


def test_a_repair_that_dies_anywhere_is_ended_by_the_next(tmp_path: Path) -> None:
    with_damage(tmp_path / "prepared")
    shutil.copytree(tmp_path / "prepared", tmp_path / "whole")
    count = Fate()
    with new_store(tmp_path / "whole") as store:
        check.fsck(kept(store, count), fix=True)
    assert count.passed >= 4
    for at in range(1, count.passed + 1):
        for is_after in (False, True):
            data = tmp_path / f"{at}-{is_after}"
            shutil.copytree(tmp_path / "prepared", data)
            with new_store(data) as store:
                with pytest.raises(Died):
                    check.fsck(kept(store, Fate(at, is_after)), fix=True)
                [*_, left] = check.fsck(store, fix=True)
                assert ":/lost cannot be read" in left.text
                write(store, {"/again": b"l" * 1000})
                assert check.fsck(store) == []
                assert content(store) == {
                    **{"/kept": b"k" * 1000, "/lost": b"l" * 1000, "/again": b"l" * 1000},
                    "/unknown": b"u" * 1000,
                }
