import sys
from collections.abc import Iterator

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty

from howdah.client import channel, files, repos
from howdah.client.channel import Connection
from howdah.names import Commit, Project, Repo
from howdah.testing.servers import StoreServer
from howdah.wire.gen import pps_pb2, pps_pb2_grpc

REPO = Repo(Project(), "images")
HEAD = Commit(REPO, "master")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreServer]:
    if sys.platform != "linux":
        pytest.skip("platform: what a server holds is told by Linux's /proc")
    with StoreServer(tmp_path_factory.mktemp("fuzz") / "data", "--chunks-port", "0") as server:
        yield server


@pytest.fixture(scope="module")
def connection(server: StoreServer) -> Iterator[Connection]:
    with channel.connect(server.address) as connection:
        yield connection


def plant(connection: Connection) -> None:
    """The repo `images`, whatever became of it, with a commit on master, and the pipeline `edges` with a job on it."""
    with grpc.insecure_channel(connection.address.target) as opened:
        pps = pps_pb2_grpc.APIStub(opened)
        pps.DeleteAll(Empty())
        _plant(connection)
        source = pps_pb2.PFSInput(repo=REPO.name, glob="/*")
        pps.CreatePipeline(
            pps_pb2.CreatePipelineRequest(
                pipeline=pps_pb2.Pipeline(name="edges"),
                transform=pps_pb2.Transform(cmd=["true"]),
                input=pps_pb2.Input(pfs=source),
            )
        )


def _plant(connection: Connection) -> None:
    repos.delete(connection, REPO, force=True)
    repos.create(connection, REPO)
    with files.modify(connection, HEAD) as changes:
        changes.put("/a", b"a")
        changes.put("/d/b", b"b" * 5000)
        changes.put("/" + "a" * 60, b"long")
