"""The cache: what workers computed once and may ask for again, until it is cleared.

A value may speak of filesets; these live as long as it does, whatever their own time.
"""

from __future__ import annotations

from collections.abc import Iterable

from howdah.db.database import Tx
from howdah.errors import Invalid, NotFound
from howdah.pfs.rows import read_fileset


def put(tx: Tx, key: str, value: bytes, *, tag: str, filesets: Iterable[str], now: int) -> None:
    """Keep a value under a key, instead of the one before; `NotFound` if a fileset is there no more."""
    if not key:
        raise Invalid("key must be specified", kind="not-specified")
    ids = sorted(set(filesets))
    for id in ids:
        read_fileset(tx, id, now)
    tx.run("DELETE FROM cache WHERE key = ?", key)
    tx.run("INSERT INTO cache (key, value, tag) VALUES (?, ?, ?)", key, value, tag)
    tx.many("INSERT INTO cache_filesets (key, id) VALUES (?, ?)", [(key, id) for id in ids])


def get(tx: Tx, key: str) -> bytes:
    """The value under a key; `NotFound` without one."""
    row = tx.one("SELECT value FROM cache WHERE key = ?", key)
    if row is None:
        raise NotFound(f"cache key {key} not found", kind="cache-key-not-found")
    value: bytes = row[0]
    return value


def clear(tx: Tx, tag_prefix: str) -> None:
    """Forget every value whose tag begins so; all of them if it is empty."""
    tx.run("DELETE FROM cache WHERE substr(tag, 1, length(?)) = ?", tag_prefix, tag_prefix)
