"""Garbage is collected in the midst of uploads, and uploads begin in the midst of collections: nothing needed goes.

Each passage of a verb through a door is tried as the moment at which the other one gets its turn. It runs in a thread
of its own, since one may have to wait for the other.
"""

from __future__ import annotations

import random
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from howdah.names import Commit, File, Project, Repo
from howdah.pfs import check, commitsets, filesets, graph, repos, upkeep, writing
from howdah.pfs.gathering import Gathering
from howdah.pfs.rows import FILESETS
from howdah.store.blobs import Blobs
from howdah.store.store import Store
from howdah.testing import model
from tests.faults.doors import kept
from tests.pfs.stores import HEAD, REPO, content, new_store, start, write

OTHER = Repo(Project(), "other")
THERE = Commit(OTHER, "master")
SMALL_ROOM = 4 << 20  # of which uploads fill packs while they go on
HEAD_START = 0.1  # seconds; not a wait for anything: which of two goes first is what varies

CHANCE = random.Random(9)
GARBAGE = {f"/garbage/{at}": CHANCE.randbytes(3000) for at in range(4)}
LARGE = {f"/large/{at}": CHANCE.randbytes(700_000) for at in range(5)}
KEPT = {"/kept": CHANCE.randbytes(3000), "/d/a": b"a", "/d/b": b"b"}


class Turn:
    """Counts passages, and at number `at` lets something else have its turn, before it or after it."""

    def __init__(self, at: int = 0, *, is_after: bool = False) -> None:
        self.passed = 0
        self.other: Callable[[], object] | None = None
        self._half = at * 2 - (not is_after)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._fault: BaseException | None = None

    @contextmanager
    def passage(self) -> Iterator[None]:
        with self._lock:  # a verb has threads of its own, which make packs durable
            self.passed += 1
            number = self.passed
        if number * 2 - 1 == self._half:
            self._begin()
        yield
        if number * 2 == self._half:
            self._begin()

    def end(self) -> None:
        """Wait until the other has had its turn, and raise what it raised."""
        if self._thread is not None:
            self._thread.join(60)
            assert not self._thread.is_alive(), "each waits for the other"
        if self._fault is not None:
            raise self._fault

    def _begin(self) -> None:
        self._thread = threading.Thread(target=self._work)
        self._thread.start()
        self._thread.join(HEAD_START)

    def _work(self) -> None:
        try:
            assert self.other is not None
            self.other()
        except BaseException as error:  # noqa: BLE001 -- raised at the end
            self._fault = error


def taking_turns(store: Store, turn: Turn) -> Store:
    """The same folder; its uploads fill a pack with a megabyte."""
    made = kept(store, turn)
    made.blobs = Blobs(made.database, made.shelf, room=SMALL_ROOM)
    return made


def drop_newest(store: Store, repo: Repo = REPO) -> None:
    with graph.step(store) as made:
        commitsets.drop_commit(made, Commit(repo, "master"))


def prepare(store: Store, *, is_open: bool) -> None:
    """What is kept, garbage that uploads will find stored, and enough small packs to be made one."""
    with store.database.write() as tx:
        repos.create(tx, OTHER, "", now=store.now())
    write(store, {**KEPT})
    write(store, {**GARBAGE})
    drop_newest(store)
    for at in range(17):
        write(store, {f"/{at}": b"%d" % at}, THERE)
    if is_open:
        start(store)
        write(store, {"/waits": GARBAGE["/garbage/0"]})


def put(session: Gathering, contents: dict[str, bytes]) -> None:
    for path, data in contents.items():
        session.delete(path)
        session.put(path, data)


def upload(store: Store) -> None:
    session = writing.Session(store, HEAD)
    put(session, GARBAGE | LARGE)
    session.close()


def many_streams(store: Store) -> None:
    first, second = writing.Session(store, HEAD), writing.Session(store, HEAD)
    put(first, GARBAGE | {"/large/0": LARGE["/large/0"], "/large/1": LARGE["/large/1"]})
    put(second, LARGE)
    first.close()
    second.close()


