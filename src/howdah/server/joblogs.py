"""What drivers and workers write into the logs of pipelines."""

from __future__ import annotations

from collections.abc import Iterable

from howdah.infos import LogLine
from howdah.names import Job
from howdah.pps.logs import Logs
from howdah.pps.striking import Strike
from howdah.server.bridge import Bridge
from howdah.wire import pps as wire
from howdah.wire.gen import work_pb2

_KEPT = 1000  # jobs: lines may still come of those that are over


class JobLogs:
    """The logs of jobs, without the values of their secrets."""

    def __init__(self, logs: Logs, bridge: Bridge) -> None:
        self._logs = logs
        self._bridge = bridge
        self._strikes: dict[Job, Strike] = {}

    def begin(self, job: Job, secrets: Iterable[bytes]) -> None:
        """Lines of this job may come from now on."""
        self._strikes[job] = Strike(secrets)
        if len(self._strikes) > _KEPT:
            del self._strikes[next(iter(self._strikes))]

    def tell(self, job: Job, text: str) -> None:
        """A line of the driver."""
        strike = self._strikes.get(job, Strike())
        self._logs.write(job.pipeline, [LogLine(text, job=job.id, master=True)], strike)

    async def hear(self, told: work_pb2.Lines) -> None:
        """Lines that a worker tells."""
        job = wire.job_from_wire(told.job)
        strike = self._strikes.get(job) if job is not None else None
        if job is not None and strike is not None:
            lines = [LogLine(line, job=job.id, datum=told.datum, user=told.user) for line in told.lines]
            await self._bridge.run(self._logs.write, job.pipeline, lines, strike)
