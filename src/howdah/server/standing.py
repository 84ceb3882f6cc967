"""Keeps the code of spouts and services running, beside the driver's jobs, for as long as the server runs."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from howdah.errors import HowdahError
from howdah.pps import standing
from howdah.pps.lifecycle import LONGEST, pause
from howdah.pps.standing import Standing
from howdah.server.bridge import Bridge, Changes
from howdah.server.crew import Crew
from howdah.server.joblogs import JobLogs
from howdah.store.store import Store

_log = logging.getLogger(__name__)

_IDLE = 0.2  # seconds before a look
_REST = 1.0  # seconds between two looks at what runs


@dataclass(slots=True)
class _Run:
    """Of one that is wanted: the number of its task while it runs, and when it may be started again after that."""

    number: int = 0
    begun: float = 0.0
    tries: int = 0
    not_before: float = 0.0


async def keep_standing(store: Store, bridge: Bridge, changes: Changes, crew: Crew, logs: JobLogs) -> None:
    """Run until cancelled."""
    keeper = _Keeper(store, bridge, crew, logs)
    await changes.keep(keeper.look)


class _Keeper:
    def __init__(self, store: Store, bridge: Bridge, crew: Crew, logs: JobLogs) -> None:
        self._store = store
        self._bridge = bridge
        self._crew = crew
        self._logs = logs
        self._runs: dict[Standing, _Run] = {}

    async def look(self) -> float | None:
        """See that what is wanted runs, and nothing else; seconds until it must be looked at again."""
        await asyncio.sleep(_IDLE)  # jobs go first, and many changes cost one look
        try:
            wanted = await self._bridge.run(self._wanted)
        except HowdahError:
            _log.exception("spouts and services cannot be looked for; tried again soon")
            return LONGEST
        for gone in self._runs.keys() - set(wanted):
            run = self._runs.pop(gone)
            if run.number:
                self._crew.dismiss(run.number, "its pipeline or its input has changed")
        waits = [await self._see_to(each) for each in wanted]
        return min(filter(None, waits), default=None)

    def _wanted(self) -> list[Standing]:
        with self._store.database.read() as tx:
            return [*standing.wanted(tx)]

    async def _see_to(self, each: Standing) -> float | None:
        run = self._runs.setdefault(each, _Run())
        now = asyncio.get_running_loop().time()
        if run.number and self._crew.has(run.number):
            return _REST
        if run.number:
            lived, run.number = now - run.begun, 0
            run.tries = 1 if lived > LONGEST else run.tries + 1
            run.not_before = now + pause(run.tries)
            self._logs.tell(each.job, f"code has ended; it is started again in {pause(run.tries):g} seconds")
        if now < run.not_before:
            return run.not_before - now
        try:
            begun = await self._bridge.run(standing.begin, self._store, each)
        except HowdahError as error:
            self._logs.tell(each.job, f"code cannot be started: {error.message}")
            run.not_before = now + LONGEST
            return LONGEST
        self._logs.begin(each.job, begun.secrets.values(), begun.planned.plan)
        number = self._crew.stand(begun)
        run.number, run.begun = number or 0, now
        return _REST
