"""Blobs of many writers at once."""

import os
from pathlib import Path

from howdah.db.migrate import migrate
from howdah.db.sqlite import SqliteDatabase
from howdah.store.blobs import Blobs
from howdah.store.bucket import MemoryBucket
from howdah.store.pack import Kind
from howdah.store.shelf import Shelf

WRITERS = 16


def test_many_writers_share_the_room_of_a_few(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "rows.db")
    migrate(database)
    bucket = MemoryBucket()
    blobs = Blobs(database, Shelf(database, bucket), room=8 << 20)
    writers = [blobs.writer() for _ in range(WRITERS)]
    sent = [(writer, writer.add(Kind.CHUNK, data), data) for writer in writers for data in _pieces()]

    assert sum(size for _, size in bucket.list()) >= WRITERS << 20  # written out long before a pack was full
    for writer in writers:
        writer.flush()
        with database.write() as tx:
            writer.record(tx)
    assert all(blobs.read(digest) == data for _, digest, data in sent)
    database.close()


def _pieces() -> list[bytes]:
    return [os.urandom(600 << 10) for _ in range(3)]
