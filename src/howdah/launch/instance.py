"""The instance that runs on a data folder: at most one, recognised by process id and start time, never by a name."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from howdah.filesystems import NO_LOCKS
from howdah.launch.paths import DataFolder, replace_file
from howdah.launch.processes import Process, end, is_alive


@dataclass(frozen=True, slots=True)
class Instance:
    """A launcher, what it offers, and the processes that it has started."""

    launcher: Process
    url: str
    store: str
    children: dict[str, Process] = field(default_factory=dict)
    public_url: str = ""


class AlreadyRunning(Exception):
    """Another launcher holds the data folder."""


def read(folder: DataFolder) -> Instance | None:
    """The recorded instance, which may long be gone; None if there is no record that can be read."""
    try:
        found = json.loads(folder.instance.read_text(encoding="utf-8"))
        return Instance(
            launcher=Process(**found["launcher"]),
            url=str(found["url"]),
            store=str(found["store"]),
            children={name: Process(**process) for name, process in found["children"].items()},
            public_url=str(found.get("public_url", "")),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def write(folder: DataFolder, instance: Instance) -> None:
    """Record the instance."""

    def told(process: Process) -> dict[str, object]:
        return {"pid": process.pid, "started": process.started}

    record = {
        "launcher": told(instance.launcher),
        "url": instance.url,
        "store": instance.store,
        "children": {name: told(process) for name, process in instance.children.items()},
        "public_url": instance.public_url,
    }
    replace_file(folder.instance, json.dumps(record, indent=1) + "\n")


def forget(folder: DataFolder) -> None:
    """Drop the record."""
    folder.instance.unlink(missing_ok=True)


@contextmanager
def held(folder: DataFolder) -> Iterator[None]:
    """Hold the data folder until the block ends or this process dies; raises `AlreadyRunning`."""
    with _open_private(folder.lock) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning from None
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise  # else the file system knows no locks, and the record alone has to tell
        other = read(folder)
        if other is not None and other.launcher.pid != os.getpid() and is_alive(other.launcher):
            raise AlreadyRunning  # where locks do not reach across, as on some network file systems
        yield


@contextmanager
def _open_private(path: Path) -> Iterator[int]:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield handle
    finally:
        os.close(handle)


def end_leftovers(folder: DataFolder, grace: float) -> list[str]:
    """End what a launcher that died has left running; the names of those. Call it holding the folder."""
    dead = read(folder)
    if dead is None:
        return []
    left = [name for name, process in dead.children.items() if is_alive(process)]
    for name in left:
        end(dead.children[name], grace)
    return left
