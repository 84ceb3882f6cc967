"""A run's folder: `pfs` with the inputs and an empty `out`, `tmp`, and the file `stdin`.

Code has filled `out` and `tmp` as it liked: with paths that are longer than the system takes, with folders that nobody
may enter. They are removed nevertheless.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from howdah.errors import HowdahError, Invalid, unusable

_COPY = 1 << 30
READABLE = 0o644
"""The mode of a file that everybody can read."""


@contextmanager
def told(place: Path) -> Iterator[None]:
    """Errors of the system, as those of this place with their remedy."""
    try:
        yield
    except HowdahError:  # some are errors of the system's kinds, too
        raise
    except OSError as error:
        raise unusable(str(place), error) from error


def make(folder: Path, user: int | None = None) -> None:
    """A new folder; what code may write to is the user's."""
    for name in ("pfs", "pfs/out", "tmp"):
        place = folder / name
        open_folder(place)
        if user is not None and name != "pfs":
            os.chown(place, user, user)


def give(folder: Path, lines: Sequence[str]) -> None:
    """Have code read these lines."""
    text = "".join(f"{line}\n" for line in lines)
    (folder / "stdin").write_text(text, "utf-8", "surrogateescape", newline="")


def inside(folder: Path, name: str, path: str) -> str:
    """Where a path of that input is, with the folders above it; raises `Invalid` for one that leads out."""
    parts = [part for part in path.split("/") if part]
    if any(part in {".", ".."} or "\0" in part for part in (name, *parts)) or "/" in name or name == "out":
        raise Invalid(f"path {path} of input {name} can be no file's here: rename it", kind="bad-path")
    place = "/".join((str(folder), "pfs", name, *parts))
    open_folder(os.path.dirname(place))
    return place


def open_file(path: str | Path, text: str = "") -> None:
    """A file that everybody can read, whatever the mask for new files is."""
    with open(path, "x", encoding="utf-8", errors="surrogateescape") as file:
        os.fchmod(file.fileno(), READABLE)
        file.write(text)


def write(path: str | Path, pieces: Iterable[bytes]) -> int:
    """As `open_file`, with this content; returns how many bytes it has. There is no file where that fails."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, READABLE)
    size = 0
    try:
        os.fchmod(descriptor, READABLE)
        for piece in pieces:
            rest = memoryview(piece)
            size += len(rest)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
    except BaseException:
        os.unlink(path)
        raise
    finally:
        os.close(descriptor)
    return size


def open_folder(place: str | Path) -> None:
    """A folder that everybody can enter, with those above it, if it is not there."""
    if not os.path.isdir(place):
        open_folder(os.path.dirname(place))
        os.mkdir(place)
        os.chmod(place, 0o755)  # noqa: S103 -- code is another user's


def link(source: str, target: str) -> None:
    """Have the file there too, a copy where it cannot be linked. Raises `FileNotFoundError` without a source."""
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:  # another file system, or too many links already
        copy(source, target)


def copy(source: str, target: str) -> None:
    """Have an equal file there, which shares what is stored where the file system can do that."""
    with open(source, "rb") as old, open(target, "xb") as new:
        os.fchmod(new.fileno(), READABLE)
        if hasattr(os, "copy_file_range"):
            with suppress(OSError):  # between these file systems it may be refused
                while os.copy_file_range(old.fileno(), new.fileno(), _COPY):
                    pass
                return
            new.seek(0)
            old.seek(0)
        shutil.copyfileobj(old, new)


def remove(folder: Path) -> None:
    """Delete it and all below, or what another was killed at. What is below the first folders is moved up.

    So no path becomes long.
    """
    top = str(folder)
    if not os.path.lexists(top):
        return
    names = (name for number in count() if not os.path.lexists(name := f"{top}/.howdah-{number}"))
    while True:
        waiting = list(_entries(top))
        if not waiting:
            break
        for entry in waiting:
            if not entry.is_dir(follow_symlinks=False):
                os.unlink(entry.path)
                continue
            for below in _entries(entry.path):
                if below.is_dir(follow_symlinks=False):
                    _open(below.path)  # a folder that may not be written cannot be moved either
                    os.rename(below.path, next(names))
                else:
                    os.unlink(below.path)
            os.rmdir(entry.path)
    os.rmdir(top)


def _entries(place: str) -> list[os.DirEntry[str]]:
    _open(place)
    with os.scandir(place) as found:
        return list(found)


def _open(place: str) -> None:
    if stat.S_IMODE(os.lstat(place).st_mode) & 0o700 != 0o700:
        os.chmod(place, 0o700)
