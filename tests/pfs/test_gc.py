"""Garbage collection removes what no commit needs, and nothing else, whoever writes and reads meanwhile."""

import os
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from howdah import digest
from howdah.db.database import Database, Tx
from howdah.errors import Corrupt, HowdahError, NotFound
from howdah.names import Branch, Commit, File, Project, Repo
from howdah.pfs import branches, commits, commitsets, files, graph, repos, upkeep, writing
from howdah.store import gc, node
from howdah.store.pack import FOLDER
from howdah.store.store import Store
from tests.pfs.stores import HEAD, REPO, content, ids, new_store, start, write
from tests.pfs.test_races import Interrupted

OTHER = Repo(Project(), "other")
THERE = Commit(OTHER, "master")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with new_store(tmp_path / "data") as store:
        with store.database.write() as tx:
            repos.create(tx, OTHER, "", now=store.now())
        yield store


def drop_newest(store: Store, repo: Repo = REPO) -> None:
    with graph.step(store) as made:
        commitsets.drop_commit(made, commits.inspect(made.tx, Commit(repo, "master")).commit)


def is_stored(store: Store, data: bytes) -> bool:
    return bool(store.blobs.stored([digest.of_bytes(data)]))


def total(store: Store) -> int:
    return sum(size for _, size in store.bucket.list(FOLDER))


def test_what_a_dropped_commit_alone_needed_goes_and_the_rest_stays(store: Store) -> None:
    write(store, {"/kept": b"k" * 1000, "/both": b"b" * 1000})
    write(store, {"/gone": b"g" * 50_000, "/again": b"b" * 1000})
    drop_newest(store)
    before = total(store)
    report = upkeep.collect(store)
    assert not is_stored(store, b"g" * 50_000)
    assert report.blobs == 2  # the file's, and the tree
    assert report.freed == before - total(store) > 50_000
    assert content(store) == {"/kept": b"k" * 1000, "/both": b"b" * 1000}
    assert upkeep.collect(store) == gc.Report(0, report.packs_after, report.packs_after, 0, is_held=False)


def test_a_deleted_repo_is_gone_with_all_its_packs(store: Store) -> None:
    write(store, {f"/{at}": os.urandom(1000) for at in range(2000)}, THERE)
    with graph.step(store) as made:
        repos.delete(made.tx, OTHER)
    report = upkeep.collect(store)
    assert report.packs_after == 0
    assert total(store) == 0


def test_edits_that_wait_and_open_commits_are_needed(store: Store) -> None:
    write(store, {"/a": b"1" * 100})
    commit = start(store)
    write(store, {"/b": b"2" * 100})
    upkeep.collect(store)
    assert content(store, commit) == {"/a": b"1" * 100, "/b": b"2" * 100}


def test_packs_that_a_dead_process_left_go(store: Store) -> None:
    write(store, {"/a": b"1"})
    store.bucket.put(f"{FOLDER}00/left", [b"of a write that never happened"])
    upkeep.collect(store)
    assert len(list(store.bucket.list(FOLDER))) == 1


def test_many_small_commits_end_in_one_pack(store: Store) -> None:
    for at in range(40):
        write(store, {f"/{at}": b"%d" % at})
    old = ids(store)[20]
    before = content(store), content(store, Commit(REPO, old))
    report = upkeep.collect(store)
    assert (report.packs_before, report.packs_after) == (40, 1)
    assert (content(store), content(store, Commit(REPO, old))) == before


def test_a_pack_of_mostly_garbage_is_rewritten_and_one_with_little_is_left(store: Store) -> None:
    kept = os.urandom(9_000_000)
    write(store, {"/big": kept})
    write(store, {"/a": b"a" * 1000, "/b": os.urandom(100_000)})
    with graph.step(store) as made:
        branches.create(made, Branch(REPO, "dev"), None)
    write(store, {"/a": b"a" * 1000}, Commit(REPO, "dev"))
    names = {name for name, _ in store.bucket.list(FOLDER)}
    drop_newest(store)
    upkeep.collect(store)
    after = {name for name, _ in store.bucket.list(FOLDER)}
    assert is_stored(store, b"a" * 1000)
    assert total(store) < 9_010_000
    assert len(names & after) == 2  # that of the large file, and that of dev's tree
    assert content(store) == {"/big": kept}
    assert content(store, Commit(REPO, "dev")) == {"/a": b"a" * 1000}


