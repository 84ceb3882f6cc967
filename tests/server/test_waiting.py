"""Whoever waits holds no thread: however many wait, short calls are answered."""

import threading
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from howdah.client import commits, files
from howdah.client.channel import Connection
from howdah.infos import CommitState
from howdah.names import Commit, File
from howdah.testing.servers import StoreServer
from howdah.wire import pfs as wire
from howdah.wire.gen import pfs_pb2, pfs_pb2_grpc
from tests.server.conftest import MASTER, REPO

WAITERS = 60  # more than the server has threads


def test_waiting_calls_and_idle_streams_leave_room_for_others(server: StoreServer, connection: Connection) -> None:
    commit = commits.start(connection, MASTER)
    with grpc.insecure_channel(server.address.removeprefix("grpc://")) as channel, ThreadPoolExecutor(WAITERS) as pool:
        stub = pfs_pb2_grpc.APIStub(channel)
        request = pfs_pb2.InspectCommitRequest(commit=wire.commit_to_wire(commit), wait=pfs_pb2.FINISHED)
        waits = [stub.InspectCommit.future(request) for _ in range(WAITERS)]
        follow = pfs_pb2.SubscribeCommitRequest(repo=wire.repo_to_wire(REPO), branch="master", state=pfs_pb2.FINISHED)
        subscriptions = [stub.SubscribeCommit(follow) for _ in range(WAITERS)]
        first = [pool.submit(next, subscription) for subscription in subscriptions]
        with files.modify(connection, commit) as changes:
            changes.put("/a", b"1")
        assert not any(wait.done() for wait in waits)
        commits.finish(connection, commit)
        assert all(wait.result(30).finished.seconds for wait in waits)
        assert {told.result(30).commit.id for told in first} == {commit.id}
        for subscription in subscriptions:
            subscription.cancel()
    assert commits.inspect(connection, commit, wait=CommitState.FINISHED).state is CommitState.FINISHED


def test_a_stream_that_is_held_open_does_not_stop_other_writers(server: StoreServer, connection: Connection) -> None:
    released = threading.Event()

    def slowly() -> object:
        yield pfs_pb2.ModifyFileRequest(set_commit=wire.commit_to_wire(Commit(REPO, "slow")))
        released.wait(30)

    with grpc.insecure_channel(server.address.removeprefix("grpc://")) as channel:
        stub = pfs_pb2_grpc.APIStub(channel)
        held = [stub.ModifyFile.future(slowly()) for _ in range(WAITERS)]  # type: ignore[arg-type]
        with files.modify(connection, Commit(REPO, "master")) as changes:
            changes.put("/quick", b"1")
        assert files.inspect(connection, File(Commit(REPO, "master"), "/quick")).size == 1
        assert not any(stream.done() for stream in held)
        released.set()
        assert all(stream.result(30) is not None for stream in held)


def test_a_store_that_is_stopped_lets_go_of_whoever_waits(server: StoreServer, connection: Connection) -> None:
    commit = commits.start(connection, MASTER)
    with grpc.insecure_channel(server.address.removeprefix("grpc://")) as channel:
        stub = pfs_pb2_grpc.APIStub(channel)
        follow = pfs_pb2.SubscribeCommitRequest(repo=wire.repo_to_wire(REPO), branch="master", state=pfs_pb2.STARTED)
        subscription = stub.SubscribeCommit(follow)
        assert next(subscription).commit.id == commit.id
        request = pfs_pb2.InspectCommitRequest(commit=wire.commit_to_wire(commit), wait=pfs_pb2.FINISHED)
        wait = stub.InspectCommit.future(request)
        stub.InspectCommit(pfs_pb2.InspectCommitRequest(commit=request.commit))  # by now that one waits
        watch = HealthStub(channel).Watch(HealthCheckRequest(service="pfs_v2.API"))
        assert next(watch).status == HealthCheckResponse.SERVING
        assert server.stop() == 0
        assert [told.status for told in watch][-1] == HealthCheckResponse.NOT_SERVING
        # Calls that were cut off when the grace was over would tell nothing of it.
        with pytest.raises(grpc.RpcError, match="the store is being stopped: ask again when it is back"):
            next(subscription)
        with pytest.raises(grpc.RpcError, match="the store is being stopped: ask again when it is back"):
            wait.result(60)


def test_clients_that_vanish_leave_nothing_behind(server: StoreServer, connection: Connection) -> None:
    commit = commits.start(connection, MASTER)
    for _ in range(20):
        with grpc.insecure_channel(server.address.removeprefix("grpc://")) as channel:
            stub = pfs_pb2_grpc.APIStub(channel)
            request = pfs_pb2.InspectCommitRequest(commit=wire.commit_to_wire(commit), wait=pfs_pb2.FINISHED)
            stub.InspectCommit.future(request)
    commits.finish(connection, commit)
    assert server.stop() == 0
    assert "Traceback" not in server.log.read_text()
