"""Calls about jobs that wait, while others change what they wait for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty

from howdah.client.channel import Connection
from howdah.testing.servers import StoreServer
from howdah.wire.gen import pfs_pb2, pfs_pb2_grpc, pps_pb2, pps_pb2_grpc
from tests.server.conftest import REPO

EDGES = pps_pb2.Pipeline(name="edges")
_PATIENCE = 120.0

_Result = TypeVar("_Result")


@pytest.fixture
def opened(connection: Connection) -> Iterator[grpc.Channel]:
    """A channel to a store with the pipeline `edges`."""
    with grpc.insecure_channel(connection.address.target) as channel:
        pps_pb2_grpc.APIStub(channel).CreatePipeline(specification())
        yield channel


@pytest.fixture
def pps(opened: grpc.Channel) -> Any:
    return pps_pb2_grpc.APIStub(opened)


def specification(name: str = "edges", **more: Any) -> pps_pb2.CreatePipelineRequest:
    source = pps_pb2.PFSInput(repo=REPO.name, glob="/*")
    return pps_pb2.CreatePipelineRequest(
        pipeline=pps_pb2.Pipeline(name=name),
        transform=pps_pb2.Transform(cmd=["true"]),
        input=pps_pb2.Input(pfs=source),
        **more,
    )


def newest(pps: Any, name: str = "edges") -> pps_pb2.JobInfo:
    info: pps_pb2.JobInfo = next(
        iter(pps.ListJob(pps_pb2.ListJobRequest(pipeline=pps_pb2.Pipeline(name=name), number=1)))
    )
    return info


def begin(call: Callable[[], _Result]) -> Callable[[], _Result]:
    """Make a call in a thread; returns what waits for its result."""
    found: list[_Result] = []

    def work() -> None:
        found.append(call())

    thread = threading.Thread(target=work, daemon=True)
    thread.start()

    def result() -> _Result:
        thread.join(_PATIENCE)
        return found[0]

    return result


def state(pps: Any, job: pps_pb2.Job, to: pps_pb2.JobState.ValueType) -> None:
    pps.UpdateJobState(pps_pb2.UpdateJobStateRequest(job=job, state=to))


def test_who_waits_for_a_job_is_told_when_it_is_over(opened: grpc.Channel, pps: Any) -> None:
    job = newest(pps).job
    told = begin(lambda: pps.InspectJob(pps_pb2.InspectJobRequest(job=job, wait=True), timeout=_PATIENCE))
    commit = pfs_pb2.Commit(repo=pfs_pb2.Repo(name="edges", type="user"), id=job.id)
    pfs = pfs_pb2_grpc.APIStub(opened)
    request = pfs_pb2.InspectCommitRequest(commit=commit, wait=pfs_pb2.FINISHED)
    finished = begin(lambda: pfs.InspectCommit(request, timeout=_PATIENCE))
    for each in (pps_pb2.JOB_STARTING, pps_pb2.JOB_RUNNING, pps_pb2.JOB_SUCCESS):
        state(pps, job, each)
    assert told().state == pps_pb2.JOB_SUCCESS
    assert finished().error == ""
    assert pps.InspectJob(pps_pb2.InspectJobRequest(job=job)).state == pps_pb2.JOB_SUCCESS


def test_who_waits_for_a_set_gets_each_job_as_it_ends(pps: Any) -> None:
    begun = specification("count")
    begun.input.pfs.repo = "edges"
    pps.CreatePipeline(begun)
    id = newest(pps, "count").job.id
    first = newest(pps).job
    request = pps_pb2.InspectJobSetRequest(job_set=pps_pb2.JobSet(id=id), wait=True)
    waiting = begin(lambda: [info.state for info in pps.InspectJobSet(request, timeout=_PATIENCE)])
    pps.StopJob(pps_pb2.StopJobRequest(job=first, reason="enough"))
    assert waiting() == [pps_pb2.JOB_UNRUNNABLE]
    assert pps.InspectJob(pps_pb2.InspectJobRequest(job=first)).reason == "enough"


def test_who_waits_for_a_set_gets_what_ends_first_first(opened: grpc.Channel, pps: Any) -> None:
    pps.CreatePipeline(specification("other"))
    branch = pfs_pb2.Branch(repo=pfs_pb2.Repo(name=REPO.name, type="user"), name="master")
    id = pfs_pb2_grpc.APIStub(opened).StartCommit(pfs_pb2.StartCommitRequest(branch=branch)).id
    jobs = [info.job for info in pps.InspectJobSet(pps_pb2.InspectJobSetRequest(job_set=pps_pb2.JobSet(id=id)))]
    request = pps_pb2.InspectJobSetRequest(job_set=pps_pb2.JobSet(id=id), wait=True)
    told = pps.InspectJobSet(request, timeout=_PATIENCE)
    for job in reversed(jobs):
        pps.StopJob(pps_pb2.StopJobRequest(job=job))
        assert next(told).job == job
    assert [*told] == []
    assert len(jobs) == 2


def test_who_subscribes_is_told_of_each_job_once(pps: Any) -> None:
    first = newest(pps).job
    told = pps.SubscribeJob(pps_pb2.SubscribeJobRequest(pipeline=EDGES), timeout=_PATIENCE)
    assert next(told).job == first
    state(pps, first, pps_pb2.JOB_RUNNING)
    pps.RerunPipeline(pps_pb2.RerunPipelineRequest(pipeline=EDGES))
    assert next(told).job == newest(pps).job
    told.cancel()


def test_who_waits_for_a_job_that_goes_is_told(pps: Any) -> None:
    job = newest(pps).job
    begun = threading.Event()

    def wait() -> grpc.StatusCode:
        begun.set()
        try:
            for _ in pps.SubscribeJob(pps_pb2.SubscribeJobRequest(pipeline=EDGES), timeout=_PATIENCE):
                pass
        except grpc.RpcError as error:
            told: Any = error
            return told.code()  # type: ignore[no-any-return]
        return grpc.StatusCode.OK

    subscribed = begin(wait)
    begun.wait(_PATIENCE)
    pps.DeleteAll(Empty())
    assert subscribed() is grpc.StatusCode.NOT_FOUND
    with pytest.raises(grpc.RpcError, match="not found"):
        pps.InspectJob(pps_pb2.InspectJobRequest(job=job))


def test_many_at_once_change_one_pipeline(pps: Any) -> None:
    def update() -> None:
        pps.CreatePipeline(specification(update=True), timeout=_PATIENCE)

    for done in [begin(update) for _ in range(12)]:
        done()
    info = pps.InspectPipeline(pps_pb2.InspectPipelineRequest(pipeline=EDGES))
    assert info.version == 13
    states = [each.state for each in pps.ListJob(pps_pb2.ListJobRequest(pipeline=EDGES, history=-1))]
    assert states == [pps_pb2.JOB_CREATED] + [pps_pb2.JOB_KILLED] * 12


def test_what_was_told_is_there_after_a_crash(server: StoreServer, pps: Any) -> None:
    job = newest(pps).job
    state(pps, job, pps_pb2.JOB_RUNNING)
    server.kill()
    with StoreServer(server.data) as again, grpc.insecure_channel(again.address.removeprefix("grpc://")) as channel:
        stub: Any = pps_pb2_grpc.APIStub(channel)
        assert newest(stub).state == pps_pb2.JOB_RUNNING
        stub.StopPipeline(pps_pb2.StopPipelineRequest(pipeline=EDGES))
        assert newest(stub).state == pps_pb2.JOB_KILLED
