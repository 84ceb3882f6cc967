"""A data folder: its lock, its rows, its bytes.

DATA/lock        held by the one process that serves the folder
DATA/rows.db     rows (SQLite)
DATA/bytes/      the bucket
DATA/packs.lock  held by backups, so that no packs are removed meanwhile
DATA/logs/       what pipelines print
"""

from __future__ import annotations

import fcntl
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from howdah import holds
from howdah.db.database import Tx
from howdah.db.migrate import migrate
from howdah.db.sqlite import SqliteDatabase
from howdah.errors import Unavailable, WrongState
from howdah.filesystems import NO_LOCKS
from howdah.pfs import projects
from howdah.store.bucket import DirectoryBucket
from howdah.store.store import Store


@contextmanager
def open_store(data: Path) -> Iterator[Store]:
    """The store in `data`, made if it is not there; refused while another process has it open."""
    try:
        data.mkdir(parents=True, exist_ok=True)
        lock = os.open(data / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Unavailable(
            f"data folder {data} cannot be used ({error.strerror}): choose another or mend its rights"
        ) from error
    try:
        _take(lock, data)
        holds.prepare(data)
        _keep_private(data / "rows.db")
        database = SqliteDatabase(data / "rows.db")
        bucket = DirectoryBucket(data / "bytes")
        try:
            migrate(database)
            store = Store(database, bucket)
            with database.write() as tx:
                projects.ensure_default(tx, store.now())
                for key in ("id", "deployment_id"):
                    tx.run(
                        "INSERT INTO cluster (key, value) VALUES (?, ?) ON CONFLICT DO NOTHING", key, uuid.uuid4().hex
                    )
            yield store
        finally:
            bucket.close()
            database.close()
    finally:
        os.close(lock)  # and with it the lock goes


def _keep_private(rows: Path) -> None:
    """Let nobody else read the rows, which hold secrets."""
    with suppress(OSError):  # some file systems know no rights
        rows.touch(0o600)
        rows.chmod(0o600)


def ids(tx: Tx) -> tuple[str, str]:
    """The cluster's id and its deployment's id."""
    found: dict[str, str] = dict(tx.all("SELECT key, value FROM cluster"))
    return found["id"], found["deployment_id"]


def _take(lock: int, data: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(lock, 32, 0).decode("ascii", "replace").strip() or "unknown"
        raise WrongState(
            f"data folder {data} is in use by process {holder}: stop that one first, or choose another folder",
            kind="folder-in-use",
        ) from None
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise Unavailable(f"data folder {data} cannot be locked ({error.strerror}): choose another") from error
        # Such file systems are the network's, where the database is locked by its own means for as long as it is open.
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)
