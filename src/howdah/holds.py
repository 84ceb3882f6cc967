"""Keep a store from removing packs while another process reads them by a copy of its rows.

The lock is on a file of the store's folder that the store makes. On a file system without locks nothing is kept.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from howdah.filesystems import NO_LOCKS

NAME = "packs.lock"


def prepare(folder: Path) -> None:
    """Make the file, in the folder of a store."""
    os.close(os.open(folder / NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


@contextmanager
def reading(folder: Path) -> Iterator[None]:
    """No packs are removed in the block; waits while some are. A folder without the file has no gc."""
    try:
        file = os.open(folder / NAME, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        yield
        return
    try:
        _lock(file, fcntl.LOCK_SH)
        yield
    finally:
        os.close(file)  # and with it the lock goes


@contextmanager
def unread(folder: Path) -> Iterator[bool]:
    """Whether nobody reads; if so, those who begin to wait for the block's end."""
    file = os.open(folder / NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield _lock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.close(file)


def _lock(file: int, how: int) -> bool:
    try:
        fcntl.flock(file, how)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
    return True
