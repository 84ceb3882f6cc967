"""Marks on very many blobs in little memory: 9 bytes each.

Blobs are told apart by the first 8 bytes of their digests. Two that agree in them share their marks; so a mark may
stand where none was set, and never the other way.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable

from howdah.digest import Digest


class Marks:
    """A byte of marks for each of a fixed set of digests, given in ascending order; all begin at 0."""

    def __init__(self, digests: Iterable[Digest]) -> None:
        self._keys = array("Q", (int.from_bytes(digest[:8], "big") for digest in digests))
        self._marks = bytearray(len(self._keys))

    def __len__(self) -> int:
        return len(self._keys)

    def get(self, digest: Digest) -> int | None:
        """The digest's marks; None if it is not in the set."""
        at = self._find(digest)
        return None if at is None else self._marks[at]

    def set(self, digest: Digest, mark: int) -> bool:
        """Add a mark; False if the digest is not in the set."""
        at = self._find(digest)
        if at is None:
            return False
        self._marks[at] |= mark
        return True

    def _find(self, digest: Digest) -> int | None:
        """The first place with the digest's key: all that share a key share this place."""
        key = int.from_bytes(digest[:8], "big")
        at = bisect_left(self._keys, key)
        return at if at < len(self._keys) and self._keys[at] == key else None
