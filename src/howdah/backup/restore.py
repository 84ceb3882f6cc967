"""Turn a backup into a data folder again: whole and checked, or not at all."""

from __future__ import annotations

import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

from howdah.backup import archive
from howdah.errors import Corrupt, NotFound, Unavailable, WrongState

Progress = Callable[[int, int], None]


def restore(backup: Path, data: Path, *, progress: Progress = lambda done, total: None) -> int:
    """Make the folder `data`, which must be missing or empty, from the file `backup`; returns the number of files.

    The folder gets its name when every file is there and is what the manifest says.
    """
    if not backup.is_file():
        raise NotFound(f"backup {backup} not found: check the path")
    if data.exists() and (not data.is_dir() or any(data.iterdir())):
        raise WrongState(f"data folder {data} is not empty: move it away, or restore into another one")
    try:
        data.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=data.parent, prefix=f".{data.name}-restoring-"))
    except OSError as error:
        raise Unavailable(f"folder {data.parent} cannot be written ({error.strerror}): check its rights") from error
    try:
        count = _take(backup, scratch, progress)
        if data.exists():
            data.rmdir()
        scratch.rename(data)
    except tarfile.TarError as error:
        raise Corrupt(f"backup {backup} cannot be read ({error}): use another backup") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise Unavailable(f"folder {data} cannot be written ({reason}): check the disk's space and rights") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return count


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
