"""Make a backup of a data folder, in use or not.

One consistent state comes from the order in which things are copied, not from stopping anybody:

1. Label Studio's database, by SQLite's own online copy or by reading PostgreSQL: one transaction's state.
2. Its other files, which are only ever added.
3. The store's rows, again one transaction's state, later than 1.
4. The packs. Packs never change and are durable before any row names them, so all that the rows name are there.

No packs are removed meanwhile (`howdah.holds`). A store that holds its rows for itself, as on a network file system, is
asked to copy them.

So the store knows everything that Label Studio believes to be committed, and maybe a commit more; a target's next
Sync finds that one by its key.
"""

from __future__ import annotations

import json
import os
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from howdah import __version__, holds, lastuse
from howdah.backup import archive
from howdah.client import channel, upkeep
from howdah.db.sqlite import IN_USE, is_sqlite, snapshot
from howdah.errors import AlreadyExists, HowdahError, Invalid, NotFound, Unavailable
from howdah.postgres import server
from howdah.postgres.address import Address
from howdah.settings import DATABASE

BACKUPS = "backups"
"""The folder of a data folder where backups of it may lie; none of them is in another."""

Progress = Callable[[int, int], None]

# Of the running processes, not of the data.
_LEFT_OUT = {"logs", "tmp", "lock", "instance.json", "instance.lock", holds.NAME, BACKUPS}
_WORK = "work"  # of the workers, beside the store's files: what they have fetched and what code is writing
_LEFT_OUT_ENDINGS = ("-wal", "-shm", "-journal")
_FIRST = "label-studio"
_ROWS = "rows.db"


def _silent(done: int, total: int) -> None:
    """Tell nobody how far it is."""


@dataclass(frozen=True, slots=True)
class Source:
    """A data folder; Label Studio's database, if that is elsewhere; the address of the store that serves the folder."""

    data: Path
    database: Address | None = None
    store: str = ""


def make(source: Source, target: Path, *, progress: Progress = _silent) -> int:
    """Write a backup to the file `target`, which must not exist; returns its size in bytes.

    The file gets its name when it is whole and durable. `progress` is told bytes done and about how many there are.
    """
    _check(source, target)
    if target.parent.resolve() == (source.data / BACKUPS).resolve():
        target.parent.mkdir(mode=0o700, exist_ok=True)
    scratch = target.with_name(f".{target.name}.part")
    try:
        with ExitStack() as held:
            for folder in (source.data, source.data / "store"):
                held.enter_context(holds.reading(folder))
            _write(source, scratch, progress)
        os.link(scratch, target)  # unlike a rename, never over a file that came to be meanwhile
    except FileExistsError:
        raise AlreadyExists(f"file {target} already exists: choose another name") from None
    except HowdahError:
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise Unavailable(f"backup {target} cannot be written ({reason}): check the disk's space and rights") from error
    finally:
        scratch.unlink(missing_ok=True)
    return target.stat().st_size


def is_used(data: Path) -> bool:
    """Whether anything of ours is in the folder: a store, Label Studio's database, or the record of a use."""
    return any((data / name).is_file() for name in ("store/rows.db", "rows.db", lastuse.SQLITE, lastuse.NAME))


def _check(source: Source, target: Path) -> None:
    data, place = source.data, target.resolve()
    if not is_used(data):
        raise NotFound(f"data folder {data} not found, or nothing of Howdah's is in it: name the folder with --data")
    if data.resolve() in place.parents and (data / BACKUPS).resolve() not in place.parents:
        raise Invalid(
            f"backup {target} would lie in the data folder that it is of: choose a place outside {data}, "
            f"or in {data / BACKUPS}"
        )
    if target.exists():
        raise AlreadyExists(f"file {target} already exists: choose another name")
    last = lastuse.read(data)
    if source.database is None and last is not None and last.database:
        raise Invalid(
            f"data folder {data} has its Label Studio in {last.database}: name that database with --database or "
            f"{DATABASE.name}"
        )
    if source.database is not None:
        server.check(source.database)


def _write(source: Source, scratch: Path, progress: Progress) -> None:
    data = source.data
    total = sum(path.stat().st_size for path in _files(data))
    done = 0
    members: dict[str, archive.Member] = {}
    with scratch.open("wb") as file, tempfile.TemporaryDirectory(dir=scratch.parent) as folder:
        os.chmod(scratch, 0o600)
        with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for name, path in _members(source, Path(folder)):
                members[name] = archive.add_file(tar, name, path)
                done += members[name].size
                progress(done, max(total, done))
            archive.add_manifest(tar, members, __version__, datetime.now(timezone.utc).isoformat())
        file.flush()
        os.fsync(file.fileno())


def _members(source: Source, scratch: Path) -> Iterator[tuple[str, Path]]:
    """Each member's name and the file that holds it, in the order that the module's text asks for."""
    if source.database is not None:
        from howdah.backup import rows  # noqa: PLC0415  (its driver is part of an extra)

        for path in rows.dump(source.database, scratch / archive.ROWS):
            yield f"{archive.ROWS}/{path.name}", path
    for path in _files(source.data):
        name = path.relative_to(source.data).as_posix()
        if is_sqlite(path):
            copied = _copy(path, scratch / "database", source.store)
            yield name, copied
            copied.unlink()
        else:
            yield name, path


def _copy(path: Path, copy: Path, store: str) -> Path:
    """A copy of a database as one transaction sees it."""
    if path.name != _ROWS:
        snapshot(path, copy)
        return copy
    try:
        snapshot(path, copy, patience=0.2)  # the store's readers never wait: locked is locked for good
    except Unavailable as error:
        if error.kind != IN_USE:
            raise
        copy.unlink(missing_ok=True)
        return _ask_for_copy(path, store)
    return copy


def _ask_for_copy(path: Path, store: str) -> Path:
    """A copy that the store itself has made, beside the original."""
    remedy = "start the store by launch.py or name its address with --address, or stop it for the backup"
    try:
        with channel.connect(store) as connection:
            copy = path.parent / upkeep.copy_rows(connection)
    except HowdahError as error:
        raise Unavailable(
            f"database {path} is held by a store that cannot be asked for a copy ({error.message}): {remedy}"
        ) from error
    if not copy.is_file():
        raise Unavailable(f"database {path} is held by another store than the one at {store}: {remedy}")
    return copy


def _files(data: Path) -> Iterator[Path]:
    """The files that must survive, in the order that the module's text asks for."""
    tops = sorted(data.iterdir(), key=lambda path: (path.name != _FIRST, path.is_dir(), path.name))
    for top in tops:
        if not _is_left_out(top):
            yield from _below(top) if top.is_dir() else [top]


def _below(folder: Path) -> Iterator[Path]:
    found = sorted(folder.iterdir(), key=lambda path: (path.is_dir(), path.name))
    yield from sorted((path for path in found if path.is_file() and not _is_left_out(path)), key=_is_no_database)
    for path in found:
        if path.is_dir() and not path.is_symlink() and not _is_left_out(path):
            yield from _below(path)


def _is_no_database(path: Path) -> bool:
    return not is_sqlite(path)


def _is_left_out(path: Path) -> bool:
    is_work = path.name == _WORK and (path.parent / _ROWS).is_file()
    return is_work or path.name in _LEFT_OUT or path.name.endswith(_LEFT_OUT_ENDINGS)


def running_store(data: Path) -> str:
    """The address of the store that the launcher runs on the folder, empty if it has recorded none."""
    try:
        return str(json.loads((data / "instance.json").read_text("utf-8"))["store"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
