"""The store's two substances and its clock, held together: what every verb of `pfs` works on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from howdah.db.database import Database
from howdah.store.blobs import Blobs, Writer
from howdah.store.bucket import Bucket
from howdah.store.queues import Queues
from howdah.store.shelf import Shelf
from howdah.store.tree import NodeReader


def _now() -> int:
    return time.time_ns() // 1000


@dataclass(slots=True)
class Store:
    """One data folder, open. `now` tells microseconds since 1970 in UTC."""

    database: Database
    bucket: Bucket
    now: Callable[[], int] = _now
    shelf: Shelf = field(init=False)
    blobs: Blobs = field(init=False)
    read_node: NodeReader = field(init=False)
    upkeep: threading.Lock = field(default_factory=threading.Lock, init=False)
    """Held by whoever removes or moves bytes, or must find them where they are."""
    queues: Queues = field(default_factory=Queues, init=False)
    """For those who write to the same commit or branch."""

    def __post_init__(self) -> None:
        self.shelf = Shelf(self.database, self.bucket)
        self.blobs = Blobs(self.database, self.shelf)
        self.read_node = NodeReader(self.blobs.read)

    def writer(self, *, is_small: bool = False) -> Writer:
        """A writer of new blobs."""
        return self.blobs.writer(is_small=is_small)
