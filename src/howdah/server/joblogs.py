"""What drivers and workers write into the logs of pipelines."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from howdah.infos import LogLine
from howdah.names import Job
from howdah.pfs import clock
from howdah.pps.datums import Plan
from howdah.pps.logs import Logs
from howdah.pps.striking import Strike
from howdah.server.bridge import Bridge
from howdah.wire.gen import work_pb2

_KEPT = 1000  # jobs: lines may still come of those that are over
_WAITING = 10_000  # lines that wait to be written; then who tells them waits
_FEW = 100  # lines that are written sooner than another thread is asked


class JobLogs:
    """The logs of jobs, without the values of their secrets."""

    def __init__(self, logs: Logs, bridge: Bridge) -> None:
        self._logs = logs
        self._bridge = bridge
        self._strikes: dict[Job, Strike] = {}
        self._plans: dict[Job, Plan] = {}
        self._heard: dict[Job, tuple[Strike, list[LogLine]]] = {}
        self._waiting = 0
        self._keeping: asyncio.Task[None] | None = None
        self._messages: dict[int, int] = {}  # that were heard of each worker
        self._all = self._kept = 0  # messages that were heard, and kept
        self._moved = asyncio.Event()

    def begin(self, job: Job, secrets: Iterable[bytes], plan: Plan) -> None:
        """Lines of this job may come from now on, about datums of this plan."""
        self._strikes[job] = Strike(secrets)
        self._plans[job] = plan
        if len(self._strikes) > _KEPT:
            del self._strikes[next(iter(self._strikes))]

    def end(self, job: Job) -> None:
        """No datum of this job is begun any more; lines may still come."""
        self._plans.pop(job, None)

    def tell(self, job: Job, text: str) -> None:
        """A line of the driver."""
        strike = self._strikes.get(job, Strike())
        self._logs.write(job.pipeline, [LogLine(text, job=job.id, master=True)], strike)

    async def hear(self, worker: int, job: Job, told: Iterable[work_pb2.Said]) -> None:
        """A message of lines that a worker tells. It is written soon, with what comes while others are written."""
        self._messages[worker] = self._messages.get(worker, 0) + 1
        self._all += 1
        strike = self._strikes.get(job)
        if strike is not None:
            lines = self._lines(job, told)
            self._heard.setdefault(job, (strike, []))[1].extend(lines)
            self._waiting += len(lines)
        if self._keeping is None:
            self._keeping = asyncio.create_task(self._keep())
        if self._waiting > _WAITING:
            await asyncio.wait([self._keeping])

    async def keep(self, job: Job, told: Sequence[work_pb2.Said]) -> None:
        """Write these lines, now."""
        strike = self._strikes.get(job)
        if strike is None:
            return
        lines = self._lines(job, told)
        if len(lines) <= _FEW:
            self._logs.write(job.pipeline, lines, strike)
        else:
            await self._bridge.run(self._logs.write, job.pipeline, lines, strike)

    async def until(self, worker: int, messages: int) -> None:
        """Wait until so many messages that a worker tells are kept: they may come by another way than who asks."""
        while self._messages.get(worker, 0) < messages:
            await self._moved.wait()
        heard = self._all
        while self._kept < heard:
            await self._moved.wait()

    async def _keep(self) -> None:
        try:
            while self._kept < self._all:
                heard, self._heard, self._waiting = self._heard, {}, 0
                number = self._all
                if heard:
                    await self._bridge.run(self._write, heard)
                self._kept = number
                self._moved.set()
                self._moved = asyncio.Event()
        except RuntimeError:
            return  # the store has stopped, and has no threads any more
        finally:
            self._keeping = None

    def _write(self, heard: Mapping[Job, tuple[Strike, Sequence[LogLine]]]) -> None:
        for job, (strike, lines) in heard.items():
            self._logs.write(job.pipeline, lines, strike)

    def _lines(self, job: Job, told: Iterable[work_pb2.Said]) -> list[LogLine]:
        found = []
        for each in told:
            # The files with the worker's own lines will do: code prints none before the worker has told that it begins.
            files = () if each.user else self._files(job, each.datum)
            moment = clock.moment(each.time)
            found += [
                LogLine(line, job=job.id, datum=each.datum, user=each.user, time=moment, inputs=files)
                for line in each.lines
            ]
        return found

    def _files(self, job: Job, datum: str) -> tuple[tuple[str, bytes], ...]:
        plan = self._plans.get(job)
        number = plan.find(datum) if plan is not None else None
        if plan is None or number is None:
            return ()
        return tuple((file.path, file.digest) for file in plan[number].files)
