"""The process behind the site: it does the Syncs, so that those who answer requests are not slowed by them.

The server opens a pair of sockets before it forks. The processes that answer requests hand a run over through one end;
the one behind them takes it from the other. What was handed over while that process is being replaced waits in the
socket. Without such a process (in tests, or under another server), a run is a thread of whoever asked for it.
"""

from __future__ import annotations

import json
import select
import socket
from collections.abc import Mapping
from typing import Any

_LARGEST = 4096
_pair: tuple[socket.socket, socket.socket] | None = None


def open_pair() -> None:
    """Have a process behind; called before the fork, by a server that keeps one."""
    global _pair  # noqa: PLW0603  (inherited through the fork, like the sockets themselves)
    _pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    for end in _pair:
        end.settimeout(0)


def hand_over(run: Mapping[str, Any]) -> bool:
    """Give a run away; False if there is nobody who takes it, or too much waits already."""
    if _pair is None:
        return False
    try:
        _pair[0].send(json.dumps(run).encode())
    except OSError:
        return False
    return True


def take(seconds: float) -> dict[str, Any] | None:
    """The next run that was handed over, if one comes within that time; an empty one says: look."""
    assert _pair is not None
    ready, _, _ = select.select([_pair[1]], [], [], seconds)
    if not ready:
        return None
    run: dict[str, Any] = json.loads(_pair[1].recv(_LARGEST))
    return run
