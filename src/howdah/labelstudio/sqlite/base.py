"""Django's engine for SQLite, in which those who write take turns.

SQLite has one writer at a time. Whoever finds it busy sleeps and tries again, at growing intervals, and a writer that
begins its next transaction at once, as a Sync does, is nearly always faster: a person's save would wait for seconds.
Here whoever wants to write first takes the turn, a lock of the operating system on a file beside the database, and
keeps it until SQLite lets it write. So at most one waits for SQLite, and a writer that has just ended comes after it.

The lock is of threads and of processes, on one machine or over a file system that has such locks, and ends with the
process. Without such locks, all is as with Django's engine. Nothing but the beginning is locked: a writer that knows no
turns (`sqlite3` by hand) harms nobody.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from django.db.backends.sqlite3 import base

_SUFFIX = "-turn"  # beside the `-wal` and `-shm` of SQLite
_WRITES = ("INSERT", "UPDATE", "DELETE", "REPLACE")


class _Turn:
    """The turn to write of one connection, which is one thread's at a time; a database in memory has none."""

    def __init__(self, database: str) -> None:
        self._file = -1
        if database:
            # In a folder that takes no new file SQLite tells whoever writes there.
            with suppress(OSError):
                self._file = os.open(database + _SUFFIX, os.O_RDWR | os.O_CREAT, 0o600)

    def __del__(self) -> None:
        if self._file >= 0:
            os.close(self._file)

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Within: nobody else begins to write. Waits until it is so."""
        held = self._lock()
        try:
            yield
        finally:
            if held:
                fcntl.flock(self._file, fcntl.LOCK_UN)

    def _lock(self) -> bool:
        if self._file < 0:
            return False
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX)
        except OSError:
            return False
        return True


class _Cursor(base.SQLiteCursorWrapper):
    """A cursor that takes the turn for a statement that writes outside of a transaction."""

    def __init__(self, turn: _Turn, connection: Any) -> None:
        super().__init__(connection)
        self._turn = turn

    def execute(self, query: str, params: Any = None) -> Any:
        """As Django's."""
        if self.connection.in_transaction or not query.lstrip()[:7].upper().startswith(_WRITES):
            return super().execute(query, params)
        with self._turn.taken():
            return super().execute(query, params)

    def executemany(self, query: str, param_list: Sequence[Any]) -> Any:
        """As Django's."""
        if self.connection.in_transaction:
            return super().executemany(query, param_list)
        with self._turn.taken():
            return super().executemany(query, param_list)


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection to a database file."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """As Django's."""
        self._turn = _Turn("" if self.is_in_memory_db() else os.fspath(self.settings_dict["NAME"]))
        return super().get_new_connection(conn_params)

    def create_cursor(self, name: str | None = None) -> Any:
        """As Django's."""
        return self.connection.cursor(factory=partial(_Cursor, self._turn))

    def _start_transaction_under_autocommit(self) -> None:
        with self._turn.taken():
            super()._start_transaction_under_autocommit()
