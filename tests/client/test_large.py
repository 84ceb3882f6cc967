"""Large files: they arrive whole, their digests are the store's own, and what the store holds is not sent again."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import pytest

from howdah.client import channel, files
from howdah.client.channel import Connection
from howdah.client.lanes import CHUNK
from howdah.names import Commit, File
from howdah.testing.servers import StoreServer
from tests.client.plain import door

RANDOM = random.Random(3).randbytes(37 * CHUNK + 11)
CONTENTS = {
    "less than is asked about": RANDOM[: 8 * CHUNK - 1],
    "just as much": RANDOM[: 8 * CHUNK],
    "one window": RANDOM[: 16 * CHUNK],
    "a byte more": RANDOM[: 16 * CHUNK + 1],
    "several windows": RANDOM,
    "nothing but zeros": bytes(21 * CHUNK + 5),
    "the same over again": RANDOM[: 3 * CHUNK] * 7,
}


@pytest.fixture
def sent() -> list[int]:
    """The size of each message that came to the store, in order."""
    return []


@pytest.fixture
def counted(server: StoreServer, sent: list[int]) -> Iterator[Connection]:
    with door(server.address, sent=sent) as address, channel.connect(address) as conn:
        yield conn


def put(conn: Connection, commit: Commit, contents: dict[str, bytes]) -> None:
    with files.modify(conn, commit) as changes:
        for path, data in contents.items():
            changes.put(path, iter([data]))


def read(conn: Connection, commit: Commit, path: str) -> bytes:
    return b"".join(files.get(conn, File(commit, path)))


@pytest.mark.parametrize("content", CONTENTS)
def test_content_arrives_and_has_the_digest_that_it_has_in_pieces(
    conn: Connection, master: Commit, content: str
) -> None:
    data = CONTENTS[content]
    with files.modify(conn, master) as changes:
        changes.put("/whole", data)
        changes.put("/pieces", b"")
        for at in range(0, len(data), CHUNK):
            changes.put("/pieces", data[at : at + CHUNK], append=True)

    assert read(conn, master, "/whole") == data
    whole, pieces = (files.inspect(conn, File(master, path)) for path in ("/whole", "/pieces"))
    assert (whole.digest, whole.size) == (pieces.digest, pieces.size)


def test_many_large_files_small_ones_and_other_changes_keep_their_order(conn: Connection, master: Commit) -> None:
    parts = [RANDOM[at * CHUNK : (at + 9) * CHUNK + at] for at in range(4)]
    with files.modify(conn, master) as changes:
        changes.put("/a", parts[0])
        changes.put("/b", parts[1])
        changes.put("/a", b"small")
        changes.put("/a", parts[2], append=True)
        changes.put("/a", b"end", append=True)
        changes.put("/c", parts[3])
        changes.delete("/c")
        changes.put("/b", parts[3], append=True)

    assert read(conn, master, "/a") == b"small" + parts[2] + b"end"
    assert read(conn, master, "/b") == parts[1] + parts[3]
    assert [info.file.path for info in files.list(conn, File(master, "/"))] == ["/a", "/b"]


def test_what_the_store_holds_is_not_sent_again(
    counted: Connection, master: Commit, sent: list[int], conn: Connection
) -> None:
    put(conn, master, {"/first": RANDOM})
    sent.clear()
    put(counted, master, {"/second": RANDOM})

    assert sum(sent) < len(RANDOM) / 1000
    assert read(conn, master, "/second") == RANDOM


def test_what_comes_twice_in_one_block_is_sent_once(counted: Connection, master: Commit, sent: list[int]) -> None:
    data = os.urandom(20 * CHUNK)
    put(counted, master, {"/first": data, "/again": data})

    assert len(data) <= sum(sent) < 1.1 * len(data)
    assert read(counted, master, "/again") == data


def test_of_a_changed_file_what_has_changed_is_sent(counted: Connection, master: Commit, sent: list[int]) -> None:
    data = os.urandom(24 * CHUNK)
    put(counted, master, {"/file": data})
    sent.clear()
    changed = data[: 12 * CHUNK] + b"inserted" + data[12 * CHUNK :]
    put(counted, master, {"/file": changed})

    assert sum(sent) < len(data) / 3
    assert read(counted, master, "/file") == changed
