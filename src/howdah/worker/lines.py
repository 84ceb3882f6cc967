"""What code prints and its worker says, on its way to the store.

Lines are gathered for a moment and told together; what is over sooner has them told with its results. So a short datum
costs no message more, and nothing is sent just when its code is to start.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator

from howdah.wire.gen import pps_pb2, work_pb2

_MOMENT = 0.1  # seconds
_FULL = 1 << 20  # characters that wait; then they are told at once, and code that prints more waits
_WEIGHT = 100  # about what a message takes besides its text


class Lines:
    """Of all tasks of one worker. For many threads."""

    def __init__(self, token: str) -> None:
        self._head = work_pb2.Lines(token=token, worker=secrets.randbits(64))
        self._changed = threading.Condition()
        self._waiting: dict[TaskLog, work_pb2.Lines] = {}
        self._size = 0
        self._told = 0  # messages

    def told(self) -> Iterator[work_pb2.Lines]:
        """Messages of lines, without an end; for one thread."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting)
                self._changed.wait_for(lambda: self._size >= _FULL, _MOMENT)
                told = list(self._waiting.values())
                self._waiting.clear()
                self._size = 0
                self._told += len(told)
                self._changed.notify_all()
            yield from told

    def add(self, log: TaskLog, said: work_pb2.Said) -> None:
        """Have it told soon; waits while much is waiting."""
        with self._changed:
            self._changed.wait_for(lambda: self._size < _FULL)
            lines = self._waiting.get(log)
            if lines is None:
                lines = self._waiting[log] = work_pb2.Lines(job=log.job)
                lines.MergeFrom(self._head)
            lines.said.append(said)
            self._size += _size(said)
            self._changed.notify_all()

    def mark(self, log: TaskLog, results: work_pb2.Results) -> None:
        """Let the results tell what waits of this log, and how much was told before."""
        results.worker = self._head.worker
        with self._changed:
            results.told = self._told
            lines = self._waiting.pop(log, None)
            if lines is not None:
                self._size -= sum(map(_size, lines.said))
                self._changed.notify_all()
        if lines is not None:
            results.said.extend(lines.said)

    def give_back(self, log: TaskLog, results: work_pb2.Results) -> None:
        """Have told otherwise what the results were to tell: they did not come so far."""
        for said in results.said:
            self.add(log, said)


class TaskLog:
    """What is said of the datums of one task."""

    def __init__(self, lines: Lines, job: pps_pb2.Job) -> None:
        self._lines = lines
        self.job = job

    def say(self, datum: str, line: str) -> None:
        """See `howdah.worker.tasks.Log.say`."""
        self._lines.add(self, work_pb2.Said(time=_now(), datum=datum, lines=[line]))

    def print(self, datum: str, lines: list[str]) -> None:
        """See `howdah.worker.tasks.Log.print`."""
        self._lines.add(self, work_pb2.Said(time=_now(), datum=datum, lines=lines, user=True))

    def mark(self, results: work_pb2.Results) -> None:
        """See `howdah.worker.tasks.Log.mark`."""
        self._lines.mark(self, results)

    def give_back(self, results: work_pb2.Results) -> None:
        """See `howdah.worker.tasks.Log.give_back`."""
        self._lines.give_back(self, results)


def _size(said: work_pb2.Said) -> int:
    return _WEIGHT + sum(map(len, said.lines))


def _now() -> int:
    return time.time_ns() // 1000
