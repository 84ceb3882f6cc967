"""Many writers at once, to one branch and to many: every commit is there, in an order that fits what each saw."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from howdah.client import channel, commits, files, repos, upkeep
from howdah.client.channel import Connection
from howdah.infos import CommitInfo, FileType
from howdah.names import Branch, Commit, File, Project, Repo
from howdah.testing.servers import StoreServer

REPO = Repo(Project(), "images")
ONE_BRANCH = 8
BRANCHES = 32
EACH = 8
_LIMIT = 240


@pytest.fixture
def server(tmp_path: Path) -> Iterator[StoreServer]:
    with StoreServer(tmp_path / "data") as server:
        yield server


@pytest.fixture
def connection(server: StoreServer) -> Iterator[Connection]:
    with channel.connect(server.address) as connection:
        repos.create(connection, REPO)
        yield connection


def together(server: StoreServer, count: int, work: Callable[[Connection, int], None]) -> None:
    """So many clients with a connection each, while garbage is collected."""
    barrier = threading.Barrier(count)
    over = threading.Event()

    def one(number: int) -> None:
        with channel.connect(server.address, timeout=120) as conn:
            barrier.wait(_LIMIT)
            work(conn, number)

    def clean() -> None:
        with channel.connect(server.address) as conn:
            while not over.is_set():
                upkeep.collect_garbage(conn)

    with ThreadPoolExecutor(count) as pool, ThreadPoolExecutor(1) as other:
        cleaning = other.submit(clean)
        try:
            list(pool.map(one, range(count), timeout=_LIMIT))
        finally:
            over.set()
        cleaning.result(_LIMIT)


def line(conn: Connection, branch: Branch) -> list[CommitInfo]:
    """The branch's commits, the oldest first; each is the next one's parent, and all are finished."""
    found = [*commits.list(conn, branch.repo, to=Commit(branch.repo, branch.name))][::-1]
    parents = [info.parent for info in found]
    assert parents == [None, *(info.commit for info in found[:-1])]
    assert all(info.finished is not None and not info.error for info in found)
    assert [info.started for info in found] == sorted(info.started for info in found if info.started)
    return found


def content(conn: Connection, commit: Commit) -> dict[str, bytes]:
    tree = files.get_tree(conn, File(commit, "/"))
    return {path: b"".join(pieces) for path, pieces in tree if pieces is not None}


def changed(conn: Connection, info: CommitInfo) -> set[str]:
    """The files that a commit changed of the one before it."""
    both = (change.new or change.old for change in files.diff(conn, File(info.commit, "/")))
    return {each.file.path for each in both if each is not None and each.type is FileType.FILE}


def test_writers_to_one_branch_each_get_their_own_commits_in_order(server: StoreServer, connection: Connection) -> None:
    def work(conn: Connection, number: int) -> None:
        for at in range(EACH):
            with files.modify(conn, Commit(REPO, "master")) as changes:
                changes.put(f"/{number}/{at}", b"%d %d" % (number, at))
                changes.put("/last", b"%d %d" % (number, at))

    together(server, ONE_BRANCH, work)
    found = line(connection, Branch(REPO, "master"))
    assert len(found) == ONE_BRANCH * EACH
    expected: dict[str, bytes] = {}
    turns: list[list[int]] = [[] for _ in range(ONE_BRANCH)]
    for info in found:
        now = content(connection, info.commit)
        number, at = map(int, now["/last"].split())
        turns[number].append(at)
        expected |= {f"/{number}/{at}": b"%d %d" % (number, at), "/last": b"%d %d" % (number, at)}
        assert now == expected  # what was there, and one writer's block as a whole
        assert changed(connection, info) == {f"/{number}/{at}", "/last"}
    assert turns == [[*range(EACH)]] * ONE_BRANCH
    assert [*upkeep.fsck(connection)] == []


def test_writers_to_many_branches_do_not_touch_each_other(server: StoreServer, connection: Connection) -> None:
    branches = [
        Branch(REPO if number % 2 else Repo(Project(), f"own{number}"), f"b{number}") for number in range(BRANCHES)
    ]

    def work(conn: Connection, number: int) -> None:
        branch = branches[number]
        repos.create(conn, branch.repo, update=True)
        for at in range(EACH):
            head = Commit(branch.repo, branch.name)
            commit = commits.start(conn, branch) if at % 2 else head
            with files.modify(conn, commit) as changes:
                changes.put(f"/{at}", b"%d" % at)  # the same contents for all: stored once
                changes.put("/own", b"%d %d" % (number, at))
            if at % 2:
                commits.finish(conn, commit)
            assert content(conn, head)["/own"] == b"%d %d" % (number, at)  # what was acknowledged is seen

    together(server, BRANCHES, work)
    for number, branch in enumerate(branches):
        found = line(connection, branch)
        assert len(found) == EACH
        for at, info in enumerate(found):
            assert content(connection, info.commit) == {
                **{f"/{before}": b"%d" % before for before in range(at + 1)},
                "/own": b"%d %d" % (number, at),
            }
    assert len([*commits.list(connection, REPO)]) == EACH * BRANCHES // 2
    assert [*upkeep.fsck(connection)] == []


def test_writers_into_one_open_commit_from_many_branches_copies_and_all(
    server: StoreServer, connection: Connection
) -> None:
    with files.modify(connection, Commit(REPO, "source")) as changes:
        changes.put("/from", b"source")
    commit = commits.start(connection, Branch(REPO, "master"))

    def work(conn: Connection, number: int) -> None:
        for at in range(EACH):
            with files.modify(conn, commit) as changes:
                changes.put(f"/{number}/{at}", b"%d" % at)
                changes.copy(File(Commit(REPO, "source"), "/from"), f"/{number}/copied{at}")
                changes.put("/log", b"%d %d\n" % (number, at), append=True)

    together(server, ONE_BRANCH, work)
    commits.finish(connection, commit)
    found = content(connection, commit)
    log = [tuple(map(int, entry.split())) for entry in found.pop("/log").splitlines()]
    assert len(found) == 2 * EACH * ONE_BRANCH
    for number in range(ONE_BRANCH):
        assert [at for who, at in log if who == number] == [*range(EACH)]
