"""Pipelines whose code cannot be started just now: each is tried again after a while, which grows with its tries."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import suppress
from typing import Any

from howdah.errors import HowdahError
from howdah.names import Pipeline
from howdah.pps import lifecycle
from howdah.pps.lifecycle import Action, Crashed, TryAgain, Up

Advance = Callable[[Pipeline, lifecycle.Event], Awaitable[tuple[Action, ...]]]
Spawn = Callable[[Coroutine[Any, Any, None]], object]


class Holding:
    """For one event loop. `go_on` is called when one may be tried again."""

    def __init__(self, advance: Advance, spawn: Spawn, go_on: Callable[[], None]) -> None:
        self._advance = advance
        self._spawn = spawn
        self._go_on = go_on
        self._held: set[Pipeline] = set()
        self._crashing: set[Pipeline] = set()

    def __contains__(self, pipeline: Pipeline) -> bool:
        """Whether nothing of it is to be run now."""
        return pipeline in self._held

    def see(self, starting: Iterable[Pipeline], crashing: Iterable[Pipeline]) -> None:
        """What rows tell: one that somebody has started or updated meanwhile is tried at once."""
        self._held.difference_update(starting)
        self._crashing = {*crashing, *self._held}

    def hold(self, pipeline: Pipeline, why: str) -> None:
        """It has been tried: its code cannot be started."""
        if pipeline not in self._held:
            self._held.add(pipeline)
            self._crashing.add(pipeline)
            self._spawn(self._wait(pipeline, why))

    def ran(self, pipeline: Pipeline) -> None:
        """Its code has been started."""
        if pipeline in self._crashing:
            self._crashing.discard(pipeline)
            self._spawn(self._up(pipeline))

    async def _wait(self, pipeline: Pipeline, why: str) -> None:
        seconds = lifecycle.LONGEST
        with suppress(HowdahError):  # it is gone, or nothing can be noted just now
            told = await self._advance(pipeline, Crashed(why))
            seconds = next((action.seconds for action in told if isinstance(action, TryAgain)), 0.0)
        await asyncio.sleep(seconds)
        self._held.discard(pipeline)
        self._go_on()

    async def _up(self, pipeline: Pipeline) -> None:
        with suppress(HowdahError):
            await self._advance(pipeline, Up())
