"""The process behind the site: it does the Syncs, so that those who answer requests are not slowed by them.

The server opens a pair of sockets before it forks. The processes that answer requests hand a run over through one end,
with one end of a pipe; the one behind them takes both from the other. The pipe is closed when the run has ended, also
by the end of the process: so whoever waits need not look. What was handed over while the process behind is being
replaced waits in the socket. Without such a process (in tests, or under another server), a run is a thread of whoever
asked for it.
"""

from __future__ import annotations

import json
import os
import select
import socket
from collections.abc import Mapping
from io import FileIO
from typing import Any, NamedTuple

_LARGEST = 4096
_pair: tuple[socket.socket, socket.socket] | None = None


class Handed(NamedTuple):
    """A run as it was handed over, empty for a wish to look, and what is to be closed when it has ended."""

    run: dict[str, Any]
    end: FileIO


class Waiting:
    """For the end of a run that was handed over; to be closed."""

    def __init__(self, end: int) -> None:
        self._end = FileIO(end)

    def wait(self, seconds: float) -> None:
        """Return when the run has ended, or after that time."""
        select.select([self._end], [], [], max(seconds, 0.0))

    def close(self) -> None:
        """Wait no more."""
        self._end.close()


def open_pair() -> None:
    """Have a process behind; called before the fork, by a server that keeps one."""
    global _pair  # noqa: PLW0603  (inherited through the fork, like the sockets themselves)
    _pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    for end in _pair:
        end.settimeout(0)


def hand_over(run: Mapping[str, Any]) -> Waiting | None:
    """Give a run away; None if there is nobody who takes it, or too much waits already."""
    if _pair is None:
        return None
    mine, theirs = os.pipe()
    try:
        socket.send_fds(_pair[0], [json.dumps(run).encode()], [theirs])
    except OSError:
        os.close(mine)
        return None
    finally:
        os.close(theirs)
    return Waiting(mine)


def take(seconds: float) -> Handed | None:
    """The next run that was handed over, if one comes within that time; an empty one says: look."""
    assert _pair is not None
    ready, _, _ = select.select([_pair[1]], [], [], seconds)
    if not ready:
        return None
    data, (end, *_), _, _ = socket.recv_fds(_pair[1], _LARGEST, 1)
    return Handed(json.loads(data), FileIO(end, "w"))
