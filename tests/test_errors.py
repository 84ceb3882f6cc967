"""Errors that need a remedy of their own."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from howdah.db.sqlite import SqliteDatabase
from howdah.errors import Unavailable
from howdah.store.bucket import DirectoryBucket


@contextmanager
def no_more_files() -> Iterator[None]:
    """Let this process open no file in the block."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    held = [os.open(os.devnull, os.O_RDONLY)]
    resource.setrlimit(resource.RLIMIT_NOFILE, (held[0] + 1, before[1]))
    try:
        with suppress(OSError):
            while True:  # what was closed meanwhile by others is taken too
                held.append(os.open(os.devnull, os.O_RDONLY))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
        for descriptor in held:
            os.close(descriptor)


ADVICE = r"cannot be used \(Too many open files\): raise the limit of open files \(`ulimit -n`\)"


def test_too_many_open_files_are_not_told_as_a_full_disk(tmp_path: Path) -> None:
    bucket = DirectoryBucket(tmp_path / "bytes")
    database = SqliteDatabase(tmp_path / "rows.db")
    with no_more_files():
        with pytest.raises(Unavailable, match="data folder .*" + ADVICE):
            bucket.put("packs/00/00", [b"x"])
        with pytest.raises(Unavailable, match="database .*" + ADVICE), database.read():
            pass
    bucket.put("packs/00/00", [b"x"])
    with database.read():
        pass
    bucket.close()
    database.close()