def test_a_file_whose_bytes_are_those_of_a_tree_hides_nothing(store: Store) -> None:
    write(store, {"/a": b"inside"})
    with store.database.read() as tx:
        row = tx.one("SELECT tree FROM commits WHERE tree IS NOT NULL")
    assert row is not None
    leaf = store.blobs.read(row[0])
    assert node.references(leaf).chunks == [digest.of_bytes(b"inside")]
    write(store, {"/tree": leaf}, THERE)
    upkeep.collect(store)
    assert content(store) == {"/a": b"inside"}
    assert content(store, THERE) == {"/tree": leaf}


def during(store: Store, meanwhile: Callable[[], object]) -> None:
    """Let something happen just before the next writing transaction of a verb, in the same process."""
    real: Database = store.database

    def once() -> None:
        store.database = real
        meanwhile()

    store.database = Interrupted(real, once)


def test_an_upload_that_finds_its_chunk_stored_is_safe_from_a_run_before_its_commit(store: Store) -> None:
    data = os.urandom(5000)
    write(store, {"/first": data})
    drop_newest(store)  # nothing needs the chunk any more
    during(store, lambda: upkeep.collect(store))
    write(store, {"/again": data}, THERE)
    assert content(store, THERE) == {"/again": data}
    upkeep.collect(store)
    assert content(store, THERE) == {"/again": data}


def test_without_an_upload_the_same_chunk_goes(store: Store) -> None:
    data = os.urandom(5000)
    write(store, {"/first": data})
    drop_newest(store)
    session = writing.Session(store, THERE)
    session.put("/again", data)
    del session  # a client that went away
    upkeep.collect(store)
    assert not is_stored(store, data)


class Late:
    """Roots that somebody adds to, just after they were looked at for the `at`-th time."""

    def __init__(self, at: int, meanwhile: Callable[[], object]) -> None:
        self._inner = upkeep.CommitRoots()
        self._at = at
        self._meanwhile = meanwhile

    def fresh(self, tx: Tx) -> tuple[Sequence[bytes], Sequence[bytes]]:
        found = self._inner.fresh(tx)
        self._at -= 1
        if not self._at:
            self._meanwhile()
        return found


@pytest.mark.parametrize("at", [1, 2])
@pytest.mark.parametrize("is_open", [False, True])
def test_a_commit_that_comes_to_need_garbage_while_it_is_collected_keeps_it(
    store: Store, at: int, is_open: bool
) -> None:
    data = os.urandom(5000)
    write(store, {"/first": data, "/gone": b"gone"})
    drop_newest(store)
    if is_open:
        start(store)
    report = gc.collect(store, Late(at, lambda: write(store, {"/again": data})))
    assert report.blobs >= 1
    assert not is_stored(store, b"gone")
    assert content(store) == {"/again": data}


def test_a_copy_whose_source_is_deleted_and_collected_meanwhile_is_whole(store: Store) -> None:
    write(store, {"/d/a": b"a" * 3000, "/d/b": b"b" * 3000}, THERE)
    session = writing.Session(store, HEAD)
    session.copy(File(THERE, "/d"), "/e")
    with graph.step(store) as made:
        repos.delete(made.tx, OTHER)
    upkeep.collect(store)
    session.close()
    assert content(store) == {"/e/a": b"a" * 3000, "/e/b": b"b" * 3000}


def test_a_copy_of_what_was_collected_just_now_is_refused(store: Store) -> None:
    write(store, {"/a": b"a" * 3000})
    writer = store.writer()
    with pytest.raises(NotFound, match="deleted meanwhile"):
        writer.rely([digest.of_bytes(b"a" * 3000), digest.of_bytes(b"never stored")])


def test_a_write_on_a_base_that_is_squashed_and_collected_meanwhile_builds_on_the_one_before(store: Store) -> None:
    write(store, {"/a": b"1"})
    write(store, {"/b": os.urandom(2000)})
    base = ids(store)[0]
    for _ in range(2):
        start(store)
        writing.finish(store, HEAD, error="given up")

    def squash_and_collect() -> None:
        with graph.step(store) as made:
            commitsets.squash_commit(made, Commit(REPO, base))
        upkeep.collect(store)

    during(store, squash_and_collect)
    write(store, {"/c": b"3"})
    assert content(store) == {"/a": b"1", "/c": b"3"}


