"""The door to the bytes: immutable objects under names.

An object is written once, whole, and never changed. Names are path-like (`packs/3/3f0c…`), of characters that
every object store takes.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from howdah import direct
from howdah.errors import NotFound, Unavailable, unusable

_OPEN_FILES = 64
_LARGE = 512 << 10  # from here on reading past the system's cache is the faster way


class Bucket(Protocol):
    """Where bytes live. Safe for use by several threads."""

    def put(self, name: str, parts: Iterable[bytes | memoryview]) -> None:
        """Store the concatenation of `parts`. Durable when this returns; nothing is visible if it raises."""

    def get(self, name: str, offset: int, length: int) -> bytes:
        """At most `length` bytes from `offset`, fewer only where the object ends; `NotFound` without the object."""

    def list(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        """Names and sizes of the objects whose name starts with `prefix`, in order of name."""

    def delete(self, name: str) -> None:
        """Remove an object; removing one that is not there is no error."""


class MemoryBucket:
    """Objects in memory, for tests and experiments."""

    def __init__(self) -> None:
        self._objects: dict[str, bytes] = {}

    def put(self, name: str, parts: Iterable[bytes | memoryview]) -> None:
        """See `Bucket.put`."""
        self._objects[name] = b"".join(parts)

    def get(self, name: str, offset: int, length: int) -> bytes:
        """See `Bucket.get`."""
        try:
            return self._objects[name][offset : offset + length]
        except KeyError:
            raise _missing(name) from None

    def list(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        """See `Bucket.list`."""
        return iter([(name, len(data)) for name, data in sorted(self._objects.items()) if name.startswith(prefix)])

    def delete(self, name: str) -> None:
        """See `Bucket.delete`."""
        self._objects.pop(name, None)


class DirectoryBucket:
    """Objects as files below one folder, each fsynced under a temporary name before it gets its own."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._temporary = root / "tmp"
        self._lock = threading.Lock()
        self._files: OrderedDict[str, int] = OrderedDict()
        self._serial = 0
        self._durable: set[Path] = set()
        with _named_errors(root):
            self._temporary.mkdir(parents=True, exist_ok=True)
            _sync_folder(root.parent)
            for left in self._temporary.iterdir():  # of a process that died in the middle of a put
                left.unlink()

    def put(self, name: str, parts: Iterable[bytes | memoryview]) -> None:
        """See `Bucket.put`."""
        target = self._root / name
        with self._lock:
            self._serial += 1
            temporary = self._temporary / f"{os.getpid()}-{self._serial}"
        with _named_errors(self._root):
            try:
                with temporary.open("wb", buffering=0) as file:
                    with direct.writer(file.fileno()) as to:
                        for part in parts:
                            to.write(part)
                    os.fdatasync(file.fileno())
                self._make_folder(target.parent)
                temporary.rename(target)
                _sync_folder(target.parent)
            except BaseException:
                with contextlib.suppress(OSError):
                    temporary.unlink(missing_ok=True)
                raise

    def get(self, name: str, offset: int, length: int) -> bytes:
        """See `Bucket.get`."""
        with _named_errors(self._root):
            if length >= _LARGE:
                data = self._get_large(name, offset, length)
                if data is not None:
                    return data
            with self._lock:
                descriptor = os.dup(self._descriptor(name))
            try:
                return os.pread(descriptor, length, offset)
            finally:
                os.close(descriptor)

    def path(self, name: str) -> Path:
        """The file of an object, for those who read it themselves; it may be gone at any time."""
        return self._root.absolute() / name

    def _get_large(self, name: str, offset: int, length: int) -> bytes | None:
        try:
            return direct.read(f"{self._root}/{name}", offset, length)
        except FileNotFoundError:
            raise _missing(name) from None

    def list(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        """See `Bucket.list`."""
        found = []
        for folder, _, names in os.walk(self._root):
            if Path(folder) == self._temporary:
                continue
            for file in names:
                path = Path(folder, file)
                name = path.relative_to(self._root).as_posix()
                if name.startswith(prefix):
                    found.append((name, path.stat().st_size))
        return iter(sorted(found))

    def delete(self, name: str) -> None:
        """See `Bucket.delete`."""
        with _named_errors(self._root):
            (self._root / name).unlink(missing_ok=True)
        with self._lock:  # only now: nobody can open it again, and an open file would keep its room
            descriptor = self._files.pop(name, None)
            if descriptor is not None:
                os.close(descriptor)

    def close(self) -> None:
        """Close the files that are kept open for reading."""
        with self._lock:
            while self._files:
                os.close(self._files.popitem()[1])

    def _descriptor(self, name: str) -> int:
        """An open file for `name`; call with the lock held."""
        descriptor = self._files.pop(name, None)
        if descriptor is None:
            try:
                descriptor = os.open(self._root / name, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                raise _missing(name) from None
        self._files[name] = descriptor
        if len(self._files) > _OPEN_FILES:
            os.close(self._files.popitem(last=False)[1])
        return descriptor

    def _make_folder(self, folder: Path) -> None:
        """See that the folder is there, and its name durable: also one that another thread or process has just made."""
        if folder in self._durable and folder.is_dir():
            return
        folder.mkdir(parents=True, exist_ok=True)
        above = folder
        while above != self._root:
            above = above.parent
            _sync_folder(above)
        with self._lock:
            self._durable.add(folder)


def _missing(name: str) -> NotFound:
    return NotFound(f"object {name} is not in the bucket", kind="object-missing")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _named_errors(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if isinstance(error, NotFound | Unavailable):
            raise
        raise unusable(f"data folder {root}", error) from error
