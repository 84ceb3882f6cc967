"""Pipelines whose code cannot be started, and when it is tried again."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from howdah.errors import NotFound
from howdah.names import Pipeline, Project
from howdah.pps.lifecycle import Action, Crashed, Event, TryAgain, Up
from howdah.server.holding import Holding

EDGES = Pipeline(Project(), "edges")


class Loop:
    """What a driver gives: it notes what is told of pipelines, and that it is to go on."""

    def __init__(self, seconds: float) -> None:
        self.told: list[Event] = []
        self.went_on = asyncio.Event()
        self.tasks: list[asyncio.Task[None]] = []
        self._seconds = seconds
        self.holding = Holding(self._advance, self._spawn, self.went_on.set)

    async def _advance(self, _: Pipeline, event: Event) -> tuple[Action, ...]:
        self.told.append(event)
        if self._seconds < 0:
            raise NotFound("pipeline not found")
        return (TryAgain(self._seconds),) if isinstance(event, Crashed) else ()

    def _spawn(self, doing: Coroutine[Any, Any, None]) -> None:
        self.tasks.append(asyncio.ensure_future(doing))


def test_a_pipeline_is_held_as_long_as_its_machine_says_and_crashes_until_its_code_has_run() -> None:
    async def test() -> None:
        loop = Loop(0.0)
        for _ in range(2):
            loop.holding.hold(EDGES, "no disk")
            assert EDGES in loop.holding
        await loop.went_on.wait()
        assert EDGES not in loop.holding
        for _ in range(2):
            loop.holding.ran(EDGES)
        await asyncio.gather(*loop.tasks)
        assert loop.told == [Crashed("no disk"), Up()]

    asyncio.run(test())


def test_a_pipeline_that_somebody_starts_or_updates_is_tried_at_once() -> None:
    async def test() -> None:
        loop = Loop(3600.0)
        loop.holding.hold(EDGES, "no disk")
        loop.holding.see(starting=(), crashing=(EDGES,))
        assert EDGES in loop.holding
        loop.holding.see(starting=(EDGES,), crashing=())
        assert EDGES not in loop.holding
        loop.tasks[0].cancel()

    asyncio.run(test())


def test_one_that_crashed_under_another_server_is_up_when_its_code_has_run() -> None:
    async def test() -> None:
        loop = Loop(-1.0)
        loop.holding.see(starting=(), crashing=(EDGES,))
        assert EDGES not in loop.holding
        loop.holding.ran(EDGES)
        await asyncio.gather(*loop.tasks)
        assert loop.told == [Up()]

    asyncio.run(test())
