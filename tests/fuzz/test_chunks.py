"""The port on which parts of files are fetched, under bytes that are no HTTP and clients that ask nothing."""

from __future__ import annotations

import random
import re
import socket
import urllib.request
from contextlib import ExitStack, suppress

import pytest

from howdah.client.channel import Connection
from howdah.testing.launched import until
from howdah.testing.servers import StoreServer
from howdah.wire import pfs as wire
from howdah.wire.gen import pfs_pb2, storage_pb2, storage_pb2_grpc
from tests.fuzz.conftest import HEAD, plant
from tests.fuzz.resources import MEGABYTE, held, resident

CLIENTS = 400
AT_ONCE = 100  # of which the server may have a thread for each
MORE_MEMORY = 100 * MEGABYTE
_LIMIT = 60.0


@pytest.fixture(scope="module")
def url(connection: Connection, server: StoreServer) -> str:
    """Where a part of a file can be fetched."""
    import grpc  # noqa: PLC0415

    plant(connection)
    request = pfs_pb2.GetFileSetRequest(commit=wire.commit_to_wire(HEAD))
    fileset = connection.call(connection.pfs.GetFileSet, request).file_set_id
    with grpc.insecure_channel(server.address.removeprefix("grpc://")) as channel:
        stub = storage_pb2_grpc.FilesetStub(channel)
        parts = list(stub.ReadFilesetCDR(storage_pb2.ReadFilesetRequest(fileset_id=fileset)))
    return parts[0].ref.concat.refs[0].content_hash.inner.http.url


def place(url: str) -> tuple[str, int]:
    found = re.match(r"http://([^:/]+):([0-9]+)/", url)
    assert found is not None
    return found[1], int(found[2])


def fetch(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=_LIMIT) as answer:  # noqa: S310 -- loopback
        data: bytes = answer.read()
        return data


def ask(url: str, said: bytes) -> bytes:
    """What the server answers to these bytes."""
    with socket.create_connection(place(url), timeout=_LIMIT) as client, suppress(ConnectionError):
        client.sendall(said)
        client.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: client.recv(65536), b""))
    return b""


TARGETS = [
    "/",
    "//[",
    "/chunks/",
    "/chunks/x?until=1&signature=2",
    "/chunks/../../etc/passwd",
    "http://[",
    "/\xff?\xfe",
]
HEADERS = [b"", b"Range: bytes=0-" + b"9" * 5000, b"X: " + b"y" * 70_000, b"Content-Length: -1", b"\0: \0"]


def test_requests_that_cannot_be_are_refused_in_words(server: StoreServer, url: str) -> None:
    for target in [*TARGETS, "/" + "x" * 70_000]:
        for method in ("GET", "POST", "\x00", "HEAD"):
            answer = ask(url, f"{method} {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode("latin-1"))
            assert re.match(rb"HTTP/1\.[01] 4\d\d|HTTP/1\.[01] 50[15]|<!DOCTYPE|$", answer), (method, target, answer)
    for header in HEADERS:
        ask(url, b"GET /chunks/ HTTP/1.1\r\n" + header + b"\r\n\r\n")
    ask(url, b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 500)
    assert len(fetch(url)) > 0
    assert b"Traceback" not in server.log.read_bytes()


def test_bytes_by_chance_end_in_an_answer_or_a_closed_connection(server: StoreServer, url: str) -> None:
    chance = random.Random(8)
    for _ in range(100):
        ask(url, chance.randbytes(chance.choice([1, 50, 3000])))
    query = url.rpartition("/")[2]
    for _ in range(100):  # one letter of a good URL is another
        at = chance.randrange(len(query))
        bad = query[:at] + chance.choice("0123456789abcdef&=?") + query[at + 1 :]
        answer = ask(url, f"GET /chunks/{bad} HTTP/1.0\r\n\r\n".encode())
        assert bad == query or re.match(rb"HTTP/1\.0 40[034]", answer), (bad, answer)
    assert len(fetch(url)) > 0
    assert b"Traceback" not in server.log.read_bytes()


def test_clients_who_ask_nothing_hold_up_nobody_and_go_when_others_come(server: StoreServer, url: str) -> None:
    before, memory = held(server), resident(server)
    with ExitStack() as clients:
        for _ in range(CLIENTS):
            client = clients.enter_context(socket.create_connection(place(url), timeout=_LIMIT))
            with suppress(ConnectionError):
                client.sendall(b"GET /ch")
        assert len(fetch(url)) > 0
        until(lambda: held(server).threads < before.threads + AT_ONCE, _LIMIT, "the end of most connections")
        assert resident(server) < memory + MORE_MEMORY
    until(lambda: held(server).threads <= before.threads + 2, _LIMIT, "the end of all connections")
