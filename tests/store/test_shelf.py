"""A shelf is a bucket to whoever reads, lists or removes, wherever packs lie."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from howdah.db.migrate import migrate
from howdah.db.sqlite import SqliteDatabase
from howdah.errors import NotFound
from howdah.store import index
from howdah.store.bucket import DirectoryBucket
from howdah.store.pack import Kind, Pack
from howdah.store.shelf import Shelf
from howdah.testing.contracts.bucket import BucketContract


@pytest.fixture
def database(tmp_path: Path) -> Iterator[SqliteDatabase]:
    database = SqliteDatabase(tmp_path / "rows.db")
    migrate(database)
    yield database
    database.close()


@pytest.fixture
def bucket(database: SqliteDatabase, tmp_path: Path) -> Iterator[Shelf]:
    bucket = DirectoryBucket(tmp_path / "bytes")
    yield Shelf(database, bucket)
    bucket.close()


class TestShelf(BucketContract):
    pass


def test_small_packs_are_read_as_objects_are(database: SqliteDatabase, bucket: Shelf) -> None:
    pack = Pack("packs/1/small")
    pack.add(b"d" * 32, Kind.CHUNK, b"0123456789")
    whole = b"".join(pack.parts)
    bucket.put("packs/0/first", [b"x"])
    bucket.put("packs/2/last", [b"yy"])
    with database.write() as tx:
        index.record(tx, pack)
    assert list(bucket.list("packs/")) == [("packs/0/first", 1), ("packs/1/small", len(whole)), ("packs/2/last", 2)]
    assert list(bucket.list("packs/1")) == [("packs/1/small", len(whole))]
    for offset, length in [(0, 1000), (3, 4), (len(whole) - 2, 5), (len(whole), 1), (1 << 40, 1), (5, 0)]:
        assert bucket.get(pack.name, offset, length) == whole[offset : offset + length]
    with database.write() as tx:
        index.forget_packs(tx, [1])
        assert tx.all("SELECT * FROM small_packs") == []
    with pytest.raises(NotFound, match="packs/1/small is not in the bucket"):
        bucket.get(pack.name, 0, 1)
