"""Free memory goes back to the system: the C library keeps what many calls at once have taken, and that is a lot."""

from __future__ import annotations

import asyncio
import ctypes
from collections.abc import Callable
from typing import NoReturn

from howdah.server.bridge import Bridge

_EVERY = 5.0


async def give_back(bridge: Bridge) -> NoReturn:
    """Look every now and then; do nothing while nothing happens."""
    hops = 0
    while True:
        await asyncio.sleep(_EVERY)
        if bridge.hops != hops:
            hops = bridge.hops
            await asyncio.get_running_loop().run_in_executor(None, _trim())


def _trim() -> Callable[[], object]:
    """What gives memory back where the C library has a way."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return (lambda: None) if trim is None else (lambda: trim(0))