def finish(store: Store) -> None:
    upload(store)
    writing.finish(store, HEAD)


def copy(store: Store) -> None:
    upload(store)
    session = writing.Session(store, HEAD)
    session.copy(File(HEAD, "/large"), "/copied")
    session.close()


def by_fileset(store: Store) -> None:
    session = filesets.Session(store)
    put(session, GARBAGE | LARGE)
    id = session.close()
    filesets.add(store, id, HEAD)


def by_composed_filesets(store: Store) -> None:
    ids = []
    for contents in (GARBAGE, LARGE):
        session = filesets.Session(store)
        put(session, contents)
        ids.append(session.close())
    filesets.add(store, filesets.compose(store, ids), HEAD)


def in_small_blocks(store: Store) -> None:
    """Little at once, with others' work in between: what is new comes with the rows, and some is stored already."""
    upload(store)
    blocks = [writing.Session(store, HEAD, late=True) for _ in range(2)]
    for session, (path, data) in zip(blocks, GARBAGE.items(), strict=False):
        put(session, {path: data, "/new": b"new" + data})
    for session in blocks:
        session.close()


VERBS: list[tuple[Callable[[Store], None], bool]] = [
    (upload, False),
    (upload, True),
    (many_streams, False),
    (finish, True),
    (copy, False),
    (by_fileset, False),
    (by_fileset, True),
    (by_composed_filesets, True),
    (in_small_blocks, False),
    (in_small_blocks, True),
]
AFTER = KEPT | GARBAGE | LARGE


def is_whole(store: Store) -> None:
    """Everything that the verb wrote is there, and nothing is wrong with the store."""
    for _ in range(2):
        found = content(store)
        assert {path: data for path, data in found.items() if path in AFTER} == AFTER
        assert content(store, THERE) == {f"/{at}": b"%d" % at for at in range(17)}
        assert check.fsck(store) == []
        upkeep.collect(store)


@pytest.mark.parametrize(
    ("verb", "is_open"),
    VERBS,
    ids=lambda value: getattr(value, "__name__", {True: "open", False: "finished"}.get(value)),
)
def test_gc_at_any_passage_of_a_verb_takes_nothing_from_it(
    tmp_path: Path, verb: Callable[[Store], None], is_open: bool
) -> None:
    with new_store(tmp_path / "prepared") as store:
        prepare(store, is_open=is_open)
    shutil.copytree(tmp_path / "prepared", tmp_path / "counted")
    count = Turn()
    with new_store(tmp_path / "counted") as store:
        verb(taking_turns(store, count))
    for at in range(1, count.passed + 1):
        for is_after in (False, True):
            data = tmp_path / f"{at}-{is_after}"
            shutil.copytree(tmp_path / "prepared", data)
            turn = Turn(at, is_after=is_after)
            with new_store(data) as opened:
                store = taking_turns(opened, turn)
                turn.other = lambda store=store: upkeep.collect(store)
                verb(store)
                turn.end()
                is_whole(store)
            shutil.rmtree(data)


@pytest.mark.parametrize("verb", [upload, by_fileset, in_small_blocks])
def test_a_verb_at_any_passage_of_gc_loses_nothing(tmp_path: Path, verb: Callable[[Store], None]) -> None:
    with new_store(tmp_path / "prepared") as store:
        prepare(store, is_open=False)
    shutil.copytree(tmp_path / "prepared", tmp_path / "counted")
    count = Turn()
    with new_store(tmp_path / "counted") as store:
        upkeep.collect(taking_turns(store, count))
    assert count.passed >= 10
    for at in range(1, count.passed + 1):
        data = tmp_path / str(at)
        shutil.copytree(tmp_path / "prepared", data)
        turn = Turn(at, is_after=at % 2 == 0)
        with new_store(data) as opened:
            store = taking_turns(opened, turn)
            turn.other = lambda store=store: verb(store)
            upkeep.collect(store)
            turn.end()
            is_whole(store)
        shutil.rmtree(data)


