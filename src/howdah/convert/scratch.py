"""Folders to work in, and what is said where a disk does not let us."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from howdah.errors import HowdahError, unusable

_WORK = ".howdah-export-"


@contextmanager
def folder(parent: Path | None) -> Iterator[Path]:
    """A new folder in `parent`, or where the system keeps such; it is gone afterwards."""
    with told(parent or Path(tempfile.gettempdir())):
        made = tempfile.mkdtemp(prefix=_WORK, dir=parent)
    try:
        yield Path(made)
    finally:
        shutil.rmtree(made, ignore_errors=True)


@contextmanager
def spool(folder: Path) -> Iterator[BinaryIO]:
    """A new file of the folder, to write to and to read from again; flush it to know that all is written."""
    with told(folder):
        file = (folder / "spool").open("w+b")
    try:
        yield file
    finally:
        with suppress(OSError):
            file.close()


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Errors of the system, as those of the place at `path` with their remedy."""
    try:
        yield
    except HowdahError:  # some are errors of the system's kinds, too
        raise
    except OSError as error:
        raise unusable(str(path), error) from error
