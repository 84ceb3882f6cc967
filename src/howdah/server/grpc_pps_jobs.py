"""pps_v2.API: jobs. Waiting calls hold neither a thread nor a transaction."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from itertools import islice
from typing import TypeVar

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from howdah.errors import Invalid
from howdah.infos import JobInfo
from howdah.names import Commit, Job
from howdah.pfs.paging import PAGE
from howdah.pps import jobs, telling
from howdah.pps.telling import Which
from howdah.server import filters, queueable
from howdah.server.calls import Calls
from howdah.server.methods import Context
from howdah.server.requests import need
from howdah.wire import pfs as nouns
from howdah.wire import pps as wire
from howdah.wire.gen import pps_pb2

_Told = TypeVar("_Told", bound=Message)


class JobCalls(Calls):
    """Answers for jobs and for the sets of those that one change leads to."""

    async def InspectJob(self, request: pps_pb2.InspectJobRequest, _: Context) -> pps_pb2.JobInfo:
        named = need(wire.job_from_wire(request.job), "job")
        if request.wait:
            info = await self._over(named)
        else:
            info = await self._look(lambda tx: telling.job(tx, named))
        return wire.job_info_to_wire(info, details=request.details)

    async def ListJob(self, request: pps_pb2.ListJobRequest, _: Context) -> AsyncIterator[pps_pb2.JobInfo]:
        passes = filters.matching(request.jq_filter)
        which = _which(request)

        def found() -> Iterator[pps_pb2.JobInfo]:
            infos = telling.jobs(self._store.database, which)
            return (wire.job_info_to_wire(info, details=request.details) for info in infos)

        async for messages in self._bridge.batches(lambda: _first(found(), passes, request.number), PAGE):
            for message in messages:
                yield message

    async def InspectJobSet(self, request: pps_pb2.InspectJobSetRequest, _: Context) -> AsyncIterator[pps_pb2.JobInfo]:
        found = await self._look(lambda tx: telling.job_set(tx, request.job_set.id))
        left = [info.job for info in found]
        while left:
            for info in found:
                if info.state.is_over or not request.wait:
                    left.remove(info.job)
                    yield wire.job_info_to_wire(info, details=request.details)
            if left:
                found = await self._some_over(request.job_set.id, left)

    async def ListJobSet(self, request: pps_pb2.ListJobSetRequest, _: Context) -> AsyncIterator[pps_pb2.JobSetInfo]:
        passes = filters.matching(request.jq_filter)
        which = _which(request)

        def found() -> Iterator[pps_pb2.JobSetInfo]:
            for info in telling.job_sets(self._store.database, which):
                told = [wire.job_info_to_wire(each, details=request.details) for each in info.jobs]
                yield pps_pb2.JobSetInfo(job_set=pps_pb2.JobSet(id=info.id), jobs=told)

        async for messages in self._bridge.batches(lambda: _first(found(), passes, request.number), PAGE):
            for message in messages:
                yield message

    async def SubscribeJob(self, request: pps_pb2.SubscribeJobRequest, _: Context) -> AsyncIterator[pps_pb2.JobInfo]:
        """The jobs that are not over, oldest first, and from then on each new one; as with Pachyderm, each once."""
        named = need(wire.pipeline_from_wire(request.pipeline), "pipeline")
        told: set[Job] = set()

        async def changed() -> list[JobInfo] | None:
            found = await self._look(lambda tx: telling.unfinished(tx, named))
            news = [info for info in found if info.job not in told]
            told.clear()  # what is over is not found again
            told.update(info.job for info in found)
            return news or None

        while True:
            for info in await self._changes.until(changed):
                yield wire.job_info_to_wire(info, details=request.details)

    async def StopJob(self, request: pps_pb2.StopJobRequest, context: Context) -> Empty:
        return await self._queueable(queueable.stop_job, request, context)

    async def DeleteJob(self, request: pps_pb2.DeleteJobRequest, _: Context) -> Empty:
        named = need(wire.job_from_wire(request.job), "job")
        await self._step(lambda made: jobs.delete(made, self._store, named))
        return Empty()

    async def UpdateJobState(self, request: pps_pb2.UpdateJobStateRequest, context: Context) -> Empty:
        return await self._queueable(queueable.update_job_state, request, context)

    async def _some_over(self, id: str, left: list[Job]) -> list[JobInfo]:
        """Those of the jobs of a set that are still there, as soon as one of them is over; or none any more."""

        async def look() -> list[JobInfo] | None:
            infos = [info for info in await self._look(lambda tx: telling.job_set(tx, id)) if info.job in left]
            left[:] = [info.job for info in infos]
            return infos if not infos or any(info.state.is_over for info in infos) else None

        return await self._changes.until(look)

    async def _over(self, named: Job) -> JobInfo:
        """The job as soon as it is over."""

        async def look() -> JobInfo | None:
            info = await self._look(lambda tx: telling.job(tx, named))
            return info if info.state.is_over else None

        return await self._changes.until(look)


def _first(found: Iterator[_Told], passes: Callable[[Message], bool], number: int) -> Iterator[_Told]:
    """Those that pass, at most so many if that is not 0."""
    return islice(filter(passes, found), number or None)


def _which(request: pps_pb2.ListJobRequest | pps_pb2.ListJobSetRequest) -> Which:
    if request.number < 0:
        raise Invalid(f"number ({request.number}) invalid: it must not be negative", kind="bad-number")
    number = 0 if request.jq_filter else request.number  # how many have to be looked at is not known
    marker = nouns.time_from_wire(request.pagination_marker) if request.HasField("pagination_marker") else None
    chosen = tuple(map(nouns.project_from_wire, request.projects))
    which = Which(projects=chosen, marker=marker, number=number, reverse=request.reverse)
    if isinstance(request, pps_pb2.ListJobSetRequest):
        return which
    return Which(
        pipeline=wire.pipeline_from_wire(request.pipeline),
        projects=which.projects,
        inputs=tuple(_input(each) for each in map(nouns.commit_from_wire, request.input_commit)),
        history=request.history,
        marker=which.marker,
        number=which.number,
        reverse=which.reverse,
    )


def _input(commit: Commit | None) -> Commit:
    return need(commit, "input commit")
