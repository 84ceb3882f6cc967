"""Clients that are slow, or go away in the midst of something: the others are served, and nothing of them stays."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from google.protobuf.wrappers_pb2 import BytesValue

from howdah.client import files, repos, upkeep
from howdah.client.channel import Connection
from howdah.names import File
from howdah.testing.launched import until
from howdah.testing.servers import StoreServer
from howdah.wire import pfs as wire
from howdah.wire.gen import bulk_pb2, pfs_pb2, storage_pb2
from tests.fuzz.conftest import HEAD, REPO, plant
from tests.fuzz.resources import MEGABYTE, held, packs, resident

CLIENTS = 40
THREADS = 20  # those that the server may keep for later work
MORE_MEMORY = CLIENTS * 20 * MEGABYTE
_LIMIT = 60.0

Modify = pfs_pb2.ModifyFileRequest


class Crowd:
    """Clients with a connection each, until the end of the block, when all are gone at once."""

    def __init__(self, server: StoreServer) -> None:
        self._target = server.address.removeprefix("grpc://")
        self._channels: list[grpc.Channel] = []
        self._calls: list[object] = []  # a call that nobody refers to is cancelled
        self.over = threading.Event()

    def begin(self, method: str, requests: Callable[[], Iterator[Message]]) -> Iterator[bytes]:
        """A call under way by one more client."""
        channel = grpc.insecure_channel(self._target, options=[("grpc.use_local_subchannel_pool", 1)])
        self._channels.append(channel)
        call: Any = channel.stream_stream(f"/{method}")
        answers: Iterator[bytes] = call(message.SerializeToString() for message in requests())
        self._calls.append(answers)
        return answers

    def __enter__(self) -> Crowd:
        return self

    def __exit__(self, *_: object) -> None:
        for channel in self._channels:
            channel.close()
        self.over.set()


def pieces() -> Iterator[bytes]:
    chance = random.Random()
    return (chance.randbytes(MEGABYTE) for _ in range(4))


def modify() -> Iterator[Message]:
    yield Modify(set_commit=wire.commit_to_wire(HEAD))
    yield from fileset()


def fileset() -> Iterator[Message]:
    for at, data in enumerate(pieces()):
        yield Modify(add_file=pfs_pb2.AddFile(path=f"/half/{at}", raw=BytesValue(value=data)))


def bulk() -> Iterator[Message]:
    yield bulk_pb2.Batch(commit=wire.commit_to_wire(HEAD))
    for at, data in enumerate(pieces()):
        puts = bulk_pb2.Puts(paths=[f"/half/{at}"], sizes=[len(data)], data=data)
        yield bulk_pb2.Batch(steps=[bulk_pb2.Step(puts=puts)])


def storage() -> Iterator[Message]:
    for at, data in enumerate(pieces()):
        append = storage_pb2.AppendFile(path=f"/half/{at}", data=BytesValue(value=data))
        yield storage_pb2.CreateFilesetRequest(append_file=append)


FROZEN = """
import sys, threading
from howdah.client import channel, files
from howdah.names import Commit, Project, Repo

with channel.connect(sys.argv[1]) as conn, files.modify(conn, Commit(Repo(Project(), "images"), "master")) as changes:
    for at in range(4):
        changes.put(f"/frozen/{at}", bytes([at]) * (2 << 20))
    print("sent", flush=True)
    threading.Event().wait()
"""


@pytest.fixture(scope="module", autouse=True)
def frozen(server: StoreServer, connection: Connection) -> Iterator[subprocess.Popen[bytes]]:
    """A client that stands still in the midst of an upload: connected, as one is whose machine lost power."""
    plant(connection)
    client = subprocess.Popen([sys.executable, "-c", FROZEN, server.address], stdout=subprocess.PIPE)
    assert client.stdout is not None
    assert client.stdout.readline() == b"sent\n"
    client.send_signal(signal.SIGSTOP)
    yield client
    client.kill()
    client.wait(_LIMIT)
    client.stdout.close()


UPLOADS = [
    ("pfs_v2.API/ModifyFile", modify),
    ("pfs_v2.API/CreateFileSet", fileset),
    ("howdah.bulk.API/Modify", bulk),
    ("storage.Fileset/CreateFileset", storage),
]


@pytest.fixture(autouse=True)
def nothing_stays(server: StoreServer, connection: Connection) -> Iterator[None]:
    """Whatever a test does, its clients' threads, connections and temporary files are gone soon after it."""
    plant(connection)
    before = held(server)
    yield

    def is_gone() -> bool:
        now = held(server)
        is_quiet = now.sockets <= before.sockets and now.temporary <= before.temporary
        return is_quiet and now.threads <= before.threads + THREADS

    until(is_gone, _LIMIT, f"what was before ({before})")
    assert server.process.poll() is None


