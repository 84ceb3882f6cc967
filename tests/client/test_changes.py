"""Blocks of changes: what they write, that they write all or nothing, and that they leave nothing behind."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from howdah.client import commits, files
from howdah.client.channel import Connection
from howdah.client.lanes import CHUNK
from howdah.errors import Invalid, NotFound, WrongState
from howdah.infos import CommitState
from howdah.names import Branch, Commit, File, Repo
from howdah.testing.servers import StoreServer

SECONDS = 30


def read(conn: Connection, commit: Commit, path: str) -> bytes:
    return b"".join(files.get(conn, File(commit, path)))


def paths(conn: Connection, commit: Commit) -> list[str]:
    return [info.file.path for info in files.glob(conn, commit, "/**") if not info.file.path.endswith("/")]


def count(conn: Connection, repo: Repo) -> int:
    return len(list(commits.list(conn, repo)))


def sending_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if "consume_request_iterator" in repr(thread)]


def failing() -> Iterator[bytes]:
    yield b"x" * 3 * CHUNK
    raise OSError("disk gone")


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 7])
def test_bytes_files_and_iterables_of_any_size_arrive_whole(conn: Connection, master: Commit, size: int) -> None:
    data = os.urandom(size)
    with files.modify(conn, master) as changes:
        changes.put("/bytes", data)
        changes.put("/file", io.BytesIO(data))
        changes.put("/pieces", (data[at : at + 100_003] for at in range(0, size, 100_003)))
        changes.put("/odd", iter([b"", data, b""]))

    assert paths(conn, master) == ["/bytes", "/file", "/odd", "/pieces"]
    assert all(read(conn, master, path) == data for path in paths(conn, master))


def test_block_makes_one_commit_with_the_old_head_as_parent(conn: Connection, repo: Repo, master: Commit) -> None:
    for number in range(2):
        with files.modify(conn, master) as changes:
            changes.put(f"/{number}", b"x")
            changes.put("/both", b"x")
    newest, oldest = commits.list(conn, repo)

    assert newest.parent == oldest.commit
    assert newest.state is CommitState.FINISHED


def test_put_replaces_append_appends_delete_deletes_copy_copies(conn: Connection, master: Commit) -> None:
    with files.modify(conn, master) as changes:
        for path in ("/a", "/b", "/d/x", "/d/y"):
            changes.put(path, b"1")
    with files.modify(conn, master) as changes:
        changes.put("/a", b"2")
        changes.put("/b", b"2", append=True)
        changes.delete("/d/x")
        changes.copy(File(master, "/d"), "/e")
        changes.delete("/d/")

    assert read(conn, master, "/a") == b"2"
    assert read(conn, master, "/b") == b"12"
    assert paths(conn, master) == ["/a", "/b", "/e/x", "/e/y"]


def test_datums_of_a_path_are_kept_apart(conn: Connection, branch: Branch) -> None:
    commit = commits.start(conn, branch)
    with files.modify(conn, commit) as changes:
        changes.put("/a", b"2", datum="second")
        changes.put("/a", b"1", datum="first")
        changes.put("/a", b"3", datum="second")

    assert read(conn, commit, "/a") == b"13"


def test_exception_in_the_block_writes_nothing_and_leaves_no_thread(
    conn: Connection, repo: Repo, master: Commit
) -> None:
    def write() -> None:
        with files.modify(conn, master) as changes:
            changes.put("/a", b"x" * 2 * CHUNK)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write()

    assert count(conn, repo) == 0
    deadline = time.monotonic() + SECONDS
    while sending_threads() and time.monotonic() < deadline:
        sending_threads()[0].join(0.1)
    assert sending_threads() == []


def test_source_that_fails_gives_the_block_up_even_if_the_error_is_caught(
    conn: Connection, repo: Repo, master: Commit
) -> None:
    def write() -> None:
        with files.modify(conn, master) as changes:
            changes.put("/good", b"x")
            with suppress(OSError):
                changes.put("/half", failing())

    with pytest.raises(WrongState, match="nothing was written"):
        write()

    assert count(conn, repo) == 0


def test_failure_of_the_store_is_raised_by_a_later_change_or_the_end(conn: Connection, repo: Repo) -> None:
    missing = Commit(Repo(repo.project, "missing"), "master")
    with pytest.raises(NotFound, match="repo default/missing not found"), files.modify(conn, missing):
        pass
    written = []

    def write() -> None:
        with files.modify(conn, missing) as changes:
            for number in range(10_000):
                changes.put(f"/{number}", b"x" * CHUNK)
                written.append(number)

    with pytest.raises(NotFound, match="repo default/missing not found"):
        write()
    assert len(written) < 10_000


def test_finished_commit_named_by_its_id_takes_no_changes(conn: Connection, master: Commit) -> None:
    with files.modify(conn, master) as changes:
        changes.put("/a", b"x")
    head = commits.inspect(conn, master).commit
    with pytest.raises(WrongState, match="has already finished"), files.modify(conn, head) as changes:
        changes.put("/a", b"y")


def test_blocks_share_an_open_commit(conn: Connection, branch: Branch) -> None:
    commit = commits.start(conn, branch)
    for path in ("/a", "/b"):
        with files.modify(conn, commit) as changes:
            changes.put(path, b"x")
    assert paths(conn, commit) == ["/a", "/b"]
    commits.finish(conn, commit)

    assert paths(conn, Commit(branch.repo, "master")) == ["/a", "/b"]


def test_block_that_is_over_takes_no_changes(conn: Connection, master: Commit) -> None:
    with files.modify(conn, master) as changes:
        changes.put("/a", b"x")
    with pytest.raises(WrongState, match="has ended: start a new block"):
        changes.delete("/a")


@pytest.mark.parametrize("name", ["/caf\udce9", "/\ud800"])
def test_name_that_is_not_unicode_is_refused_before_anything_is_sent(
    conn: Connection, repo: Repo, master: Commit, name: str
) -> None:
    with pytest.raises(Invalid, match="not valid UTF-8: rename it"), files.modify(conn, master) as changes:
        changes.put(name, b"x")
    with pytest.raises(Invalid, match="not valid UTF-8"):
        files.inspect(conn, File(master, name))

    assert count(conn, repo) == 0


def test_request_too_large_for_a_message_cannot_arise(conn: Connection, master: Commit) -> None:
    assert CHUNK <= 1024 * 1024
    with files.modify(conn, master) as changes:
        changes.put("/a", [b"x" * 25 * CHUNK])

    assert files.inspect(conn, File(master, "/a")).size == 25 * CHUNK


MEMORY = """
import resource, sys
from howdah.client import channel, files
from howdah.names import Commit, File, Project, Repo

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

commit = Commit(Repo(Project(), sys.argv[2]), "master")
with channel.connect(sys.argv[1]) as conn:
    for size in (16, 256):
        with files.modify(conn, commit) as changes:
            changes.put("/big", (bytes(1 << 20) for _ in range(size)))
        assert sum(len(piece) for piece in files.get(conn, File(commit, "/big"))) == size << 20
        print(peak())
"""


def test_memory_does_not_grow_with_the_size_of_a_file(server: StoreServer, repo: Repo) -> None:
    command = [sys.executable, "-c", MEMORY, server.address, repo.name]
    done = subprocess.run(command, capture_output=True, check=True, timeout=120)
    small, large = (int(line) for line in done.stdout.split())

    assert large < 2 * small
