"""Large files: they arrive whole, their digests are the store's own, and what the store holds is not sent again."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import grpc
import pytest

from howdah.client import channel, files
from howdah.client.channel import Connection
from howdah.client.lanes import CHUNK
from howdah.digest import of_bytes
from howdah.lent import HEAD, Lent
from howdah.names import Commit, File
from howdah.testing.servers import StoreServer
from howdah.wire import pfs
from howdah.wire.gen import bulk_pb2
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
    """To a store that is not known to be on this machine."""
    with door(server.address, sent=sent) as address, channel.connect(elsewhere(address)) as conn:
        yield conn


def elsewhere(address: str) -> str:
    return address.replace("127.0.0.1", "0.0.0.0")


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


@pytest.mark.parametrize("content", CONTENTS)
def test_content_is_sent_to_other_machines_and_read_by_a_store_on_this_one(
    server: StoreServer, conn: Connection, master: Commit, content: str
) -> None:
    data = os.urandom(100) + CONTENTS[content]
    with channel.connect(elsewhere(server.address)) as other:
        put(other, master, {"/sent": data[:-1]})
    sent: list[int] = []
    with door(server.address, sent=sent) as address, channel.connect(address) as here:
        put(here, master, {"/read": data})
    assert (read(conn, master, "/sent"), read(conn, master, "/read")) == (data[:-1], data)
    assert len(data) < 8 * CHUNK or sum(sent) < len(data) / 100


def test_memory_is_lent_again_only_when_it_was_read(server: StoreServer, conn: Connection, master: Commit) -> None:
    lengths = [8, 16, 8, 31, 9, 8, 24, 17]  # the last window of some holds no chunk
    parts = {f"/{at}": bytes([at]) + bytes(length * CHUNK - 1) for at, length in enumerate(lengths)}
    parts |= {f"/random{at}": RANDOM[at : at + length * CHUNK] for at, length in enumerate(lengths)}
    parts |= {"/zeros": bytes(64 * CHUNK), "/end": b"end"}
    with channel.connect(server.address) as here:
        put(here, master, parts)
    assert {path: read(conn, master, path) for path in parts} == parts


@pytest.mark.parametrize("other", ["process", "descriptor", "proof"])
def test_memory_that_cannot_be_read_is_not_asked_for(server: StoreServer, master: Commit, other: str) -> None:
    lent = Lent(CHUNK)
    memory = memory_of(lent)
    if other == "proof":
        memory.proof = b"x" * 32
    else:
        setattr(memory, other, 1 << 22)
    offer = bulk_pb2.Step(offer=bulk_pb2.Offer(digests=b"x" * 32, memory=memory))
    chunks = bulk_pb2.Step(chunks=bulk_pb2.Chunks(path="/a", digests=b"x" * 32, sizes=[1], offsets=[HEAD]))
    with channel.connect(server.address) as conn:
        batch = bulk_pb2.Batch(commit=pfs.commit_to_wire(master), steps=[offer])
        assert [answer.reads_memory for answer in conn.bulk.Modify(iter([batch]))] == [False, False]
        batch.steps.append(chunks)
        with pytest.raises(grpc.RpcError, match="cannot be read where it says"):
            list(conn.bulk.Modify(iter([batch])))


def memory_of(lent: Lent) -> bulk_pb2.Memory:
    process, descriptor, proof = lent.name
    return bulk_pb2.Memory(process=process, descriptor=descriptor, proof=proof)


READ: dict[str, tuple[list[int], list[int], str]] = {
    "what it holds": ([HEAD], [3], ""),
    "others": ([HEAD + 1], [3], "came damaged"),
    "beyond its end": ([1 << 40], [3], "named, not sent"),
    "too much": ([HEAD] * 6, [4 << 20] * 6, "cannot be read where it says"),
    "too few": ([HEAD], [3, 3], "cannot be read where it says"),
}


@pytest.mark.parametrize("case", READ)
def test_what_is_read_in_memory_is_what_was_named(server: StoreServer, master: Commit, case: str) -> None:
    offsets, sizes, error = READ[case]
    data = os.urandom(3)
    lent = Lent(CHUNK)
    lent.view[HEAD : HEAD + 3] = data
    offer = bulk_pb2.Offer(digests=of_bytes(data), memory=memory_of(lent))
    chunks = bulk_pb2.Chunks(path="/a", digests=of_bytes(data) * len(sizes), sizes=sizes, offsets=offsets)
    steps = [bulk_pb2.Step(offer=offer), bulk_pb2.Step(chunks=chunks)]
    with channel.connect(server.address) as conn:
        requests = iter([bulk_pb2.Batch(commit=pfs.commit_to_wire(master), steps=steps)])
        if error:
            with pytest.raises(grpc.RpcError, match=error):
                list(conn.bulk.Modify(requests))
        else:
            assert [answer.reads_memory for answer in conn.bulk.Modify(requests)] == [True, False]
            assert read(conn, master, "/a") == data


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
