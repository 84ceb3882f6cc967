"""What an operator asks of a store. Other servers than Howdah's offer `fsck` alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from google.protobuf.empty_pb2 import Empty

from howdah.client.channel import Connection
from howdah.errors import Corrupt
from howdah.wire.gen import pfs_pb2


def copy_rows(conn: Connection) -> str:
    """Have the store copy its rows, as one transaction sees them; the copy's path in the store's folder."""
    path = conn.call(conn.upkeep.CopyRows, Empty(), patient=True).path
    if path.startswith("/") or ".." in path.split("/"):
        raise Corrupt(f"store at {conn.address} names a file outside its folder: it is not one of Howdah's")
    return path


class Collected(NamedTuple):
    """What a garbage collection did; packs were kept if a backup was being made (`is_held`)."""

    blobs: int
    packs_before: int
    packs_after: int
    freed: int
    is_held: bool


def collect_garbage(conn: Connection) -> Collected:
    """Have the store remove the bytes that no commit needs; takes its time, and nobody waits for it."""
    done = conn.call(conn.upkeep.CollectGarbage, Empty(), patient=True)
    return Collected(done.blobs, done.packs_before, done.packs_after, done.freed_bytes, done.is_held)


class Finding(NamedTuple):
    """A fault of the store, or what was done about some."""

    text: str
    is_fixed: bool


def fsck(conn: Connection, *, fix: bool = False) -> Iterator[Finding]:
    """Have the store look for faults everywhere, and with `fix` repair what it can."""
    for told in conn.stream(conn.pfs.Fsck, pfs_pb2.FsckRequest(fix=fix)):
        yield Finding(told.fix or told.error, bool(told.fix))
