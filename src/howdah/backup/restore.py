"""Turn a backup into a data folder again: whole and checked, or not at all."""

from __future__ import annotations

import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from howdah import lastuse
from howdah.backup import archive
from howdah.backup.archive import ROWS
from howdah.errors import Corrupt, HowdahError, Invalid, NotFound, Unavailable, WrongState
from howdah.postgres import server
from howdah.postgres.address import Address
from howdah.settings import DATABASE

Progress = Callable[[int, int], None]


def restore(
    backup: Path, data: Path, *, database: Address | None = None, progress: Progress = lambda done, total: None
) -> int:
    """Make the folder `data`, which must be missing or empty, from the file `backup`; returns the number of files.

    A backup of PostgreSQL's goes into `database`, which must be empty. The folder gets its name when every file is
    there and is what the manifest says, and the database is filled.
    """
    if not backup.is_file():
        raise NotFound(f"backup {backup} not found: check the path")
    if data.exists() and (not data.is_dir() or any(data.iterdir())):
        raise WrongState(f"data folder {data} is not empty: move it away, or restore into another one")
    _check_database(backup, database)
    # A volume cannot be replaced: then everything is made inside it and moved to its place at the end.
    place = data if data.exists() and (data.is_mount() or not os.access(data.parent, os.W_OK)) else data.parent
    try:
        place.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=place, prefix=f".{data.name}-restoring-"))
    except OSError as error:
        raise Unavailable(f"folder {place} cannot be written ({error.strerror}): check its rights") from error
    try:
        count = _take(backup, scratch, progress)
        if database is not None:
            _load(database, scratch)
        _settle(scratch, data)
    except HowdahError:
        raise
    except tarfile.TarError as error:
        raise Corrupt(f"backup {backup} cannot be read ({error}): use another backup") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise Unavailable(f"folder {data} cannot be written ({reason}): check the disk's space and rights") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return count


def _check_database(backup: Path, database: Address | None) -> None:
    """Whether the rows in the backup, if any, have a place to go to; told before everything is unpacked."""
    try:
        with tarfile.open(backup, mode="r:") as tar:
            first = tar.next()
    except tarfile.TarError:
        return  # will be told with the rest
    holds_rows = first is not None and first.name.startswith(f"{ROWS}/")
    if holds_rows and database is None:
        raise Invalid(
            f"backup {backup} holds a PostgreSQL database: name an empty one for it with --database or {DATABASE.name}"
        )
    if database is not None and not holds_rows:
        raise Invalid(
            f"backup {backup} holds Label Studio's database as SQLite, which goes into the folder: "
            f"leave --database and {DATABASE.name} out"
        )
    if database is not None:
        server.check(database)
        from howdah.backup import rows  # noqa: PLC0415  (its driver is part of an extra)

        rows.check_empty(database)


def _load(database: Address, folder: Path) -> None:
    from howdah.backup import rows  # noqa: PLC0415  (as above)

    rows.load(database, folder / ROWS)
    shutil.rmtree(folder / ROWS)
    # The folder tells where its rows are, and the server may be another one now.
    last = lastuse.read(folder)
    if last is not None:
        (folder / lastuse.NAME).write_text(lastuse.text(replace(last, database=str(database))), "utf-8")


def _settle(scratch: Path, data: Path) -> None:
    """Give what is whole its name."""
    if scratch.parent == data:
        for path in scratch.iterdir():
            path.rename(data / path.name)
        return
    if data.exists():
        data.rmdir()
    scratch.rename(data)


def _take(backup: Path, folder: Path, progress: Progress) -> int:
    taken: dict[str, archive.Member] = {}
    told: dict[str, archive.Member] | None = None
    total = backup.stat().st_size
    with tarfile.open(backup, mode="r:") as tar:
        for info in tar:
            source = tar.extractfile(info) if info.isreg() else None
            if source is None:
                raise Corrupt(f"the backup holds {info.name!r}, which is no file: it is not one of ours")
            if info.name == archive.MANIFEST:
                told = archive.read_manifest(source.read())
                continue
            path = folder / archive.safe_name(info.name)
            taken[info.name] = archive.take_file(source, path)
            path.chmod(info.mode & 0o700)
            progress(info.offset_data + info.size, total)
    _check(backup, taken, told)
    os.sync()  # thousands of files at once: one call for all
    return len(taken)


def _check(backup: Path, taken: dict[str, archive.Member], told: dict[str, archive.Member] | None) -> None:
    if told is None:
        raise Corrupt(f"backup {backup} has no end: it was cut off; use another backup")
    for name, member in told.items():
        if taken.get(name) != member:
            raise Corrupt(f"backup {backup} is damaged at {name}: use another backup")
    unknown = taken.keys() - told.keys()
    if unknown:
        raise Corrupt(f"backup {backup} holds {min(unknown)}, which its manifest does not name: use another backup")
