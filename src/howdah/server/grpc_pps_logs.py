"""pps_v2.API: logs. Who follows one holds neither a thread nor a transaction while nothing is written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

from howdah.db.database import Tx
from howdah.errors import Invalid, NotFound
from howdah.infos import LogLine
from howdah.names import Job
from howdah.pps import jobrows, rows
from howdah.pps.logreading import Reading, Wanted
from howdah.pps.logs import Logs
from howdah.server.bridge import Bridge, Changes
from howdah.server.calls import Calls
from howdah.server.methods import Context
from howdah.server.recent import RecentLines
from howdah.server.requests import need, refuse
from howdah.store.store import Store
from howdah.wire import pps as wire
from howdah.wire.gen import pps_pb2

_DAY = 24 * 3600 * 1_000_000  # microseconds
_LATE = 1.0  # seconds in which lines may still come of a job that is over: of runs that were killed
_REST = 0.2  # seconds between two looks at what is being written: many lines at once cost one


@dataclass(frozen=True, slots=True)
class Sources:
    """Where lines come from: pipelines and the server; `growth` wakes with each line of a pipeline's, and with rows."""

    logs: Logs
    growth: Changes
    recent: RecentLines


class LogCalls(Calls):
    """Answers for logs."""

    def __init__(self, store: Store, bridge: Bridge, changes: Changes, sources: Sources) -> None:
        super().__init__(store, bridge, changes)
        self._sources = sources

    async def GetLogs(self, request: pps_pb2.GetLogsRequest, _: Context) -> AsyncIterator[pps_pb2.LogMessage]:
        wanted = _wanted(request)
        if wanted is None:
            refuse("following the store's own log", when=request.follow)
            for text in self._sources.recent.last(request.tail):
                yield wire.log_line_to_wire(LogLine(text))
            return
        since, created = _since(request, self._store.now()), await self._look(lambda tx: _created(tx, wanted))
        reading = Reading(self._sources.logs.place(wanted.pipeline), replace(wanted, since=max(since, created)))
        is_over = False
        while not is_over:
            lines, is_over = await (self._news(reading, wanted) if request.follow else self._bridge.run(reading.take))
            for line in lines:
                yield wire.log_line_to_wire(line)

    async def _news(self, reading: Reading, wanted: Wanted) -> tuple[list[LogLine], bool]:
        """The next lines as soon as there are some, and whether no more come: the job is over, or the pipeline gone."""

        async def look() -> tuple[list[LogLine], bool] | None:
            ended = await self._look(lambda tx: _ended(tx, wanted))  # before its last lines are looked for
            lines, is_end = await self._bridge.run(reading.take)
            while not lines and not is_end:
                lines, is_end = await self._bridge.run(reading.take)
            if lines:
                return lines, False
            if ended is None:
                await asyncio.sleep(_REST)
                return None
            late = (ended - self._store.now()) / 1_000_000 + _LATE
            if late <= 0:
                return [], True
            await asyncio.sleep(min(late, _LATE))
            return await self._bridge.run(reading.take)

        return await self._sources.growth.until(look)


def _wanted(request: pps_pb2.GetLogsRequest) -> Wanted | None:
    """Whose lines are asked for; None where it is the server's own."""
    datum = wire.job_from_wire(request.datum.job)
    job = wire.job_from_wire(request.job) or (None if request.HasField("pipeline") else datum)
    pipeline = wire.pipeline_from_wire(request.pipeline) or (None if job is None else job.pipeline)
    if pipeline is None:
        asked = request.HasField("job") or request.HasField("datum") or request.data_filters
        return need(None, "pipeline") if asked else None
    if job is not None and job.pipeline != pipeline:
        raise Invalid(f"job {job} is none of pipeline {pipeline}: name one of them", kind="bad-message")
    return Wanted(
        pipeline,
        job="" if job is None else job.id,
        datum=request.datum.id,
        data=tuple(request.data_filters),
        master=request.master,
        tail=request.tail,
    )


def _since(request: pps_pb2.GetLogsRequest, now: int) -> int:
    """From when on lines are told: a day ago where nothing is asked, but for a job all of its lines."""
    asked = request.since.seconds * 1_000_000 + request.since.nanos // 1000
    if asked < 0:
        raise Invalid("since invalid: it must be a time before now, not behind it", kind="bad-message")
    if not asked:
        return 0 if request.job.id or request.datum.job.id else now - _DAY
    return max(0, now - asked)


def _created(tx: Tx, wanted: Wanted) -> int:
    """When what the lines are of was created: older ones are of another pipeline of its name. `NotFound` without it."""
    if wanted.job:
        return jobrows.get(tx, Job(wanted.pipeline, wanted.job)).created
    return rows.get(tx, wanted.pipeline).created


def _ended(tx: Tx, wanted: Wanted) -> int | None:
    """Since when no more lines are to be expected; None while they are."""
    try:
        if wanted.job:
            return jobrows.get(tx, Job(wanted.pipeline, wanted.job)).ended
        rows.get(tx, wanted.pipeline)
    except NotFound:
        return 0
    return None
