"""What code has left in `/pfs/out`: files to be sent, and links to its inputs, which are copied inside the store.

Everything that ran is gone by then. It may have handed a folder to a process that is not its own, so each becomes
root's alone, where the worker is root, before it is looked into: nothing is exchanged then for a link to what code
must not read. Links are followed as the code saw them: below `/pfs`, and nowhere else. What cannot be kept is refused
by its name.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from howdah.errors import Invalid

_OUT = "/pfs/out"
_LINKS = 40  # that one path may lead through
_KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


@dataclass(frozen=True, slots=True)
class Written:
    """A file that the code wrote: its path in the repo, and where it is."""

    path: str
    place: str
    size: int


@dataclass(frozen=True, slots=True)
class Copied:
    """A link to a file of an input, or to a whole directory (whose source ends in a slash)."""

    path: str
    input: str
    source: str


Output = Written | Copied


def find(folder: Path, directories: Iterable[tuple[str, str]] = (), pipes: Collection[str] = ()) -> Iterator[Output]:
    """All outputs below a run's folder, in no order; raises `Invalid` for what is none.

    `directories` are those that the inputs have as a whole, each with its input's name: a link to one, or into one, is
    one copy. Of others only what the code saw is copied. `pipes` are the places of lazy files, which need not be there.
    """
    whole = [f"/{name}/{path.strip('/')}/".replace("//", "/") for name, path in directories]
    finder = _Finder(str(folder / "pfs"), whole, pipes)
    waiting = [""]
    while waiting:
        path = waiting.pop()
        for entry in _entries(f"{finder.top}/out{path}", path):
            below = f"{path}/{_named(entry.name, path)}"
            if entry.is_symlink():
                yield from finder.follow(below)
            elif entry.is_dir(follow_symlinks=False):
                waiting.append(below)
            else:
                yield finder.file(below, below)


class _Finder:
    def __init__(self, top: str, whole: list[str], pipes: Collection[str]) -> None:
        self.top = top
        self._whole = whole
        self._pipes = pipes

    def file(self, path: str, real: str) -> Written:
        place = f"{self.top}/out{real}"
        found = os.lstat(place)
        if not stat.S_ISREG(found.st_mode):
            kind = _KINDS.get(stat.S_IFMT(found.st_mode), "no file")
            raise Invalid(f"output {path} is {kind}: write a file, or write it to /tmp", kind="output")
        if not found.st_mode & stat.S_IRUSR and found.st_uid == os.geteuid():
            os.chmod(place, 0o600)
        return Written(path, place, found.st_size)

    def follow(self, path: str) -> Iterator[Output]:
        """What a link leads to."""
        view = self._resolve(path)
        if view.startswith(f"{_OUT}/"):
            real = view[len(_OUT) :]
            if stat.S_ISDIR(os.lstat(f"{self.top}/out{real}").st_mode):
                raise Invalid(f"output {path} is a link to a folder of the output: copy the folder", kind="output")
            yield self.file(path, real)
            return
        name, slash, rest = view.removeprefix("/pfs/").partition("/")
        source, place = slash + rest, f"{self.top}/{name}{slash}{rest}"
        if not os.path.isdir(place):
            yield Copied(path, name, source)
        elif any(f"/{name}{source}/".startswith(folder) for folder in self._whole):
            yield Copied(path, name, f"{source}/")
        else:
            for above, _, names in os.walk(place):
                below = above[len(place) :]
                yield from (Copied(f"{path}{below}/{one}", name, f"{source}{below}/{one}") for one in names)

    def _resolve(self, path: str) -> str:
        """Where a link of the output leads, as the code sees it; raises `Invalid` where that is nothing of `/pfs`."""
        links = 0
        done: list[str] = []
        todo = f"{_OUT}{path}".split("/")[::-1]
        while todo:
            part = todo.pop()
            if part == "..":
                del done[-1:]
            if part in {"", ".", ".."}:
                continue
            done.append(part)
            target = self._target(done)
            if target is not None:
                links += 1
                done = [] if target.startswith("/") else done[:-1]
                todo += target.split("/")[::-1]
            if links > _LINKS:
                raise Invalid(f"output {path} is a link that leads to itself: write a file", kind="output")
        view = "/" + "/".join(done)
        if len(done) < 2 or done[0] != "pfs" or view == _OUT or done[1] == ".env":
            told = f"output {path} is a link to {view}, outside of /pfs: write a copy, or link to an input"
            raise Invalid(told, kind="output")
        place = f"{self.top}/{'/'.join(done[1:])}"
        if not os.path.lexists(place) and place not in self._pipes:
            raise Invalid(f"output {path} is a link to {view}, which is not there: write a file", kind="output")
        return view

    def _target(self, parts: list[str]) -> str | None:
        if parts[:2] != ["pfs", "out"]:
            return None  # in the inputs are no links; what is elsewhere is refused anyhow
        place = f"{self.top}/{'/'.join(parts[1:])}"
        return os.readlink(place) if os.path.islink(place) else None


def _entries(place: str, path: str) -> list[os.DirEntry[str]]:
    try:
        seen = os.lstat(place)
        if os.geteuid() == 0 != seen.st_uid:
            os.chown(place, 0, 0, follow_symlinks=False)
        if seen.st_mode & 0o777 != 0o700:
            os.chmod(place, 0o700)
        with os.scandir(place) as found:
            return list(found)
    except OSError as error:
        raise Invalid(f"output {path} cannot be read: {error.strerror}", kind="output") from error


def _named(name: str, path: str) -> str:
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise Invalid(f"output {path}/{name!r} is not valid UTF-8: name it otherwise", kind="output") from error
    return name
