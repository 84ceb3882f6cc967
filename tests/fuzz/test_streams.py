"""Streams of writes that are long, without order or sense: they end in an answer, at little memory."""

from __future__ import annotations

import itertools
import os
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from google.protobuf.wrappers_pb2 import BytesValue

from howdah.client import upkeep
from howdah.client.channel import Connection
from howdah.names import File
from howdah.testing.servers import StoreServer
from howdah.wire import pfs as wire
from howdah.wire.gen import bulk_pb2, pfs_pb2, storage_pb2
from tests.fuzz.conftest import HEAD, plant
from tests.fuzz.resources import MEGABYTE, resident

TIMES = int(os.environ.get("HOWDAH_FUZZ", "40"))
MANY = {"pfs_v2.API/ModifyFile": 100_000}
MORE_MEMORY = 300 * MEGABYTE
_KINDS = 2000
_LIMIT = 120.0

Modify = pfs_pb2.ModifyFileRequest


def any_change(chance: random.Random) -> Modify:
    """A change of a few files, again and again in other ways."""
    path = f"/{chance.randrange(30)}/{chance.randrange(30)}"
    put = pfs_pb2.AddFile(path=path, datum=chance.choice(["", "", "x"]), raw=BytesValue(value=chance.randbytes(40)))
    copy = pfs_pb2.CopyFile(src=wire.file_to_wire(File(HEAD, "/d")), dst=path, append=chance.random() < 0.5)
    return chance.choice(
        [
            Modify(add_file=put),
            Modify(add_file=put),
            Modify(delete_file=pfs_pb2.DeleteFile(path=path)),
            Modify(delete_file=pfs_pb2.DeleteFile(path=path.rpartition("/")[0] + "/")),
            Modify(copy_file=copy),
        ]
    )


def modify(chance: random.Random) -> Iterator[Message]:
    yield Modify(set_commit=wire.commit_to_wire(HEAD))
    yield from (any_change(chance) for _ in range(_KINDS))


def fileset(chance: random.Random) -> Iterator[Message]:
    yield from (any_change(chance) for _ in range(_KINDS))


def bulk(chance: random.Random) -> Iterator[Message]:
    yield bulk_pb2.Batch(commit=wire.commit_to_wire(HEAD))
    for _ in range(_KINDS):
        yield bulk_pb2.Batch(steps=[bulk_pb2.Step(other=any_change(chance))])


def storage(chance: random.Random) -> Iterator[Message]:
    for _ in range(_KINDS):
        path = f"/{chance.randrange(30)}/{chance.randrange(30)}"
        append = storage_pb2.AppendFile(path=path, data=BytesValue(value=chance.randbytes(40)))
        kinds: list[Any] = [{"append_file": append}, {"delete_file": storage_pb2.DeleteFile(path=path)}]
        yield storage_pb2.CreateFilesetRequest(**chance.choice(kinds))


STREAMS = [
    ("pfs_v2.API/ModifyFile", modify),
    ("pfs_v2.API/CreateFileSet", fileset),
    ("howdah.bulk.API/Modify", bulk),
    ("storage.Fileset/CreateFileset", storage),
]


def send(server: StoreServer, method: str, sent: Iterator[bytes]) -> grpc.Call:
    """The stream's end."""
    with grpc.insecure_channel(server.address.removeprefix("grpc://")) as channel:
        call: Any = channel.stream_stream(f"/{method}")
        answers = call(sent, timeout=_LIMIT)
        with suppress(grpc.RpcError):
            list(answers)
        ended: grpc.Call = answers
        return ended


@pytest.mark.parametrize(("method", "some"), STREAMS, ids=lambda value: value if isinstance(value, str) else "")
def test_very_many_messages_without_order_are_answered_at_little_memory(
    server: StoreServer,
    connection: Connection,
    method: str,
    some: Callable[[random.Random], Iterator[Message]],
) -> None:
    plant(connection)
    first, *rest = [message.SerializeToString() for message in some(random.Random(method))]
    before = resident(server)
    many = itertools.islice(itertools.cycle(rest), MANY.get(method, 250 * TIMES))
    call = send(server, method, itertools.chain([first], many))
    assert call.code() in (grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT), call.details()
    assert resident(server) < before + MORE_MEMORY
    assert [*upkeep.fsck(connection)] == []


@pytest.mark.parametrize(("method", "some"), STREAMS[::2], ids=lambda value: value if isinstance(value, str) else "")
def test_a_stream_that_begins_in_the_middle_is_refused_at_once(
    server: StoreServer,
    connection: Connection,
    method: str,
    some: Callable[[random.Random], Iterator[Message]],
) -> None:
    plant(connection)
    _, *rest = [message.SerializeToString() for message in some(random.Random(method))]
    call = send(server, method, itertools.cycle(rest))  # for ever, if nobody stops it
    assert call.code() in (grpc.StatusCode.UNKNOWN, grpc.StatusCode.INVALID_ARGUMENT)  # the first as Pachyderm has it
    assert "commit" in (call.details() or "")
