"""Lazy inputs: named pipes, whose content is fetched when code begins to read, and once.

A pipe is gone when its reading has begun: a second reader is told that nothing is there, and does not wait for ever.
"""

from __future__ import annotations

import errno
import os
import select
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from types import TracebackType

_LOOK_EVERY = 0.01
_SHARE = 10  # of so much time at most one part is spent looking
_FULL_MS = 100  # between two looks whether a pipe that nobody empties is wanted any more

Pieces = Callable[[], Iterable[bytes]]


class Pipes:
    """Feeds pipes from `start` to the end of the block; what kept one from its content is raised there."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        """All places."""
        self._waiting: dict[str, Pieces] = {}
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._error: BaseException | None = None
        self.fed = 0
        """How many bytes have gone into pipes."""

    def add(self, place: str, pieces: Pieces) -> None:
        """A pipe at this place."""
        os.mkfifo(place)
        os.chmod(place, 0o644)
        self.names.add(place)
        self._waiting[place] = pieces

    def start(self) -> None:
        """Feed from now on."""
        if self._waiting:
            self._begin(self._look)

    def __enter__(self) -> Pipes:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        while self._threads:
            self._threads.pop(0).join()
        if self._error is not None and error is None:
            raise self._error

    def _begin(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, name="pipes", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _look(self) -> None:
        """Find out which pipes somebody reads: one that nobody does cannot be opened for writing without waiting."""
        pause = _LOOK_EVERY
        while self._waiting and not self._over.wait(pause):
            begun = time.monotonic()
            for place in [*self._waiting]:
                with suppress(OSError):
                    pipe = os.open(place, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
                    os.unlink(place)
                    pieces = self._waiting.pop(place)
                    self._begin(partial(self._feed, pipe, pieces))
            pause = max(_LOOK_EVERY, (time.monotonic() - begun) * _SHARE)

    def _feed(self, pipe: int, pieces: Pieces) -> None:
        try:
            for piece in pieces():
                written = self._write(pipe, piece)
                with self._lock:
                    self.fed += written
                if written < len(piece):
                    break
        except BaseException as error:
            if not isinstance(error, OSError) or error.errno != errno.EPIPE:  # code may stop reading
                self._error = error
        finally:
            os.close(pipe)

    def _write(self, pipe: int, piece: bytes) -> int:
        """How many bytes it took; all of them, unless code that goes on has left it open and all is over."""
        poll = select.poll()
        poll.register(pipe, select.POLLOUT)
        at = 0
        while at < len(piece) and (poll.poll(_FULL_MS) or not self._over.is_set()):
            with suppress(BlockingIOError):
                at += os.write(pipe, memoryview(piece)[at:])
        return at
