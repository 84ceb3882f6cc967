"""A live server whose disk is full, or becomes read-only: what it refuses did not happen, and it goes on with room."""

from __future__ import annotations

import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from howdah.client import channel, files, repos, upkeep
from howdah.client.channel import Connection
from howdah.errors import Unavailable
from howdah.names import Commit, File, Project, Repo
from howdah.testing.servers import StoreServer
from tests.faults.disks import Disk, small_disk
from tests.faults.storm import SHARED, Member, Sight, State, possible

VERBS = 100
ROOM = [0, 4096, 8192, 20_000, 60_000, 200_000, 1 << 20, 3 << 20]
REPO = Repo(Project(), "images")
HEAD = Commit(REPO, "master")


@contextmanager
def serving(data: Path) -> Iterator[tuple[StoreServer, Connection]]:
    with StoreServer(data) as server, channel.connect(server.address) as conn:
        yield server, conn


def content(conn: Connection) -> dict[str, bytes]:
    found = files.get_tree(conn, File(HEAD, "/"))
    return {path: b"".join(pieces) for path, pieces in found if pieces is not None}


def put(conn: Connection, contents: dict[str, bytes]) -> None:
    with files.modify(conn, HEAD) as changes:
        for path, data in contents.items():
            changes.put(path, data)


def act(conn: Connection, member: Member, disk: Disk, free: int) -> tuple[str, str]:
    """One verb on a disk with little room: how it went, and what it was."""
    with channel.connect(member.address) as member.conn:
        verb = member.begin()
        disk.leave(free)
        try:
            verb.call()
            told = "done"
        except Unavailable as error:
            assert "check the disk's free space" in str(error), f"{verb.name}: {error}"  # noqa: PT017 -- both ways are right
            told = "refused"
        finally:
            disk.clear()
    sight = Sight(conn)
    sight.know(member.state)
    seen = sight.see(member.number, member.state.filesets)
    may_be = possible(member, seen)
    old, new = may_be[0], may_be[-1]
    assert seen in ([new] if told == "done" else [old, new]), f"{verb.name} was {told}: {seen}\n{may_be}"
    member.state = seen
    return told, verb.name


def test_a_disk_that_is_full_in_the_midst_of_any_verb_harms_nothing(tmp_path: Path) -> None:
    chance = random.Random(11)
    told: dict[str, Counter[str]] = {}
    with small_disk(tmp_path / "disk", "64m") as disk, serving(disk.folder / "data") as (server, conn):
        repos.create(conn, SHARED)
        member = Member(server.address, 0, chance, State())
        for at in range(VERBS):
            how, verb = act(conn, member, disk, chance.choice(ROOM))
            told.setdefault(how, Counter())[verb] += 1
            if at % 10 == 9:
                upkeep.collect_garbage(conn)
        assert [*upkeep.fsck(conn)] == []
        assert sum(told["refused"].values()) >= VERBS / 10
        assert sum(told["done"].values()) >= VERBS / 10


def test_gc_and_copies_of_rows_on_a_full_disk_are_told_and_leave_nothing(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "64m") as disk, serving(disk.folder / "data") as (server, conn):
        repos.create(conn, REPO)
        for at in range(40):
            put(conn, {f"/{at}": b"%d" % at * 5000, "/last": b"%d" % at})
        before = content(conn)
        for room in (0, 4096, 100_000):
            disk.leave(room)
            with pytest.raises(Unavailable, match="free space"):
                upkeep.copy_rows(conn)
            try:
                upkeep.collect_garbage(conn)
            except Unavailable as error:
                assert "free space" in str(error)  # noqa: PT017 -- or there was room enough
            assert content(conn) == before
            disk.clear()
            assert [*upkeep.fsck(conn)] == []
        assert [*(server.data / "tmp").glob("*")] == []
        upkeep.collect_garbage(conn)
        assert content(conn) == before


def test_a_disk_that_becomes_read_only_is_told_and_read_on(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with small_disk(data / "bytes", "64m") as disk, serving(data) as (_, conn):
        repos.create(conn, REPO)
        put(conn, {"/kept": b"k" * 5000})
        disk.be("ro")
        for contents in ({"/small": bytes(100_000)}, {"/large": bytes(40 << 20)}):
            with pytest.raises(Unavailable, match=r"bytes cannot be used \(Read-only file system\)"):
                put(conn, contents)
        assert content(conn) == {"/kept": b"k" * 5000}
        assert [*upkeep.fsck(conn)] == []
        disk.be("rw")
        put(conn, {"/small": bytes(100_000)})
        assert content(conn) == {"/kept": b"k" * 5000, "/small": bytes(100_000)}


def test_a_store_on_a_read_only_disk_says_so_and_does_not_start(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "64m") as disk:
        with serving(disk.folder / "data") as (_, conn):
            repos.create(conn, REPO)
            put(conn, {"/kept": b"k"})
        disk.be("ro")
        command = [sys.executable, "-m", "howdah.cli.main", "serve", "--data", str(disk.folder / "data"), "--port", "0"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603
        assert done.returncode == 7
        assert "cannot be used (Read-only file system)" in done.stderr
        assert "Traceback" not in done.stderr
        disk.be("rw")
        with serving(disk.folder / "data") as (_, conn):
            assert content(conn) == {"/kept": b"k"}
