"""Where packs lie: large ones in the bucket, small ones beside the rows, with which they become durable.

A small commit is so one durable point, not three (its object, the object's name, its rows). Whoever reads, lists or
removes packs does it here, and need not know which lie where. What is written here goes to the bucket; small packs come
by `index.record`, and are brought into large ones by gc.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from pathlib import Path

from howdah.db.database import Database
from howdah.errors import NotFound
from howdah.store import index
from howdah.store.bucket import Bucket, DirectoryBucket


class Shelf:
    """The packs of one store, as a bucket. Safe for use by several threads; not inside a writing transaction."""

    def __init__(self, database: Database, bucket: Bucket) -> None:
        self._database = database
        self._bucket = bucket

    def put(self, name: str, parts: Iterable[bytes | memoryview]) -> None:
        """See `Bucket.put`."""
        self._bucket.put(name, parts)

    def get(self, name: str, offset: int, length: int) -> bytes:
        """See `Bucket.get`."""
        try:
            return self._bucket.get(name, offset, length)
        except NotFound:
            with self._database.read() as tx:
                found = index.small(tx, name, offset, length)
            if found is None:
                raise
            return found

    def list(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        """See `Bucket.list`."""
        with self._database.read() as tx:
            small = [(name, size) for _, name, size in index.all_small(tx) if name.startswith(prefix)]
        return heapq.merge(small, self._bucket.list(prefix))

    def delete(self, name: str) -> None:
        """See `Bucket.delete`; a small pack goes with its row."""
        self._bucket.delete(name)

    def path(self, name: str) -> Path | None:
        """The file of this machine that a pack is, or will be, if packs are files; it may be gone at any time."""
        return self._bucket.path(name) if isinstance(self._bucket, DirectoryBucket) else None