def test_streams_that_break_off_leave_neither_files_nor_packs(server: StoreServer, connection: Connection) -> None:
    upkeep.collect_garbage(connection)
    before = packs(server)
    sent = threading.Semaphore(0)
    with Crowd(server) as crowd:

        def half(make: Callable[[], Iterator[Message]]) -> Iterator[Message]:
            yield from make()
            sent.release()
            crowd.over.wait(_LIMIT)

        for at in range(CLIENTS):
            method, make = UPLOADS[at % len(UPLOADS)]
            crowd.begin(method, lambda make=make: half(make))  # type: ignore[misc]
        for _ in range(CLIENTS):
            assert sent.acquire(timeout=_LIMIT)

    def collected() -> bool:
        upkeep.collect_garbage(connection)  # a stream that is still there keeps its packs
        return packs(server) <= before

    until(collected, _LIMIT, "the end of all that was sent")
    assert [info.file.path for info in files.list(connection, File(HEAD, "/"))] == ["/" + "a", "/" + "a" * 60, "/d/"]
    assert [*upkeep.fsck(connection)] == []


READS = ["pfs_v2.API/GetFile", "pfs_v2.API/GetFileTAR", "howdah.bulk.API/Get"]


def test_readers_who_take_nothing_hold_up_nobody_and_little_memory(server: StoreServer, connection: Connection) -> None:
    with files.modify(connection, HEAD) as changes:
        changes.put("/big", (random.Random(at).randbytes(MEGABYTE) for at in range(40)))
    before = resident(server)
    request = pfs_pb2.GetFileRequest(file=wire.file_to_wire(File(HEAD, "/big")))
    for method in READS:
        with Crowd(server) as crowd:
            for _ in range(CLIENTS):
                assert next(crowd.begin(method, lambda: iter([request])))
            assert repos.inspect(connection, REPO).repo == REPO
            assert sum(len(piece) for piece in files.get(connection, File(HEAD, "/big"))) == 40 * MEGABYTE
            assert resident(server) < before + MORE_MEMORY
    until(lambda: resident(server) < before + MORE_MEMORY / 2, _LIMIT, "the memory's return")


def test_who_waits_for_what_never_comes_and_goes_away_is_forgotten(server: StoreServer, connection: Connection) -> None:
    subscribe = pfs_pb2.SubscribeCommitRequest(repo=wire.repo_to_wire(REPO), branch="master")
    with Crowd(server) as crowd:
        for _ in range(CLIENTS):
            answers = crowd.begin("pfs_v2.API/SubscribeCommit", lambda: iter([subscribe]))
            assert next(answers)
        assert held(server).sockets >= CLIENTS
        assert repos.inspect(connection, REPO).repo == REPO


def test_clients_that_ask_and_hang_up_at_once_are_forgotten(server: StoreServer, connection: Connection) -> None:
    walk = pfs_pb2.WalkFileRequest(file=wire.file_to_wire(File(HEAD, "/")))
    with ExitStack() as all_gone:
        for _ in range(CLIENTS):
            crowd = all_gone.enter_context(Crowd(server))
            answers: Any = crowd.begin("pfs_v2.API/WalkFile", lambda: iter([walk]))
            with suppress(grpc.RpcError):
                answers.cancel()
    assert repos.inspect(connection, REPO).repo == REPO


def test_a_client_that_stands_still_is_let_go(server: StoreServer, frozen: subprocess.Popen[bytes]) -> None:
    assert frozen.poll() is None  # and from its side nothing was closed
    until(lambda: not is_connected(server, frozen), _LIMIT, "the end of its connection")


def is_connected(server: StoreServer, client: subprocess.Popen[bytes]) -> bool:
    """Whether the server still has a connection whose other end is the client's."""
    ends = sockets(client.pid)
    told = Path("/proc/net/tcp").read_text().splitlines()[1:] + Path("/proc/net/tcp6").read_text().splitlines()[1:]
    rows = [line.split() for line in told]
    local = {row[1].rpartition(":")[2] for row in rows if row[9] in ends}
    own = sockets(server.process.pid)
    return any(row[9] in own and row[2].rpartition(":")[2] in local for row in rows)


def sockets(pid: int) -> set[str]:
    """The numbers by which the system knows a process's sockets."""
    links = [os.readlink(each) for each in Path("/proc", str(pid), "fd").iterdir() if each.is_symlink()]
    return {link[len("socket:[") : -1] for link in links if link.startswith("socket:[")}
