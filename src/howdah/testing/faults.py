"""A bucket whose road is bad: real objects in a real bucket, behind outages, delays and lack of room.

What happens is a function that is called before each passage and in the midst of each put; it may wait, and it may
raise `Unavailable`, as a bucket over a network does. It must hold to the contract of every bucket all the same.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterable, Iterator

from howdah.errors import Unavailable
from howdah.store.bucket import Bucket

Trouble = Callable[[str, str], None]
"""Called with the method and the name of the object, before the method and for a put once more behind its parts."""


class TroubledBucket:
    """All that `bucket` holds, by way of `trouble`."""

    def __init__(self, bucket: Bucket, trouble: Trouble) -> None:
        self._bucket = bucket
        self._trouble = trouble

    def put(self, name: str, parts: Iterable[bytes | memoryview]) -> None:
        """See `Bucket.put`."""
        self._trouble("put", name)
        self._bucket.put(name, self._sent(name, parts))

    def get(self, name: str, offset: int, length: int) -> bytes:
        """See `Bucket.get`."""
        self._trouble("get", name)
        return self._bucket.get(name, offset, length)

    def list(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        """See `Bucket.list`."""
        self._trouble("list", prefix)
        return self._bucket.list(prefix)

    def delete(self, name: str) -> None:
        """See `Bucket.delete`."""
        self._trouble("delete", name)
        self._bucket.delete(name)

    def _sent(self, name: str, parts: Iterable[bytes | memoryview]) -> Iterator[bytes | memoryview]:
        yield from parts
        self._trouble("put", name)


class Outage:
    """Nothing gets through while `is_out`."""

    def __init__(self) -> None:
        self.is_out = False

    def __call__(self, method: str, name: str) -> None:
        """See `Trouble`."""
        if self.is_out:
            raise Unavailable(f"{method} of {name}: the bucket does not answer; try again later", kind="disk")


class Mishap:
    """The passage number `at` fails, all others are well; `passed` counts them."""

    def __init__(self, at: int = 0) -> None:
        self.passed = 0
        self._at = at

    def __call__(self, method: str, name: str) -> None:
        """See `Trouble`."""
        self.passed += 1
        if self.passed == self._at:
            raise Unavailable(f"{method} of {name}: the connection broke; try again", kind="disk")


class Weather:
    """Each passage fails with this chance."""

    def __init__(self, chance: random.Random, fails: float) -> None:
        self._chance = chance
        self._fails = fails

    def __call__(self, method: str, name: str) -> None:
        """See `Trouble`."""
        if self._chance.random() < self._fails:
            raise Unavailable(f"{method} of {name}: the connection broke; try again", kind="disk")


class Room:
    """There is room for so many more objects."""

    def __init__(self, objects: int) -> None:
        self._left = objects * 2  # a put passes twice

    def __call__(self, method: str, name: str) -> None:
        """See `Trouble`."""
        if method == "put":
            if not self._left:
                raise Unavailable("no space left", kind="disk")
            self._left -= 1


class Slowness:
    """Calls of one method wait until `go_on`; `waits` tells that one does."""

    def __init__(self, method: str) -> None:
        self.waits = threading.Event()
        self._method = method
        self._go_on = threading.Event()

    def go_on(self) -> None:
        """Let all through from now on."""
        self._go_on.set()

    def __call__(self, method: str, name: str) -> None:
        """See `Trouble`."""
        if method == self._method:
            self.waits.set()
            assert self._go_on.wait(60), f"{method} of {name} was held for ever"
