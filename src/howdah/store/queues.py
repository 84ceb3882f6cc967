"""Those who would undo each other's work wait for each other, for a little while."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager

_PATIENCE = 0.05


class Queues:
    """A queue for each thing that somebody works on. Safe for use by several threads.

    Nothing may depend on being alone: whoever has waited for long enough goes on beside the one before, so that a
    large work holds up no thread that small ones need. `patience` is in seconds.
    """

    def __init__(self, patience: float = _PATIENCE) -> None:
        self._patience = patience
        self._lock = threading.Lock()
        self._queues: dict[Hashable, tuple[threading.Lock, list[None]]] = {}

    @contextmanager
    def turn(self, thing: Hashable) -> Iterator[None]:
        """While this lasts nobody else has a turn on the thing, if those before were quick."""
        with self._lock:
            turn, members = self._queues.setdefault(thing, (threading.Lock(), []))
            members.append(None)
        has_it = turn.acquire(timeout=self._patience)
        try:
            yield
        finally:
            if has_it:
                turn.release()
            with self._lock:
                members.pop()
                if not members:
                    del self._queues[thing]
