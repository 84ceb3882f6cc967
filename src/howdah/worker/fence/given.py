"""Small files in memory at places of their own, for one run: what its code has of secrets.

A folder that is not there is made where the root is our own. Elsewhere the folder above it is covered by one in memory,
into which everything is bound that was there.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping

from howdah.worker.fence import kernel, root

_KEPT = ("/pfs", "/proc", "/dev", "/sys", "/.slot", "/.shown")
_WHOLE = frozenset({"/", "/tmp", "/run"})  # noqa: S108 -- each run has its own, which is not to be hidden
_FLAGS = kernel.NOSUID | kernel.NODEV
_MODE = "mode=755,size=16m"


def put(files: Mapping[str, bytes], user: int | None) -> None:
    """Have the files there, readable for the user alone, each in a folder that holds nothing else.

    For a process with mounts of its own; raises `OSError` where a folder cannot be had.
    """
    if not files:
        return
    made: list[str] = []
    kernel.remount("/", _FLAGS)
    for folder in sorted({os.path.dirname(path) for path in files}):
        real = _real(folder)
        made += _way(real, user)
        kernel.mount("tmpfs", real, _FLAGS | kernel.NOEXEC, _MODE)
        made.append(real)
    for path, content in files.items():
        with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o400), "wb") as file:
            file.write(content)
            if user is not None:
                os.chown(file.fileno(), user, user)
    for place in ["/", *made]:
        kernel.remount(place, _FLAGS | kernel.RDONLY)


def _real(folder: str) -> str:
    """The folder without links; raises `PermissionError` where another must stay."""
    real = os.path.realpath(folder)
    if real in _WHOLE or any(f"{real}/".startswith(f"{kept}/") for kept in _KEPT):
        raise PermissionError(None, "it would hide what code needs", folder)
    return real


def _way(real: str, user: int | None) -> Iterator[str]:
    """Have a folder there that the user can come to; yields what was covered for it."""
    above = [real[:at] for at in range(1, len(real)) if real[at] == "/"]
    closed = next((place for place in above if _is_closed(place, user)), None)
    if closed is not None:
        yield _cover(closed, with_all=False)
    try:
        os.makedirs(real, exist_ok=True)
    except OSError:
        place = next(place for place in ["/", *above][::-1] if os.path.isdir(place))
        yield _cover(place, with_all=os.access(place, os.R_OK))
        os.makedirs(real)


def _is_closed(place: str, user: int | None) -> bool:
    """Whether there is a folder that the user, who is not we, cannot enter."""
    return user is not None and os.path.isdir(place) and not os.stat(place).st_mode & stat.S_IXOTH


def _cover(place: str, *, with_all: bool) -> str:
    """A folder in memory instead of this one, with all that is in it or nothing."""
    old = os.open(place, os.O_PATH)
    names = os.listdir(place) if with_all else []
    try:
        kernel.mount("tmpfs", place, _FLAGS, _MODE)
        for name in names:
            root.put(f"/proc/self/fd/{old}/{name}", f"{place}/{name}")
    finally:
        os.close(old)
    return place
