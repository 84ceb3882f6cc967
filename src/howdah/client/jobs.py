"""Verbs on jobs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import grpc

from howdah.client.channel import Connection
from howdah.infos import JobInfo, JobSetInfo
from howdah.names import Commit, Job, Pipeline, Project
from howdah.wire import pfs, pps
from howdah.wire.gen import pps_pb2


def inspect(conn: Connection, job: Job) -> JobInfo:
    """The job; raises `NotFound`."""
    request = pps_pb2.InspectJobRequest(job=pps.job_to_wire(job), details=True)
    return pps.job_info_from_wire(conn.call(conn.pps.InspectJob, request))


def watch(conn: Connection, job: Job, *, every: float | None = None) -> Iterator[JobInfo]:
    """The job as it is now, then each so many seconds if that is told, and last of all as it is when it is over."""
    info = inspect(conn, job)
    yield info
    if info.state.is_over:
        return
    over = conn.begin(conn.pps.InspectJob, pps_pb2.InspectJobRequest(job=pps.job_to_wire(job), wait=True, details=True))
    try:
        while True:
            try:
                yield pps.job_info_from_wire(over.result(timeout=every))
                return
            except grpc.FutureTimeoutError:
                yield inspect(conn, job)
            except grpc.RpcError as error:
                raise conn.error(error) from error
    finally:
        over.cancel()


def list(  # noqa: PLR0913 -- one keyword for each way to choose
    conn: Connection,
    *,
    pipeline: Pipeline | None = None,
    projects: Sequence[Project] = (),
    inputs: Sequence[Commit] = (),
    history: int = 0,
    number: int = 0,
) -> Iterator[JobInfo]:
    """Jobs, the newest first: of a pipeline, or of the projects, or of all where none is told.

    `history` is how many versions of pipelines before the present one count, all if it is negative. With `inputs`, it
    is jobs that are made from all of these commits. At most `number` where that is not 0.
    """
    request = pps_pb2.ListJobRequest(
        pipeline=None if pipeline is None else pps.pipeline_to_wire(pipeline),
        projects=map(pfs.project_to_wire, projects),
        input_commit=map(pfs.commit_to_wire, inputs),
        history=history,
        number=number,
        details=True,
    )
    yield from map(pps.job_info_from_wire, conn.stream(conn.pps.ListJob, request))


def list_sets(conn: Connection, *, projects: Sequence[Project] = (), number: int = 0) -> Iterator[JobSetInfo]:
    """The commit sets that have jobs of the projects, or of any where none is told, with them, the newest first."""
    request = pps_pb2.ListJobSetRequest(projects=map(pfs.project_to_wire, projects), number=number, details=True)
    yield from map(pps.job_set_info_from_wire, conn.stream(conn.pps.ListJobSet, request))


def inspect_set(conn: Connection, id: str) -> Iterator[JobInfo]:
    """The jobs of a commit set, upstream ones first; raises `NotFound` without the set."""
    request = pps_pb2.InspectJobSetRequest(job_set=pps_pb2.JobSet(id=id), details=True)
    yield from map(pps.job_info_from_wire, conn.stream(conn.pps.InspectJobSet, request))


def stop(conn: Connection, job: Job) -> None:
    """End a job; one that is over stays as it is. Raises `NotFound`."""
    conn.call(conn.pps.StopJob, pps_pb2.StopJobRequest(job=pps.job_to_wire(job)))


def delete(conn: Connection, job: Job) -> None:
    """End a job if it is not over, and have it told no more; its commits stay. Raises `NotFound`."""
    conn.call(conn.pps.DeleteJob, pps_pb2.DeleteJobRequest(job=pps.job_to_wire(job)))
