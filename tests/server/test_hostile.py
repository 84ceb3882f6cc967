"""Whatever bytes come in, the server answers with an error, goes on, and lives."""

import random
import socket
from typing import Any

import grpc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from howdah.client import cluster, files, repos
from howdah.client.channel import Connection
from howdah.names import Commit, File
from howdah.testing.servers import StoreServer
from howdah.wire.gen import bulk_pb2, pfs_pb2
from tests.server.conftest import REPO

SERVICES = [file.DESCRIPTOR.services_by_name["API"] for file in (pfs_pb2, bulk_pb2)]
METHODS = [f"/{service.full_name}/{method.name}" for service in SERVICES for method in service.methods]


def call(server: StoreServer, method: str, messages: list[bytes]) -> grpc.StatusCode:
    """Send raw bytes to any method; returns the status that the call ends with."""
    with grpc.insecure_channel(server.address.removeprefix("grpc://")) as channel:
        send: Any = channel.stream_stream(method)
        stream = send(iter(messages), timeout=10)
        try:
            for _ in stream:
                if method.endswith("SubscribeCommit"):
                    stream.cancel()
        except grpc.RpcError:
            pass
        code: grpc.StatusCode = stream.code()
        return code


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(method=st.sampled_from(METHODS), messages=st.lists(st.binary(max_size=200), min_size=1, max_size=4))
def test_any_bytes_on_any_call_end_in_a_status(
    server: StoreServer, connection: Connection, method: str, messages: list[bytes]
) -> None:
    code = call(server, method, messages)
    assert code is not grpc.StatusCode.DEADLINE_EXCEEDED
    assert cluster.version(connection).major == 2


def test_bytes_that_are_no_http_do_not_stop_the_server(server: StoreServer, connection: Connection) -> None:
    noise = random.Random(3)
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw:
            raw.sendall(noise.randbytes(500))
    assert repos.inspect(connection, REPO).repo == REPO


@pytest.mark.parametrize("path", ["/" + "d/" * 1500 + "f", "/" + "x" * 255, "/" + "ü" * 2000])
def test_deep_and_long_paths_are_taken(connection: Connection, path: str) -> None:
    with files.modify(connection, Commit(REPO, "master")) as changes:
        changes.put(path, b"deep")
    assert b"".join(files.get(connection, File(Commit(REPO, "master"), path))) == b"deep"
    assert sum(1 for _ in files.walk(connection, File(Commit(REPO, "master"), "/"))) >= 2


def test_a_message_beyond_the_limit_is_refused_and_the_server_lives(
    server: StoreServer, connection: Connection
) -> None:
    add = pfs_pb2.ModifyFileRequest(add_file=pfs_pb2.AddFile(path="/big"))
    add.add_file.raw.value = bytes(30 << 20)
    with grpc.insecure_channel(
        server.address.removeprefix("grpc://"), options=[("grpc.max_send_message_length", -1)]
    ) as channel:
        stream: Any = channel.stream_unary("/pfs_v2.API/ModifyFile")
        with pytest.raises(grpc.RpcError) as caught:
            stream(iter([add.SerializeToString()]), timeout=30)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert cluster.version(connection).major == 2
