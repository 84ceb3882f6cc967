"""Rows in one SQLite file: write-ahead log, one writer, any number of readers.

On a network file system the write-ahead log cannot share its index through a file: the index is in this process's
memory there, and the file is locked against all other processes for as long as it is open.

Durability: `synchronous=FULL` makes each commit reach the disk before it returns. One process owns the file;
inside it a lock, not SQLite's busy handler, queues the writers, so that nobody ever sees "database is locked".
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from howdah import filesystems
from howdah.db.database import Row, Value
from howdah.errors import Corrupt, Unavailable, unusable

_CACHE_KIB = 32 * 1024
_READER_CACHE_KIB = 4 * 1024  # there may be many, and the system keeps the file's pages besides
_IDLE_READERS = 16
_MAGIC = b"SQLite format 3\0"
IN_USE = "in-use"
"""Kind of the error that tells that another process has a database for itself."""


class SqliteTx:
    """A transaction on one connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def one(self, sql: str, *values: Value) -> Row | None:
        """See `Tx.one`."""
        row: Row | None = self._connection.execute(sql, values).fetchone()
        return row

    def all(self, sql: str, *values: Value) -> list[Row]:
        """See `Tx.all`."""
        return self._connection.execute(sql, values).fetchall()

    def run(self, sql: str, *values: Value) -> int:
        """See `Tx.run`."""
        return self._connection.execute(sql, values).rowcount

    def insert(self, sql: str, *values: Value) -> int:
        """See `Tx.insert`."""
        number = self._connection.execute(sql, values).lastrowid
        assert number is not None  # the statement was an insert into a numbered table
        return number

    def many(self, sql: str, rows: Iterable[Sequence[Value]]) -> int:
        """See `Tx.many`."""
        return max(0, self._connection.executemany(sql, rows).rowcount)  # -1 without any row

    def copy(self, target: sqlite3.Connection) -> None:
        """Copy all pages as this transaction sees them."""
        self._connection.backup(target)


class SqliteDatabase:
    """The rows of one data folder. `alone`, if not told, is whether the folder is on a network file system."""

    def __init__(self, path: Path, *, alone: bool | None = None) -> None:
        self._path = path
        if alone is None:
            alone = filesystems.is_network(filesystems.kind_of(path.resolve(), filesystems.read_mounts()))
        self._where = path.absolute().as_uri() + ("?vfs=unix-excl" if alone else "")
        self._writing = threading.Lock()
        self._pool_lock = threading.Lock()
        self._readers: list[sqlite3.Connection] = []
        self._watchers: set[Callable[[], None]] = set()
        self._writer = self._connect(_CACHE_KIB)
        self._closed = False

    @contextmanager
    def read(self) -> Iterator[SqliteTx]:
        """See `Database.read`."""
        connection = self._take_reader()
        try:
            with _named_errors(self._path):
                connection.execute("BEGIN")
                yield SqliteTx(connection)
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            self._give_reader(connection)

    @contextmanager
    def write(self) -> Iterator[SqliteTx]:
        """See `Database.write`."""
        with self._writing:
            try:
                with _named_errors(self._path):
                    self._writer.execute("BEGIN IMMEDIATE")
                    yield SqliteTx(self._writer)
                    self._writer.execute("COMMIT")
            finally:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
        for wake in list(self._watchers):
            wake()

    def watch(self, wake: Callable[[], None]) -> Callable[[], None]:
        """See `Database.watch`."""
        self._watchers.add(wake)
        return lambda: self._watchers.discard(wake)

    def copy(self, target: Path) -> None:
        """Write what one transaction sees into a file, for those whom the file system's locks keep out."""
        with self.read() as tx, closing(sqlite3.connect(target)) as new:
            tx.copy(new)
            new.execute("PRAGMA journal_mode=DELETE")

    def check(self) -> str:
        """See `Database.check`."""
        with self.read() as tx:
            told: str = tx.all("PRAGMA integrity_check(1)")[0][0]
        return "" if told == "ok" else told.removeprefix("*** in database main ***\n").partition("\n")[0]

    def close(self) -> None:
        """See `Database.close`."""
        with self._writing, self._pool_lock:
            self._closed = True
            for connection in self._readers:
                connection.close()
            self._readers.clear()
            self._writer.close()

    def _connect(self, cache_kib: int) -> sqlite3.Connection:
        with _named_errors(self._path):
            connection = sqlite3.connect(self._where, uri=True, isolation_level=None, check_same_thread=False)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA foreign_keys=ON")
            connection.execute(f"PRAGMA cache_size=-{cache_kib}")
        return connection

    def _take_reader(self) -> sqlite3.Connection:
        with self._pool_lock:
            if self._readers:
                return self._readers.pop()
        return self._connect(_READER_CACHE_KIB)

    def _give_reader(self, connection: sqlite3.Connection) -> None:
        with self._pool_lock:
            if not self._closed and len(self._readers) < _IDLE_READERS:
                self._readers.append(connection)
                return
        connection.close()


def is_sqlite(path: Path) -> bool:
    """Whether a file is an SQLite database."""
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def snapshot(source: Path, target: Path, *, patience: float = 5.0) -> None:
    """Copy a database, in use or not, as one transaction sees it; `target` is a file without a log beside it.

    One that is locked for longer than `patience` seconds is `Unavailable`, of the kind `IN_USE`.
    """
    where = f"{source.absolute().as_uri()}?mode=ro"
    with (
        _named_errors(source),
        closing(sqlite3.connect(where, uri=True, isolation_level=None, timeout=patience)) as old,
        closing(sqlite3.connect(target)) as new,
    ):
        old.execute("BEGIN")
        old.execute("SELECT count(*) FROM sqlite_master")  # what is locked is told here: copying would wait for ever
        old.backup(new)
        new.execute("PRAGMA journal_mode=DELETE")


def quick_check(path: Path) -> tuple[str, str]:
    """What is wrong with a database, in SQLite's words, empty if nothing is; and its journal mode. Only reads."""
    where = f"{path.absolute().as_uri()}?mode=ro"
    with _named_errors(path), closing(sqlite3.connect(where, uri=True)) as connection:
        found: str = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        mode: str = connection.execute("PRAGMA journal_mode").fetchone()[0]
    return "" if found == "ok" else found, mode


@contextmanager
def _named_errors(path: Path) -> Iterator[None]:
    """Tell a failing disk or file in our categories; a mistake in a statement stays what it is."""
    try:
        yield
    except sqlite3.OperationalError as error:
        code = getattr(error, "sqlite_errorname", "") or str(error)
        if any(
            word in code for word in ("FULL", "IOERR", "READONLY", "CANTOPEN", "disk", "unable to open", "readonly")
        ):
            raise unusable(f"database {path}", error) from error
        if "locked" in str(error):
            raise Unavailable(
                f"database {path} is in use by another process: end that one first", kind=IN_USE
            ) from error
        if "Could not decode" in str(error) or "unsupported file format" in str(error):
            raise Corrupt(f"database {path} is damaged ({error}): restore it from a backup") from error
        raise
    except sqlite3.DatabaseError as error:
        if "malformed" in str(error) or "not a database" in str(error):
            raise Corrupt(f"database {path} is damaged ({error}): restore it from a backup") from error
        raise
