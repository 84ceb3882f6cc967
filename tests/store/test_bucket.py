from collections.abc import Iterator
from pathlib import Path

import pytest

from howdah.errors import Unavailable
from howdah.store.bucket import DirectoryBucket, MemoryBucket
from howdah.testing.contracts.bucket import BucketContract


class TestMemoryBucket(BucketContract):
    @pytest.fixture
    def bucket(self) -> MemoryBucket:
        return MemoryBucket()


class TestDirectoryBucket(BucketContract):
    @pytest.fixture
    def bucket(self, tmp_path: Path) -> Iterator[DirectoryBucket]:
        bucket = DirectoryBucket(tmp_path / "bytes")
        yield bucket
        bucket.close()

    def test_objects_are_there_after_reopening(self, bucket: DirectoryBucket, tmp_path: Path) -> None:
        bucket.put("packs/x", [b"data"])
        again = DirectoryBucket(tmp_path / "bytes")
        assert again.get("packs/x", 0, 9) == b"data"
        again.close()

    def test_what_a_dead_put_left_is_removed_on_opening(self, bucket: DirectoryBucket, tmp_path: Path) -> None:
        left = tmp_path / "bytes" / "tmp" / "123-1"
        left.write_bytes(b"half")
        DirectoryBucket(tmp_path / "bytes").close()
        assert not left.exists()

    def test_more_objects_than_files_kept_open_can_be_read(self, bucket: DirectoryBucket) -> None:
        for at in range(150):
            bucket.put(f"packs/{at:03}", [b"%d" % at])
        assert [bucket.get(f"packs/{at:03}", 0, 9) for at in range(150)] == [b"%d" % at for at in range(150)]

    def test_a_folder_that_cannot_be_made_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("in the way")
        with pytest.raises(Unavailable, match="file/bytes cannot be used"):
            DirectoryBucket(tmp_path / "file" / "bytes")
