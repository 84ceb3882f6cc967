"""The names of bytes: 32-byte BLAKE3 hashes.

A blob is named by the hash of its bytes. A file of one chunk has its chunk's digest; a file of several has the
hash, in a domain of its own, of its chunks' digests in order. Chunk ends depend on content alone, so equal
content has an equal digest however it arrived.
"""

from __future__ import annotations

from collections.abc import Iterable

from blake3 import blake3

Digest = bytes
SIZE = 32

_LIST_DOMAIN = "howdah 2026 digest of a file of several chunks"
_ENTRY_DOMAIN = "howdah 2026 one file's part in a directory digest"
_DIRECTORY_DOMAIN = "howdah 2026 digest of a directory"
_MODULUS = 1 << 256


def of_bytes(data: bytes | memoryview) -> Digest:
    """The digest of one blob."""
    return blake3(data).digest()


EMPTY = of_bytes(b"")


def of_chunks(digests: Iterable[Digest]) -> Digest:
    """The digest of a file that consists of several chunks, in order."""
    return blake3(b"".join(digests), derive_key_context=_LIST_DOMAIN).digest()


def of_entry(path: str, datum: str, digest: Digest) -> int:
    """One file's part in the digests of the directories above it; parts add up modulo 2^256.

    Adding makes the digest of any directory computable from the sums that tree nodes keep, without reading the
    files below it. It tells versions apart; it is not meant to withstand somebody who seeks a collision.
    """
    data = b"%b\0%b\0%b" % (path.encode(), datum.encode(), digest)
    return int.from_bytes(blake3(data, derive_key_context=_ENTRY_DOMAIN).digest(), "big")


def add(left: int, right: int) -> int:
    """The sum of two parts."""
    return (left + right) % _MODULUS


def subtract(left: int, right: int) -> int:
    """What is left of a sum without one part."""
    return (left - right) % _MODULUS


def of_directory(total: int, count: int) -> Digest:
    """The digest of a directory with `count` files below it whose parts sum to `total`."""
    data = total.to_bytes(SIZE, "big") + count.to_bytes(8, "big")
    return blake3(data, derive_key_context=_DIRECTORY_DOMAIN).digest()
