"""Contents of inputs, by their digests, so that what many datums read is fetched once.

A file is in place when it is whole. It is linked into the folders of runs, so it costs nothing there and can be dropped
here at any time; the longest unused are, when there is too much. What one run has written another one reads: small
outputs are taken, since they would only be deleted and fetched again.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path

from howdah.digest import of_bytes
from howdah.worker import layout

SMALL = 256 << 10
"""Bytes: a file of less is one chunk, so its digest is that of its bytes."""

_AS_IT_IS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW = ".new-"
_MOST = 250_000  # files; what is known of one takes some 250 bytes of memory


class Cache:
    """Files below a folder, `limit` bytes of them. For many threads; one process at a time."""

    def __init__(self, folder: Path, limit: int = 10 << 30) -> None:
        self._folder = folder
        self._limit = limit
        self._lock = threading.Lock()
        self._sizes: OrderedDict[str, int] = OrderedDict()
        self._total = 0
        self._names = count()
        with layout.told(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._read()

    def _read(self) -> None:
        """What is there already, the longest unused first."""
        found = []
        for path in self._folder.glob("*/*"):
            seen = path.stat()
            found.append((seen.st_mtime, path.name, seen.st_size))
        for path in self._folder.glob(f"{_NEW}*"):  # of a process that has ended
            path.unlink()
        for _, name, size in sorted(found):
            self._sizes[name] = size
            self._total += size

    def has(self, digest: bytes) -> bool:
        """Whether this content is there, as far as is known."""
        with self._lock:
            return digest.hex() in self._sizes

    def place(self, digest: bytes, target: str | Path, pieces: Callable[[], Iterable[bytes]], *, linked: bool) -> int:
        """Have this content at the target, by `pieces` where it is not here; returns how many bytes those were.

        Whoever can write to what is `linked` would change what is here.
        """
        name = digest.hex()
        put = layout.link if linked else layout.copy
        with layout.told(Path(target)):
            if self._used(name):
                with suppress(FileNotFoundError):
                    put(self._path(name), str(target))
                    return 0
            size = layout.write(target, pieces())
            self._keep(name, str(target), size, linked=linked)
            return size

    def take(self, digest: bytes, source: str, *, is_own: bool) -> None:
        """Have the content of a small file here too, if that can be and it is what the digest names.

        The file itself is taken, if nobody can write to it any more; a copy where those who might are our own user.
        """
        name = digest.hex()
        if self._used(name):
            return
        new = self._new()
        with suppress(OSError):  # it would only be fetched
            try:
                if is_own:
                    data = _read(source)
                    layout.write(new, [data])
                else:
                    os.link(source, new, follow_symlinks=False)
                    data = _sealed(new)
                if of_bytes(data) == digest:
                    _put(os.rename, new, self._path(name))
                    self._add(name, len(data))
            finally:
                with suppress(FileNotFoundError):
                    os.unlink(new)

    def _used(self, name: str) -> bool:
        with self._lock:
            if name not in self._sizes:
                return False
            self._sizes.move_to_end(name)
            return True

    def _keep(self, name: str, source: str, size: int, *, linked: bool) -> None:
        path = self._path(name)
        if not (linked and _linked(source, path)):
            new = self._new()
            layout.copy(source, new)
            _put(os.replace, new, path)
        self._add(name, size)

    def _add(self, name: str, size: int) -> None:
        with self._lock:
            self._total += size - self._sizes.pop(name, 0)
            self._sizes[name] = size
            dropped = [*self._surplus()]
        for each in dropped:
            with suppress(FileNotFoundError):
                os.unlink(self._path(each))

    def _surplus(self) -> Iterator[str]:
        while self._sizes and (self._total > self._limit or len(self._sizes) > _MOST):
            name, size = self._sizes.popitem(last=False)
            self._total -= size
            yield name

    def _new(self) -> str:
        return f"{self._folder}/{_NEW}{next(self._names)}"

    def _path(self, name: str) -> str:
        return f"{self._folder}/{name[:2]}/{name}"


def _read(path: str) -> bytes:
    """A small file, whatever is there now."""
    descriptor = os.open(path, _AS_IT_IS)
    try:
        return os.read(descriptor, SMALL)
    finally:
        os.close(descriptor)


def _sealed(path: str) -> bytes:
    """A small file that is ours from now on, so that nobody else opens it for writing; an error where somebody has."""
    descriptor = os.open(path, _AS_IT_IS)
    try:
        os.fchown(descriptor, os.geteuid(), os.getegid())
        os.fchmod(descriptor, layout.READABLE)
        # Refused where the file is open for writing: code may have handed it to a process that is not its own.
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        return os.read(descriptor, SMALL)
    finally:
        os.close(descriptor)


def _linked(source: str, path: str) -> bool:
    """Whether the file, which is whole, is at this path of the cache now."""
    with suppress(OSError):  # another file system
        with suppress(FileExistsError):  # from another thread
            _put(os.link, source, path)
        return True
    return False


def _put(how: Callable[[str, str], None], source: str, path: str) -> None:
    """Have the file at this path, whose folder is made if it is not there: most times it is."""
    try:
        how(source, path)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        how(source, path)
