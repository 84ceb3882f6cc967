"""pps_v2.API: datums. Those of jobs are told as soon as jobs are run here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from google.protobuf.empty_pb2 import Empty

from howdah.errors import Code, Invalid, NotFound
from howdah.names import Job
from howdah.pfs.paging import PAGE
from howdah.pps import planning, shape, telling
from howdah.pps.inputs import Input
from howdah.pps.planning import Planned
from howdah.server.calls import Calls
from howdah.server.methods import Context
from howdah.server.requests import need, refuse
from howdah.wire import pfs as nouns
from howdah.wire import pps as wire
from howdah.wire.gen import pps_pb2

_BATCH = 100


class DatumCalls(Calls):
    """Answers for datums."""

    async def ListDatum(self, request: pps_pb2.ListDatumRequest, _: Context) -> AsyncIterator[pps_pb2.DatumInfo]:
        job = wire.job_from_wire(request.job)
        if job is not None:
            await self._look(lambda tx: telling.job(tx, job))
            refuse("telling the datums of a job", when=True)
        if not request.HasField("input"):
            raise Invalid("job or input must be specified", kind="not-specified")
        planned = await self._plan(request.input)
        numbers = _page(planned, request)
        for at in range(0, len(numbers), PAGE):
            for message in await self._bridge.run(_told, planned, numbers[at : at + PAGE]):
                yield message

    async def CreateDatum(
        self, requests: AsyncIterator[pps_pb2.CreateDatumRequest], _: Context
    ) -> AsyncIterator[pps_pb2.DatumInfo]:
        planned: Planned | None = None
        at = 0
        async for request in requests:
            if request.HasField("start"):
                if planned is not None:
                    raise Invalid("a stream of datums starts once", kind="bad-message")
                planned = await self._plan(request.start.input)
                number = request.start.number
            else:
                number = getattr(request, "continue").number
            if planned is None:
                raise Invalid("the first message must start the stream, and say of which input", kind="bad-message")
            if number < 0:
                raise Invalid(f"number ({number}) invalid: it must not be negative", kind="bad-number")
            end = min(at + (number or _BATCH), len(planned.plan))
            while at < end:
                some = range(at, min(end, at + PAGE))
                for message in await self._bridge.run(_told, planned, some):
                    yield message
                at = some.stop
            if at == len(planned.plan):
                return

    async def InspectDatum(self, request: pps_pb2.InspectDatumRequest, _: Context) -> pps_pb2.DatumInfo:
        job = await self._job(request.datum.job)
        raise NotFound(f"datum {request.datum.id} not found in job {job.id}", kind="datum-not-found")

    async def RestartDatum(self, request: pps_pb2.RestartDatumRequest, _: Context) -> Empty:
        job = await self._job(request.job)
        raise NotFound(
            f"datum matching filter [{' '.join(request.data_filters)}] could not be found for job ID {job.id}",
            kind="datum-not-found",
            code=Code.UNKNOWN,
        )

    async def _job(self, message: pps_pb2.Job) -> Job:
        job = need(wire.job_from_wire(message), "job")
        await self._look(lambda tx: telling.job(tx, job))
        return job

    async def _plan(self, message: pps_pb2.Input) -> Planned:
        given = shape.read(Input, wire.document_from_wire(message), "input")
        return await self._bridge.run(planning.plan, self._store, given)


def _page(planned: Planned, request: pps_pb2.ListDatumRequest) -> range:
    """The numbers of the datums that are asked for: so many behind the marker."""
    every = range(len(planned.plan))
    if request.number < 0:
        raise Invalid(f"number ({request.number}) invalid: it must not be negative", kind="bad-number")
    if request.reverse:
        every = every[::-1]
    if request.filter.state and pps_pb2.UNKNOWN not in request.filter.state:
        return range(0)
    if request.pagination_marker:
        found = planned.plan.find(request.pagination_marker)
        if found is None:
            raise NotFound(f"datum {request.pagination_marker} not found: it marks no page", kind="datum-not-found")
        every = every[every.index(found) + 1 :]
    return every[: request.number] if request.number else every


def _told(planned: Planned, numbers: Sequence[int]) -> list[pps_pb2.DatumInfo]:
    found = (planned.plan[number] for number in numbers)
    return [
        pps_pb2.DatumInfo(
            datum=pps_pb2.Datum(id=datum.id),
            state=pps_pb2.UNKNOWN,
            data=map(nouns.file_info_to_wire, planned.files(datum)),
        )
        for datum in found
    ]
