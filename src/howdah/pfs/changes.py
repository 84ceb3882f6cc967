"""The operations that a stream of writes consists of, as values: checked, kept in order, encoded for the rows.

What they do to a tree is in `folding`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgpack

from howdah.errors import Code, Corrupt, Invalid
from howdah.names import DEFAULT_DATUM
from howdah.store.node import Chunk

_BLOCK = 10_000  # operations that are encoded together
_PLAIN = 100_000  # what may stay as it is, which takes five times as much
_PATH_LIMIT = 4096
# A path that is already in the form that trees hold, as nearly all are.
_ORDINARY = re.compile(r"(?:/(?!\.{1,2}(?:/|\Z))[^/\0]+)+\Z")


class Put(NamedTuple):
    """Append stored content to a file, which begins empty if it is not there.

    With `replaced` the file of that datum (of every datum, where it is empty) is removed before.
    """

    path: str
    datum: str
    pieces: tuple[Chunk, ...]
    replaced: str | None = None


class Delete(NamedTuple):
    """Remove a file (of every datum where `datum` is empty); with a trailing slash, the directory."""

    path: str
    datum: str = ""


Operation = Put | Delete


def is_plain(path: str) -> bool:
    """Whether the path is surely one that a file may have, in the form that trees hold."""
    return len(path) <= _PATH_LIMIT // 4 and _ORDINARY.match(path) is not None  # at most 4 bytes a character


def check_path(path: str) -> str:
    """The path in the form that trees hold; `Invalid` if no file may have it.

    Names may hold any character but NUL: beyond what Pachyderm takes, since photographs are called `Foto (1) ü.jpg`.
    """
    if is_plain(path):
        return path
    parts = [part for part in path.split("/") if part]
    if any(part in {".", ".."} for part in parts):
        raise Invalid(f"path ({path}) invalid: relative file paths are not allowed", kind="bad-path", code=Code.UNKNOWN)
    if "\0" in path:
        raise Invalid(f"path ({path!r}) invalid: a NUL character is not allowed", kind="bad-path")
    if len(path.encode()) > _PATH_LIMIT:
        raise Invalid(f"path ({path[:60]}…) invalid: longer than {_PATH_LIMIT} bytes", kind="bad-path")
    return "/" + "/".join(parts)


class Operations:
    """Operations in order. Of very many, all but the last are kept encoded: a million take a hundred megabytes."""

    def __init__(self) -> None:
        self._blocks: list[bytes] = []
        self._encoded = 0
        self._last: list[Operation] = []

    def append(self, operation: Operation) -> None:
        """Add one to the end. A put behind a delete of the same file becomes one with it."""
        before = self._last[-1] if self._last else None
        if (
            isinstance(before, Delete)
            and isinstance(operation, Put)
            and before.path == operation.path
            and operation.replaced is None
        ):
            self._last[-1] = Put(operation.path, operation.datum, operation.pieces, before.datum)
            return
        if len(self._last) >= _PLAIN:
            self._blocks.extend(_encoded(self._last))
            self._encoded += len(self._last)
            self._last = []
        self._last.append(operation)

    def __len__(self) -> int:
        return self._encoded + len(self._last)

    def __iter__(self) -> Iterator[Operation]:
        for block in self._blocks:
            yield from decode(block)
        yield from self._last

    def blocks(self) -> Iterator[bytes]:
        """All of them encoded, a block at a time."""
        yield from self._blocks
        yield from _encoded(self._last)


def _encoded(operations: Sequence[Operation]) -> Iterator[bytes]:
    for at in range(0, len(operations), _BLOCK):
        yield encode(operations[at : at + _BLOCK])


def encode(operations: Sequence[Operation]) -> bytes:
    """The bytes of a list of operations."""
    packed: bytes = msgpack.packb(operations)
    return packed


def decode(data: bytes) -> list[Operation]:
    """The operations with these bytes; anything else raises `Corrupt`."""
    operations: list[Operation] = []
    try:
        for row in msgpack.unpackb(data, use_list=False):
            if len(row) == len(Delete._fields):
                operations.append(Delete._make(row))
            else:
                path, datum, pieces, *replaced = row
                operations.append(Put(path, datum, tuple(map(Chunk._make, pieces)), *replaced))
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        raise Corrupt(f"the edits of an open commit cannot be decoded ({error})") from error
    return operations


def put(path: str, pieces: tuple[Chunk, ...], datum: str = "") -> Put:
    """A put at a checked path; no datum is the default one."""
    checked = check_path(path)
    if checked == "/":
        raise Invalid("path (/) invalid: a file must have a name", kind="bad-path")
    return Put(checked, datum or DEFAULT_DATUM, pieces)


def delete(path: str, datum: str = "") -> Delete:
    """A delete at a checked path; a trailing slash means the directory."""
    checked = check_path(path)
    is_directory = path.endswith("/") or checked == "/"
    return Delete(checked.rstrip("/") + "/" if is_directory else checked, datum)
