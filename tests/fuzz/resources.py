"""What a server holds, as its system and its folder tell."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from howdah.testing.servers import StoreServer

MEGABYTE = 1 << 20


class Held(NamedTuple):
    """Threads, connections, and files in the folders for temporary ones."""

    threads: int
    sockets: int
    temporary: int


def held(server: StoreServer) -> Held:
    """What the server holds at this moment."""
    process = Path("/proc", str(server.process.pid))
    links = []
    for descriptor in (process / "fd").iterdir():
        try:
            links.append(os.readlink(descriptor))
        except FileNotFoundError:  # closed meanwhile
            continue
    temporary = [*(server.data / "bytes" / "tmp").iterdir(), *(server.data / "tmp").glob("*")]
    return Held(len([*(process / "task").iterdir()]), sum("socket:" in link for link in links), len(temporary))


def resident(server: StoreServer, *, most: bool = False) -> int:
    """Bytes of memory that the server has, or has had at `most`."""
    text = Path("/proc", str(server.process.pid), "status").read_text()
    line = next(line for line in text.splitlines() if line.startswith("VmHWM:" if most else "VmRSS:"))
    return int(line.split()[1]) * 1024


def packs(server: StoreServer) -> set[str]:
    """The names of all packs in the folder."""
    return {path.name for path in (server.data / "bytes" / "packs").glob("*/*")}
