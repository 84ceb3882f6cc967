"""Free memory goes back to the system some seconds after it was used."""

from __future__ import annotations

import asyncio
from typing import NoReturn

from howdah import memory
from howdah.server.bridge import Bridge

_EVERY = 5.0


async def give_back(bridge: Bridge) -> NoReturn:
    """Look every now and then; do nothing while nothing happens."""
    hops = 0
    while True:
        await asyncio.sleep(_EVERY)
        if bridge.hops != hops:
            hops = bridge.hops
            await asyncio.get_running_loop().run_in_executor(None, memory.give_back)
