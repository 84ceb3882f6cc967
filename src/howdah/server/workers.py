"""Keeps a worker process running from when there is work for one, for as long as the server runs."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from howdah.pps import rows
from howdah.pps.lifecycle import pause
from howdah.pps.spec import Spec
from howdah.server import orders
from howdah.server.bridge import Bridge
from howdah.server.crew import Crew
from howdah.settings import ENGINE
from howdah.store.store import Store

_log = logging.getLogger(__name__)

_PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class Workforce:
    """How many datums are worked on at once, none with 0; whether their code is fenced in; what runs images."""

    slots: int = 0
    unfenced: bool = False
    engine: str = ENGINE.default

    def command(self, address: str, data: Path) -> list[str]:
        """The command that starts a worker."""
        words = [sys.executable, "-m", "howdah.worker", "--address", address, "--data", str(data)]
        words += ["--slots", str(self.slots), "--engine", self.engine]
        return [*words, *(["--unfenced"] if self.unfenced else [])]


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


async def tidy(store: Store, bridge: Bridge, crew: Crew) -> None:
    """Have packages removed that no pipeline wants any more and no code uses."""

    def find() -> list[Spec]:
        with store.database.read() as tx:
            return [version.read() for version in rows.telling(tx, orders.REQUIREMENTS, stopped=True)]

    crew.tell(orders.keep(await bridge.run(find)))


async def keep_worker(command: list[str], token: str, crew: Crew) -> None:
    """Have a worker run from when one is wanted, and again if it ends; with the task, it ends."""
    tries = 0
    while True:
        await crew.wanted.wait()
        before = crew.arrivals
        try:
            how = await _run(command, token)
        except OSError as error:  # no memory, no processes
            how = f"it could not start: {error.strerror}"
        tries = 1 if crew.arrivals > before else tries + 1  # one that came could start
        _log.warning("the worker has ended (%s); the next one starts in %g seconds", how, pause(tries))
        await asyncio.sleep(pause(tries))


async def _run(command: list[str], token: str) -> str:
    """Run a worker to its end; its exit code, as text."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,  # ours tells when the server is ready
        start_new_session=True,  # Ctrl-C is for the server, which ends it
    )
    assert process.stdin is not None
    process.stdin.write(f"{token}\n".encode())  # other users can read neither this nor our environment
    try:
        return str(await process.wait())
    except asyncio.CancelledError:
        await _end(process)
        raise


async def _end(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _PATIENCE)
        except asyncio.TimeoutError:
            process.kill()
            await process.wait()
