"""The last lines of the server's log, kept for who looks for a fault."""

from __future__ import annotations

import logging
from collections import deque

LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"
_LINES = 1000


class RecentLines(logging.Handler):
    """Keeps the last thousand lines that any part of the process has logged."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: deque[str] = deque(maxlen=_LINES)

    def emit(self, record: logging.LogRecord) -> None:
        """See logging.Handler."""
        self._lines.append(self.format(record))

    def last(self, number: int) -> list[str]:
        """So many of them, the oldest first; all with 0 or less."""
        lines = [*self._lines]
        return lines[-number:] if number > 0 else lines

    def text(self) -> str:
        """The lines, oldest first."""
        return "".join(f"{line}\n" for line in self._lines)


class GoneClients(logging.Filter):
    """Leaves out what gRPC tells, with a trace, of each client that went away in the midst of an answer."""

    def filter(self, record: logging.LogRecord) -> bool:
        """See logging.Filter."""
        return record.exc_info is None or type(record.exc_info[1]).__name__ != "ExecuteBatchError"
