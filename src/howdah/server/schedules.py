"""What follows the clock, for as long as the server runs: branches with such triggers, and schedules of pipelines."""

from __future__ import annotations

import asyncio
import logging

from howdah.pfs import triggers, writing
from howdah.pps.crons import Ticking
from howdah.server.bridge import Bridge, Changes
from howdah.store.store import Store

_log = logging.getLogger(__name__)

_REST = 1.0  # seconds between two looks: many changes at once cost one
_AGAIN = 60.0  # seconds until it is tried again after an error
_LONGEST = 3600.0  # no longer sleep, so that a clock that was set is noticed


async def keep_schedules(store: Store, bridge: Bridge, changes: Changes) -> None:
    """Run until cancelled. What came while no server ran is made up for: by a trigger once, by a schedule each time."""
    ticking = Ticking(store)

    async def look() -> float | None:
        try:
            seconds = await bridge.run(_turn, store, ticking)
        except Exception:
            _log.exception("triggers or schedules that follow the clock failed; they are tried again in a minute")
            seconds = _AGAIN
        await asyncio.sleep(_REST)
        return seconds

    await changes.keep(look)


def _turn(store: Store, ticking: Ticking) -> float | None:
    """Do what is due; the seconds until the next instant, None without one."""
    with store.database.read() as tx:
        due = triggers.next_due(tx)
    if due is not None and due <= store.now():
        writing.step(store, triggers.fire_due)
        with store.database.read() as tx:
            due = triggers.next_due(tx)
    instants = [each for each in (due, ticking.turn()) if each is not None]
    return min(_LONGEST, max(0.0, (min(instants) - store.now()) / 1_000_000)) if instants else None
