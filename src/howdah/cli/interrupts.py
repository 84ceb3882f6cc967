"""Ctrl-C ends a command, also where the first one gets lost.

What a signal raises while Python is in a finaliser, or in a callback from C as gRPC makes them, is dropped, and the
command would go on. So it is raised again every few seconds until the command has ended.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

AGAIN = 3.0
"""Seconds; more than it takes to end in good order."""


@contextmanager
def insisted() -> Iterator[None]:
    """Have Ctrl-C end the block for sure. In another thread than the main one, which hears no signals: as it was."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return
    heard = _Heard()
    before = signal.signal(signal.SIGINT, heard.interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        heard.end()


class _Heard:
    """What is done about the first Ctrl-C; until then the process's alarm is left to others."""

    def __init__(self) -> None:
        self._alarm: Any = None

    def interrupt(self, number: int, _frame: FrameType | None) -> None:
        """Raise, and see to it that this comes again."""
        if number == signal.SIGINT and self._alarm is None:
            self._alarm = signal.signal(signal.SIGALRM, self.interrupt)
        signal.setitimer(signal.ITIMER_REAL, AGAIN)
        raise KeyboardInterrupt

    def end(self) -> None:
        """It was heard."""
        if self._alarm is not None:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, self._alarm)
