"""pps_v2.API: datums, of jobs and of inputs that no pipeline has."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeAlias

from google.protobuf.empty_pb2 import Empty

from howdah.errors import Code, Invalid, NotFound
from howdah.infos import DatumInfo, DatumState
from howdah.names import File, Job
from howdah.pfs.paging import PAGE
from howdah.pps import jobdatums, planning, shape
from howdah.pps.inputs import Input
from howdah.pps.jobdatums import JobDatums
from howdah.pps.planning import Planned
from howdah.server.calls import Calls
from howdah.server.driver import Driver
from howdah.server.methods import Context
from howdah.server.requests import need
from howdah.wire import pfs as nouns
from howdah.wire import pps as wire
from howdah.wire.gen import pps_pb2

_BATCH = 100


class DatumCalls(Calls):
    """Answers for datums; the driver knows which of them are being run."""

    _driver: Driver

    async def ListDatum(self, request: pps_pb2.ListDatumRequest, _: Context) -> AsyncIterator[pps_pb2.DatumInfo]:
        told: _Told
        job = wire.job_from_wire(request.job)
        if job is not None:
            told = await self._datums(job)
        elif request.HasField("input"):
            told = _OfInput(await self._plan(request.input))
        else:
            raise Invalid("job or input must be specified", kind="not-specified")
        numbers = await self._bridge.run(_page, told, request)
        for at in range(0, len(numbers), PAGE):
            some = numbers[at : at + PAGE]
            for message in await self._bridge.run(_messages, told, some):
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
                for message in await self._bridge.run(_messages, _OfInput(planned), some):
                    yield message
                at = some.stop
            if at == len(planned.plan):
                return

    async def InspectDatum(self, request: pps_pb2.InspectDatumRequest, _: Context) -> pps_pb2.DatumInfo:
        told = await self._datums(need(wire.job_from_wire(request.datum.job), "job"))
        number = told.planned.plan.find(request.datum.id)
        if number is None:
            raise NotFound(f"datum {request.datum.id} not found in job {told.job.id}", kind="datum-not-found")
        return (await self._bridge.run(_messages, told, [number]))[0]

    async def RestartDatum(self, request: pps_pb2.RestartDatumRequest, _: Context) -> Empty:
        told = await self._datums(need(wire.job_from_wire(request.job), "job"))
        found = await self._bridge.run(told.matching, request.data_filters)
        if not found or not self._driver.restart(told.job, found):
            raise NotFound(
                f"datum matching filter [{' '.join(request.data_filters)}] could not be found for job ID {told.job.id}",
                kind="datum-not-found",
                code=Code.UNKNOWN,
            )
        return Empty()

    async def _datums(self, job: Job) -> JobDatums:
        return await self._bridge.run(jobdatums.of, self._store, job, self._driver.running(job))

    async def _plan(self, message: pps_pb2.Input) -> Planned:
        given = shape.read(Input, wire.document_from_wire(message), "input")
        return await self._bridge.run(planning.plan, self._store, given)


@dataclass(frozen=True, slots=True)
class _OfInput:
    """The datums that an input would have, of which nothing is known but their files."""

    planned: Planned

    def state(self, _: int) -> DatumState:
        return DatumState.UNKNOWN

    def info(self, number: int) -> DatumInfo:
        datum = self.planned.plan[number]
        return DatumInfo(datum.id, files=tuple(self.planned.files(datum)))


_Told: TypeAlias = JobDatums | _OfInput


def _page(told: _Told, request: pps_pb2.ListDatumRequest) -> list[int]:
    """The numbers of the datums that are asked for: so many behind the marker, of those in one of the states."""
    if request.number < 0:
        raise Invalid(f"number ({request.number}) invalid: it must not be negative", kind="bad-number")
    every = range(len(told.planned.plan))
    if request.reverse:
        every = every[::-1]
    if request.pagination_marker:
        found = told.planned.plan.find(request.pagination_marker)
        if found is None:
            raise NotFound(f"datum {request.pagination_marker} not found: it marks no page", kind="datum-not-found")
        every = every[every.index(found) + 1 :]
    states = {DatumState(state) for state in request.filter.state}
    return [*islice((number for number in every if not states or told.state(number) in states), request.number or None)]


def _messages(told: _Told, numbers: Sequence[int]) -> list[pps_pb2.DatumInfo]:
    messages = []
    for number in numbers:
        info = told.info(number)
        message = wire.datum_info_to_wire(info)
        if isinstance(told, JobDatums):
            message.pfs_state.CopyFrom(nouns.file_to_wire(File(told.meta, f"/pfs/{info.id}")))
        messages.append(message)
    return messages
