"""Many blobs in one object: the format of a pack.

A pack is the magic, then blobs one after the other; before each stand its digest (32 bytes), its kind (1 byte)
and its length (4 bytes, big endian). A pack can thus be read from its start without any index, and the index
can be rebuilt from the packs. Nothing in a pack ever changes.
"""

from __future__ import annotations

import enum
import struct
import uuid
from typing import NamedTuple

from howdah.digest import Digest, of_bytes

FOLDER = "packs/"
_FAMILY = b"HWDHPK"
MAGIC = _FAMILY + b"1\n"
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
    """A name for a pack, unlike any other. There are few folders, since each one's first pack has to wait for it."""
    name = uuid.uuid4().hex
    return f"{FOLDER}{name[0]}/{name}"


def kind_at(data: bytes, place: Place) -> Kind:
    """What a whole pack says that the blob at a place is; a chunk, where it says nothing sensible."""
    said = data[place.offset - 5]
    return Kind(said) if said in tuple(Kind) else Kind.CHUNK


Blob = tuple[Digest, Kind, Place]


def survey(name: str, data: bytes) -> tuple[list[Blob], str]:
    """The sound blobs of a whole pack in order, each checked against its digest; and what is amiss first, if anything.

    Goes on behind a damaged blob for as long as lengths make sense.
    """
    if data[: len(MAGIC)] != MAGIC:
        is_newer = data.startswith(_FAMILY)
        told = "is of a format that only a newer Howdah knows: install that" if is_newer else "does not start as a pack"
        return [], f"pack {name} {told}"
    found: list[Blob] = []
    amiss = ""
    at = len(MAGIC)
    while at < len(data):
        if at + _HEADER.size > len(data):
            return found, amiss or f"pack {name} is cut off at byte {at}"
        digest, kind, length = _HEADER.unpack_from(data, at)
        at += _HEADER.size
        if at + length > len(data):
            return found, amiss or f"pack {name} is damaged or cut off at byte {at}"
        if kind in tuple(Kind) and of_bytes(memoryview(data)[at : at + length]) == digest:
            found.append((digest, Kind(kind), Place(name, at, length)))
        else:
            amiss = amiss or f"pack {name} is damaged at byte {at}"
        at += length
    return found, amiss
