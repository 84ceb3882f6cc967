"""The two doors to lasting state, with somebody at them; one kind lets the process "die" at the n-th passage of either.

Dying is an exception that is no `Exception`, raised before the passage or after it; the test then opens the same
folder again, as a new process would. What a real process kill adds is shown by `test_storm`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol

from howdah.db.database import Database, Tx
from howdah.store.bucket import Bucket
from howdah.store.store import Store


class Keeper(Protocol):
    """Is told of each passage, by a block around it."""

    def passage(self) -> AbstractContextManager[None]: ...


class Died(BaseException):
    """The process is no more."""


@dataclass
class Fate:
    """Counts passages; dies at number `at`, before it or after it. Never, if `at` is 0."""

    at: int = 0
    is_after: bool = False
    passed: int = 0

    @contextmanager
    def passage(self) -> Iterator[None]:
        self.passed += 1
        if self.passed == self.at and not self.is_after:
            raise Died
        is_last = self.passed == self.at
        try:
            yield
        finally:
            if is_last:
                raise Died  # also behind a passage that was broken off


class KeptBucket:
    def __init__(self, bucket: Bucket, keeper: Keeper) -> None:
        self._bucket = bucket
        self._keeper = keeper
        self.get = bucket.get
        self.list = bucket.list

    def put(self, name: str, parts: Iterable[bytes | memoryview]) -> None:
        with self._keeper.passage():
            self._bucket.put(name, parts)

    def delete(self, name: str) -> None:
        with self._keeper.passage():
            self._bucket.delete(name)


class KeptDatabase:
    def __init__(self, database: Database, keeper: Keeper) -> None:
        self._database = database
        self._keeper = keeper
        self.read = database.read
        self.watch = database.watch
        self.check = database.check
        self.copy = database.copy
        self.close = database.close

    @contextmanager
    def write(self) -> Iterator[Tx]:
        with self._keeper.passage(), self._database.write() as tx:
            yield tx


def kept(store: Store, keeper: Keeper) -> Store:
    """The same folder through doors that somebody keeps."""
    return Store(KeptDatabase(store.database, keeper), KeptBucket(store.bucket, keeper), store.now)
