"""The operations that a stream of writes consists of, as values: checked, kept in order, encoded for the rows.

What they do to a tree is in `folding`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import msgpack

from howdah.errors import Code, Corrupt, Invalid
from howdah.names import DEFAULT_DATUM
from howdah.store.node import Chunk

_PATH_LIMIT = 4096
# A path that is already in the form that trees hold, as nearly all are.
_ORDINARY = re.compile(r"(?:/(?!\.{1,2}(?:/|\Z))[^/\0]+)+\Z")


class Put(NamedTuple):
    """Append stored content to a file, which begins empty if it is not there."""

    path: str
    datum: str
    pieces: tuple[Chunk, ...]


class Delete(NamedTuple):
    """Remove a file (of every datum where `datum` is empty); with a trailing slash, the directory."""

    path: str
    datum: str = ""


Operation = Put | Delete


def check_path(path: str) -> str:
    """The path in the form that trees hold; `Invalid` if no file may have it.

    Names may hold any character but NUL: beyond what Pachyderm takes, since photographs are called `Foto (1) ü.jpg`.
    """
    if _ORDINARY.match(path) and len(path) <= _PATH_LIMIT // 4:  # at most 4 bytes a character
        return path
    parts = [part for part in path.split("/") if part]
    if any(part in {".", ".."} for part in parts):
        raise Invalid(f"path ({path}) invalid: relative file paths are not allowed", kind="bad-path", code=Code.UNKNOWN)
    if "\0" in path:
        raise Invalid(f"path ({path!r}) invalid: a NUL character is not allowed", kind="bad-path")
    if len(path.encode()) > _PATH_LIMIT:
        raise Invalid(f"path ({path[:60]}…) invalid: longer than {_PATH_LIMIT} bytes", kind="bad-path")
    return "/" + "/".join(parts)


def encode(operations: Sequence[Operation]) -> bytes:
    """The bytes of a list of operations."""
    packed: bytes = msgpack.packb(
        [
            [op.path, op.datum, [[c.digest, c.size] for c in op.pieces]] if isinstance(op, Put) else [op.path, op.datum]
            for op in operations
        ]
    )
    return packed


def decode(data: bytes) -> list[Operation]:
    """The operations with these bytes; anything else raises `Corrupt`."""
    try:
        return [
            Put(row[0], row[1], tuple(Chunk(*piece) for piece in row[2]))
            if len(row) == len(Put._fields)
            else Delete(*row)
            for row in msgpack.unpackb(data)
        ]
    except (ValueError, TypeError, IndexError, msgpack.UnpackException) as error:
        raise Corrupt(f"the edits of an open commit cannot be decoded ({error})") from error


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