def test_a_reader_that_knows_an_old_place_finds_the_new_one(store: Store) -> None:
    for at in range(20):
        write(store, {f"/{at}": b"%d" % at})
    name = digest.of_bytes(b"7")
    place = store.blobs.find([name])[name]
    reading = files.get(store, File(HEAD, "/7"))
    upkeep.collect(store)
    assert store.blobs.find([name])[name] != place
    assert store.blobs.fetch(name, place) == b"7"
    assert b"".join(reading) == b"7"


def test_a_damaged_tree_stops_the_removal_of_what_it_may_lead_to(store: Store, tmp_path: Path) -> None:
    write(store, {"/a": b"a" * 100})
    [pack] = (tmp_path / "data" / "bytes" / "packs").glob("*/*")
    broken = bytearray(pack.read_bytes())
    broken[-5] ^= 1  # the tree stands behind the file
    pack.write_bytes(broken)
    write(store, {"/b": b"b"}, THERE)
    drop_newest(store, OTHER)
    with pytest.raises(Corrupt, match=r"a tree cannot be read \(blob .* is damaged\): `howdah fsck` names the commits"):
        upkeep.collect(store)
    assert is_stored(store, b"a" * 100)
    assert is_stored(store, b"b")
    drop_newest(store)
    upkeep.collect(store)
    assert total(store) == 0


def test_a_damaged_pack_is_not_rewritten(store: Store, tmp_path: Path) -> None:
    packs = tmp_path / "data" / "bytes" / "packs"
    for at in range(20):
        write(store, {f"/{at}": b"%d" % at * 1000})
    first = min(packs.glob("*/*"), key=lambda path: path.stat().st_mtime_ns)
    broken = bytearray(first.read_bytes())
    broken[100] ^= 1
    first.write_bytes(broken)
    upkeep.collect(store)
    assert first.exists()
    assert b"".join(files.get(store, File(HEAD, "/19"))) == b"19" * 1000


WRITERS = 3
ROUNDS = 12


def test_uploads_drops_and_collections_at_once_lose_nothing(store: Store) -> None:
    shared = [os.urandom(2000) for _ in range(6)]
    expected: dict[str, dict[str, bytes]] = {}
    errors: list[BaseException] = []
    names = [Repo(Project(), f"r{at}") for at in range(WRITERS)]
    with store.database.write() as tx:
        for repo in names:
            repos.create(tx, repo, "", now=store.now())

    def work(repo: Repo) -> None:
        chance = random.Random(repo.name)
        kept: list[dict[str, bytes]] = []
        try:
            for at in range(ROUNDS):
                mine = {f"/{n}": chance.choice(shared) for n in range(3)} | {f"/own{at}": chance.randbytes(100)}
                write(store, {**mine}, Commit(repo, "master"))
                kept.append({**(kept[-1] if kept else {}), **mine})
                if chance.random() < 0.5:
                    drop_newest(store, repo)
                    kept.pop()
            expected[repo.name] = kept[-1] if kept else {}
        except BaseException as error:  # told by the test
            errors.append(error)
            raise

    threads = [threading.Thread(target=work, args=(repo,)) for repo in names]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        upkeep.collect(store)
    for thread in threads:
        thread.join()
    assert not errors
    upkeep.collect(store)
    for repo in names:
        assert content(store, Commit(repo, "master")) == expected[repo.name]


def test_a_commit_is_read_on_while_it_is_repacked_again_and_again(store: Store) -> None:
    expected = {f"/{at}": b"%d" % at for at in range(30)}
    for path, data in expected.items():
        write(store, {path: data})
    stop = threading.Event()
    errors: list[HowdahError] = []

    def read() -> None:
        try:
            while not stop.is_set():
                assert content(store, Commit(REPO, held)) == expected
        except HowdahError as error:
            errors.append(error)

    held = ids(store)[0]
    thread = threading.Thread(target=read)
    thread.start()
    for round_ in range(6):
        for at in range(17):
            write(store, {"/more": b"%d-%d" % (round_, at)}, THERE)
        upkeep.collect(store)
    stop.set()
    thread.join()
    assert not errors


def test_chunks_that_a_stream_was_told_to_be_held_stay_until_it_ends(store: Store) -> None:
    write(store, {"/file": b"g" * 50_000})
    drop_newest(store)
    chunk = node.Chunk(digest.of_bytes(b"g" * 50_000), 50_000)
    session = writing.Session(store, HEAD)
    assert session.wanted([chunk.digest]) == [False]

    upkeep.collect(store)
    session.put_chunks("/again", [chunk], [b""])
    session.close()
    assert content(store)["/again"] == b"g" * 50_000
