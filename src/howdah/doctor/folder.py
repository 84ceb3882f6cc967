"""A data folder: whether it can be used, how much space there is, on what kind of file system, and its databases."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from howdah import filesystems, lastuse
from howdah.db.sqlite import IN_USE, quick_check
from howdah.doctor.finding import Finding, failure, good, warning
from howdah.errors import HowdahError
from howdah.postgres import server
from howdah.postgres.address import Address
from howdah.settings import DATABASE

_LITTLE = 1 << 30
_TOO_LITTLE = 100 << 20
_DATABASES = (lastuse.SQLITE, "store/rows.db", "rows.db")
_FROM_BACKUP = "restore the data folder from a backup: howdah restore"


def examine(data: Path, mounts: str, address: Address | None = None) -> Iterator[Finding]:
    """Every check of the folder, in order; `mounts` is the text of /proc/mounts, empty where there is none.

    `address` is Label Studio's database, if that is not in the folder.
    """
    place = existing(data)
    yield writable(data, place)
    yield space(shutil.disk_usage(place).free, place)
    if mounts:
        yield file_system(filesystems.kind_of(place.resolve(), mounts), place)
    for name in _DATABASES:
        if (data / name).is_file():
            yield database(data / name)
    last = lastuse.read(data)
    if address is not None:
        yield postgresql(address)
    elif last is not None and last.database:
        remedy = f"to look at it, set {DATABASE.name} as for launch.py"
        yield warning("database", f"Label Studio's is {last.database}, which nothing here lets in", remedy)


def existing(data: Path) -> Path:
    """The folder itself, or the nearest one above it that is there."""
    place = data.absolute()
    while not place.exists():
        place = place.parent
    return place


def writable(data: Path, place: Path) -> Finding:
    """Whether the folder can be made or written."""
    if not place.is_dir():
        return failure("data folder", f"{place} is not a folder", "choose another with --data")
    if not os.access(place, os.W_OK | os.X_OK):
        return failure(
            "data folder", f"{place} cannot be written", f"choose another with --data, or: chmod u+rwx {place}"
        )
    return good("data folder", f"{data} can be used" if place == data.absolute() else f"{data} will be made")


def space(free: int, place: Path) -> Finding:
    """Whether there is room for more than a few files."""
    told = f"{free / (1 << 30):.1f} GiB free at {place}"
    if free < _TOO_LITTLE:
        return failure("disk space", told, "free some space: nothing can be stored")
    if free < _LITTLE:
        return warning("disk space", told, "free some space before putting much into the store")
    return good("disk space", told)


def file_system(kind: str, place: Path) -> Finding:
    """Whether databases are safe on this kind of file system."""
    if filesystems.is_network(kind):
        remedy = "put the data folder on a disk of this machine, or see to it that one machine alone uses it"
        return warning("file system", f"{kind} at {place}: a network file system, whose locks may not hold", remedy)
    return good("file system", f"{kind} at {place}")


def database(path: Path) -> Finding:
    """Whether a database in a file is whole, and how it writes."""
    try:
        fault, mode = quick_check(path)
    except HowdahError as error:
        if error.kind == IN_USE:
            return good("database", f"{path} is held by the process that uses it, as on a network file system")
        return failure("database", error.message, _FROM_BACKUP)
    if fault:
        return failure("database", f"{path} is damaged: {fault}", _FROM_BACKUP)
    return good("database", f"{path} is whole, journal mode {mode}")


def postgresql(address: Address) -> Finding:
    """Whether Label Studio can work with its database on a server, and what it has there."""
    try:
        found = server.check(address)
    except HowdahError as error:
        told, _, remedy = error.message.rpartition(": ")
        return failure("database", told, remedy)
    tables = f"{found.migrations} migrations applied" if found.migrations else "empty so far"
    return good("database", f"PostgreSQL {found.version} at {address}, {tables}")
