"""The inputs of a datum: which files of which commits it has, and how they come to where its code sees them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from howdah.client import files
from howdah.client.channel import Connection
from howdah.infos import FileInfo, FileType
from howdah.names import File
from howdah.worker import layout
from howdah.worker.cache import Cache
from howdah.worker.pipes import Pipes

_FEW = 4  # of so many files of a directory, one that is missing is fetched alone


@dataclass(frozen=True, slots=True)
class Input:
    """A file of a datum; a directory's path ends in a slash, and the datum has all below it.

    `digest` names the content of a file. Code sees only the names where the files are to be `empty`, and each of them
    once where they are `lazy`. `join_on` and `group_by` are the keys by which it came together with others.
    """

    name: str
    file: File
    digest: bytes = b""
    lazy: bool = False
    empty: bool = False
    join_on: str = ""
    group_by: str = ""
    content: bytes | None = None
    """What the file holds, where that is known already."""

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory with all below it."""
        return self.file.path.endswith("/")


class Fetcher:
    """Brings inputs into the folders of runs. `linked` where code cannot change them there."""

    def __init__(self, conn: Connection, cache: Cache, *, linked: bool) -> None:
        self._conn = conn
        self._cache = cache
        self.linked = linked

    def fetch(self, folder: Path, given: Input, pipes: Pipes) -> int:
        """Have the input in the folder, what is lazy in the pipes; returns how many bytes came from the store."""
        if given.is_directory:
            layout.open_folder(layout.inside(folder, given.name, given.file.path))
            found = [info for info in files.walk(self._conn, _plain(given.file)) if info.type is FileType.FILE]
            if given.lazy and not given.empty:
                for info in found:
                    target = layout.inside(folder, given.name, info.file.path)
                    pipes.add(target, partial(files.get, self._conn, info.file))
                return 0
            return self._fetch_all(folder, given, found)
        target = layout.inside(folder, given.name, given.file.path)
        if given.empty:
            layout.open_file(target)
            return 0
        if given.lazy:
            pipes.add(target, partial(files.get, self._conn, given.file))
            return 0
        if given.content is not None:
            return self._place(given.digest, target, partial(iter, [given.content]))
        return self._place(given.digest, target, partial(files.get, self._conn, given.file))

    def _fetch_all(self, folder: Path, given: Input, found: list[FileInfo]) -> int:
        places = {info.file.path: layout.inside(folder, given.name, info.file.path) for info in found}
        if given.empty:
            for place in places.values():
                layout.open_file(place)
            return 0
        total = 0
        missing = {info.file.path: info.digest for info in found if not self._cache.has(info.digest)}
        if len(missing) * _FEW > len(found):
            for path, content in files.get_tree(self._conn, _plain(given.file)):
                if content is not None and path in missing:
                    total += self._place(missing.pop(path), places.pop(path), partial(iter, content))
        for info in found:
            if info.file.path in places:
                total += self._place(info.digest, places[info.file.path], partial(files.get, self._conn, info.file))
        return total

    def take(self, digest: bytes, source: str, *, is_own: bool) -> None:
        """Have a small output at hand that may be the next run's input; see `Cache.take`."""
        self._cache.take(digest, source, is_own=is_own)

    def _place(self, digest: bytes, target: str, pieces: Callable[[], Iterable[bytes]]) -> int:
        return self._cache.place(digest, target, pieces, linked=self.linked)


def _plain(file: File) -> File:
    return replace(file, path=file.path.rstrip("/") or "/")
