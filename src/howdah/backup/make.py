"""Make a backup of a data folder, in use or not.

One consistent state comes from the order in which things are copied, not from stopping anybody:

1. Label Studio's database, by SQLite's own online copy: one transaction's state.
2. Its other files, which are only ever added.
3. The store's rows, again one transaction's state, later than 1.
4. The packs. Packs never change and are durable before any row names them, so all that the rows name are there.

So the store knows everything that Label Studio believes to be committed, and maybe a commit more; a target's next
Sync finds that one by its key.
"""

from __future__ import annotations

import os
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path

from howdah import __version__
from howdah.backup import archive
from howdah.db.sqlite import is_sqlite, snapshot
from howdah.errors import AlreadyExists, Invalid, NotFound, Unavailable

Progress = Callable[[int, int], None]

# Of the running processes, not of the data.
_LEFT_OUT = {"logs", "tmp", "lock", "instance.json", "instance.lock"}
_LEFT_OUT_ENDINGS = ("-wal", "-shm", "-journal")
_FIRST = "label-studio"


def make(data: Path, target: Path, *, progress: Progress = lambda done, total: None) -> int:
    """Write a backup of the folder `data` to the file `target`, which must not exist; returns its size in bytes.

    The file gets its name when it is whole and durable. `progress` is told bytes done and about how many there are.
    """
    if not any((data / name).is_file() for name in ("store/rows.db", "rows.db")):
        raise NotFound(f"data folder {data} not found, or nothing of Howdah's is in it: name the folder with --data")
    if data.resolve() in target.resolve().parents:
        raise Invalid(f"backup {target} would lie in the data folder that it is of: choose a place outside {data}")
    if target.exists():
        raise AlreadyExists(f"file {target} already exists: choose another name")
    scratch = target.with_name(f".{target.name}.part")
    try:
        _write(data, scratch, progress)
        os.link(scratch, target)  # unlike a rename, never over a file that came to be meanwhile
    except FileExistsError:
        raise AlreadyExists(f"file {target} already exists: choose another name") from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise Unavailable(f"backup {target} cannot be written ({reason}): check the disk's space and rights") from error
    finally:
        scratch.unlink(missing_ok=True)
    return target.stat().st_size


def _write(data: Path, scratch: Path, progress: Progress) -> None:
    total = sum(path.stat().st_size for path in _files(data))
    done = 0
    members: dict[str, archive.Member] = {}
    with scratch.open("wb") as file, tempfile.TemporaryDirectory(dir=scratch.parent) as folder:
        os.chmod(scratch, 0o600)
        with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for path in _files(data):
                name = path.relative_to(data).as_posix()
                copied = Path(folder, "database")
                if is_sqlite(path):
                    snapshot(path, copied)
                members[name] = archive.add_file(tar, name, copied if copied.exists() else path)
                copied.unlink(missing_ok=True)
                done += members[name].size
                progress(done, max(total, done))
            archive.add_manifest(tar, members, __version__, datetime.now(timezone.utc).isoformat())
        file.flush()
        os.fsync(file.fileno())


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
    return path.name in _LEFT_OUT or path.name.endswith(_LEFT_OUT_ENDINGS)
