"""Connections: addresses, tokens, stores that are away or come back."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from concurrent import futures
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from google.protobuf.empty_pb2 import Empty

from howdah.client import channel, cluster, files, projects
from howdah.client.channel import Address, Connection, parse_address
from howdah.errors import Invalid, Unavailable, WrongState
from howdah.names import Commit, File, Project, Repo
from howdah.testing.servers import StoreServer
from howdah.wire.gen import version_pb2

SECONDS = 30


class Recording(grpc.GenericRpcHandler):
    """A server side that answers each call with a version and notes its metadata."""

    def __init__(self) -> None:
        self.metadata: list[dict[str, Any]] = []

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any]:
        self.metadata.append({entry[0]: entry[1] for entry in handler_call_details.invocation_metadata})
        answer = version_pb2.Version(major=2)
        return grpc.unary_unary_rpc_method_handler(
            lambda _, __: answer, Empty.FromString, version_pb2.Version.SerializeToString
        )


@pytest.fixture
def recording() -> Iterator[tuple[Recording, grpc.Server]]:
    handler = Recording()
    server = grpc.server(futures.ThreadPoolExecutor(1), handlers=[handler])
    yield handler, server
    server.stop(None).wait()


def certificate() -> tuple[bytes, bytes]:
    """A key and a certificate for 127.0.0.1 that vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "store")])
    now = datetime.now(timezone.utc)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return secret, signed.public_bytes(serialization.Encoding.PEM)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("grpc://store:1", Address("store", 1)),
        ("http://store:1/", Address("store", 1)),
        ("store:1", Address("store", 1)),
        ("store", Address("store", 30650)),
        ("grpcs://store", Address("store", 30650, secure=True)),
        ("https://store:443", Address("store", 443, secure=True)),
        ("grpc://[::1]:1", Address("::1", 1)),
    ],
)
def test_address_is_parsed(text: str, address: Address) -> None:
    assert parse_address(text) == address
    assert parse_address(str(address)) == address


@pytest.mark.parametrize(
    "text",
    ["", "grpc://", "ftp://x", "x:y", "x:70000", "x:1/path", "u@x:1", "grpc://x?y", "grpc://[", "not an address"],
)
def test_address_that_cannot_be_right_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="address"):
        parse_address(text)


def test_connecting_alone_calls_nobody() -> None:
    with channel.connect("127.0.0.1:1") as conn:
        assert str(conn.address) == "grpc://127.0.0.1:1"


def test_store_that_is_away_is_named_by_calls_streams_and_writes() -> None:
    commit = Commit(Repo(Project(), "x"), "master")
    with channel.connect("127.0.0.1:1") as conn:
        with pytest.raises(Unavailable, match=r"store at grpc://127.0.0.1:1 does not answer .*howdah serve"):
            cluster.version(conn)
        with pytest.raises(Unavailable, match="does not answer"):
            list(files.list(conn, File(commit, "/")))
        with pytest.raises(Unavailable, match="does not answer"), files.modify(conn, commit) as changes:
            changes.put("/a", b"x")


def test_listener_that_speaks_no_grpc_is_given_up_and_nothing_is_read_ahead() -> None:
    asked = 0

    def pieces() -> Iterator[bytes]:
        nonlocal asked
        while True:
            asked += 1
            yield b"x" * 1000

    commit = Commit(Repo(Project(), "x"), "master")
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        channel.connect(f"127.0.0.1:{listener.getsockname()[1]}") as conn,
        pytest.raises(Unavailable, match="does not answer"),
        files.modify(conn, commit) as changes,
    ):
        changes.put("/a", pieces())

    assert asked < 20


def test_store_that_comes_back_is_found_again_by_the_same_connection(tmp_path: Path) -> None:
    with StoreServer(tmp_path / "data") as first, channel.connect(first.address) as conn:
        before = cluster.inspect(conn)
        first.kill()
        with pytest.raises(Unavailable):
            cluster.inspect(conn)
        with StoreServer(tmp_path / "data", port=first.port):
            assert eventually(conn) == before


def eventually(conn: Connection) -> Any:
    """The cluster's answer as soon as there is one."""
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            return cluster.inspect(conn)
        except Unavailable:
            if time.monotonic() > deadline:
                raise


def test_closed_connection_says_so(server: StoreServer) -> None:
    conn = channel.connect(server.address)
    conn.close()
    conn.close()
    with pytest.raises(WrongState, match="closed"):
        cluster.version(conn)


def test_connection_serves_many_threads(conn: Connection) -> None:
    seen: list[int] = []
    threads = [threading.Thread(target=lambda: seen.append(len(list(projects.list(conn))))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)

    assert len(seen) == 16
    assert min(seen) >= 1


def test_token_goes_with_each_call_only_if_there_is_one(recording: tuple[Recording, grpc.Server]) -> None:
    handler, server = recording
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    for token in ("secret", None, ""):
        with channel.connect(f"127.0.0.1:{port}", token=token) as conn:
            cluster.version(conn)

    assert [metadata.get("authn-token") for metadata in handler.metadata] == ["secret", None, None]


def test_secure_address_trusts_the_certificates_given_and_no_others(recording: tuple[Recording, grpc.Server]) -> None:
    key, own = certificate()
    _, other = certificate()
    port = recording[1].add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(key, own)]))
    recording[1].start()

    with channel.connect(f"grpcs://127.0.0.1:{port}", root_certificates=own) as conn:
        assert cluster.version(conn).major == 2
    wrong = channel.connect(f"grpcs://127.0.0.1:{port}", root_certificates=other)
    with wrong, pytest.raises(Unavailable, match="does not answer"):
        cluster.version(wrong)


@pytest.mark.parametrize("token", ["a\nb", "ü"])
def test_a_token_that_cannot_be_sent_is_refused_at_once(token: str) -> None:
    with pytest.raises(Invalid, match="token invalid"):
        channel.connect("127.0.0.1:1", token=token)
