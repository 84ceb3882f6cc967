"""What is too much for a server is refused, and it goes on. Any message to any call: `tests/fuzz`."""

import random
import socket
from typing import Any

import grpc
import pytest

from howdah.client import cluster, commits, files, metadata, repos
from howdah.client.channel import Connection
from howdah.errors import Invalid
from howdah.names import Branch, Commit, File
from howdah.testing.servers import StoreServer
from howdah.wire.gen import pfs_pb2
from tests.server.conftest import REPO


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


def test_words_that_would_make_lists_too_long_for_their_readers_are_refused(connection: Connection) -> None:
    words = "x" * (2 << 20)
    with pytest.raises(Invalid, match=r"message to pfs_v2.API.StartCommit invalid: it is longer than"):
        commits.start(connection, Branch(REPO, "master"), words)
    with pytest.raises(Invalid, match="longer than"):
        repos.create(connection, REPO, words, update=True)
    metadata.edit(connection, metadata.add(REPO, "0", "x" * (1 << 19)))
    with pytest.raises(Invalid, match=r"metadata of default/images invalid: together more than"):
        metadata.edit(connection, metadata.add(REPO, "1", "x" * (1 << 19)))
    assert not list(commits.list(connection, REPO))
    assert len(repos.inspect(connection, REPO).metadata) == 1
