"""Many blobs in one object: the format of a pack.

A pack is the magic, then blobs one after the other; before each stand its digest (32 bytes), its kind (1 byte)
and its length (4 bytes, big endian). A pack can thus be read from its start without any index, and the index
can be rebuilt from the packs. Nothing in a pack ever changes.
"""

from __future__ import annotations

import enum
import struct
import uuid
from collections.abc import Iterator
from typing import NamedTuple

from howdah.errors import Corrupt
from howdah.store.digest import Digest, of_bytes

FOLDER = "packs/"
MAGIC = b"HWDHPK1\n"
_HEADER = struct.Struct(">32sBI")


class Kind(enum.IntEnum):
    """What a blob is: a piece of a file, or a node of a tree."""

    CHUNK = 1
    NODE = 2


class Place(NamedTuple):
    """Where a blob's bytes lie: `length` bytes from `offset` of the named pack."""

    pack: str
    offset: int
    length: int


class Pack:
    """A pack being filled in memory."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.parts: list[bytes | memoryview] = [MAGIC]
        self.size = len(MAGIC)
        self.blobs: dict[Digest, tuple[int, int]] = {}

    def add(self, digest: Digest, kind: Kind, data: bytes | memoryview) -> None:
        """Append a blob that the pack does not hold yet."""
        length = len(data)
        self.parts.append(_HEADER.pack(digest, kind, length))
        self.parts.append(data)
        self.blobs[digest] = (self.size + _HEADER.size, length)
        self.size += _HEADER.size + length


def new_name() -> str:
    """A name for a pack, unlike any other."""
    name = uuid.uuid4().hex
    return f"{FOLDER}{name[:2]}/{name}"


def walk(name: str, data: bytes) -> Iterator[tuple[Digest, Kind, Place]]:
    """The blobs of a whole pack in order, each checked against its digest; anything amiss raises `Corrupt`."""
    if data[: len(MAGIC)] != MAGIC:
        raise Corrupt(f"pack {name} does not start as a pack: restore it from a backup")
    at = len(MAGIC)
    while at < len(data):
        if at + _HEADER.size > len(data):
            raise Corrupt(f"pack {name} is cut off at byte {at}: restore it from a backup")
        digest, kind, length = _HEADER.unpack_from(data, at)
        at += _HEADER.size
        blob = data[at : at + length]
        if len(blob) != length or of_bytes(blob) != digest or kind not in tuple(Kind):
            raise Corrupt(f"pack {name} is damaged at byte {at}: restore it from a backup")
        yield digest, Kind(kind), Place(name, at, length)
        at += length