POOL = [CHANCE.randbytes(2000) for _ in range(4)] + [CHANCE.randbytes(600_000) for _ in range(2)]
PATHS = [f"/{at}" for at in range(4)]


class Uploads(RuleBasedStateMachine):
    """Streams that go on side by side, filesets that live and expire, commits that go, and gc at any time between."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        data = Path(self.stack.enter_context(tempfile.TemporaryDirectory())) / "data"
        self.later = 0
        opened = self.stack.enter_context(new_store(data))
        self.store = Store(opened.database, opened.bucket, lambda: opened.now() + self.later)
        self.store.blobs = Blobs(opened.database, self.store.shelf, room=SMALL_ROOM)
        self.line: list[model.Files] = []
        self.streams: list[tuple[writing.Session | filesets.Session, model.Files]] = []
        self.filesets: dict[str, model.Files] = {}

    @initialize()
    def begin(self) -> None:
        self.streams.append((writing.Session(self.store, HEAD), {}))

    def teardown(self) -> None:
        self.streams.clear()
        for thread in threading.enumerate():
            if thread.name == "pack":  # a stream that was broken off ends the pack that it was writing
                thread.join(60)
        self.stack.close()

    @precondition(lambda self: len(self.streams) < 3)
    @rule(is_fileset=st.booleans())
    def begin_stream(self, is_fileset: bool) -> None:
        session = filesets.Session(self.store) if is_fileset else writing.Session(self.store, HEAD)
        self.streams.append((session, {}))

    @precondition(lambda self: self.streams)
    @rule(which=st.integers(0, 2), path=st.sampled_from(PATHS), data=st.sampled_from(POOL))
    def put(self, which: int, path: str, data: bytes) -> None:
        session, written = self.streams[which % len(self.streams)]
        session.delete(path)
        session.put(path, data)
        written[path] = data

    @precondition(lambda self: self.streams)
    @rule(which=st.integers(0, 2))
    def end_stream(self, which: int) -> None:
        session, written = self.streams.pop(which % len(self.streams))
        if isinstance(session, filesets.Session):
            self.filesets[session.close()] = written
        else:
            session.close()
            self.line.append({**(self.line[-1] if self.line else {}), **written})

    @precondition(lambda self: self.streams)
    @rule(which=st.integers(0, 2))
    def break_off(self, which: int) -> None:
        self.streams.pop(which % len(self.streams))

    @precondition(lambda self: self.filesets)
    @rule(which=st.integers(0, 9))
    def add(self, which: int) -> None:
        id = [*self.filesets][which % len(self.filesets)]
        filesets.add(self.store, id, HEAD)
        self.line.append({**(self.line[-1] if self.line else {}), **self.filesets[id]})

    @precondition(lambda self: self.filesets)
    @rule()
    def compose(self) -> None:
        id = filesets.compose(self.store, [*self.filesets])
        self.filesets[id] = {path: data for written in [*self.filesets.values()] for path, data in written.items()}

    @rule()
    def expire(self) -> None:
        self.later += 3600 * 1_000_000
        self.filesets.clear()

    @precondition(lambda self: len(self.line) > 1)
    @rule()
    def drop(self) -> None:
        drop_newest(self.store)
        self.line.pop()

    @rule()
    def collect(self) -> None:
        upkeep.collect(self.store)
        assert check.fsck(self.store) == []

    @invariant()
    def all_that_was_written_is_there(self) -> None:
        if self.line:
            assert content(self.store) == self.line[-1]
        for id, written in self.filesets.items():
            found = content(self.store, Commit(Repo(Project(), FILESETS), id))
            assert found == written


TestUploads = Uploads.TestCase
TestUploads.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
