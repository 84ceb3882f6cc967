"""What every `Bucket` must do."""

from __future__ import annotations

import threading

import pytest

from howdah.errors import NotFound
from howdah.store.bucket import Bucket


class BucketContract:
    """Subclass with a fixture `bucket` that gives an empty bucket."""

    def test_get_gives_what_was_put(self, bucket: Bucket) -> None:
        bucket.put("a/b", [b"one", memoryview(b"two"), b""])
        assert bucket.get("a/b", 0, 100) == b"onetwo"

    def test_get_gives_the_range_asked_for(self, bucket: Bucket) -> None:
        bucket.put("a", [b"0123456789"])
        assert bucket.get("a", 3, 4) == b"3456"
        assert bucket.get("a", 8, 4) == b"89"
        assert bucket.get("a", 20, 4) == b""

    def test_an_empty_object_is_an_object(self, bucket: Bucket) -> None:
        bucket.put("empty", [])
        assert bucket.get("empty", 0, 10) == b""
        assert list(bucket.list()) == [("empty", 0)]

    def test_get_of_a_missing_object_is_not_found(self, bucket: Bucket) -> None:
        with pytest.raises(NotFound, match="no/such"):
            bucket.get("no/such", 0, 1)

    def test_list_tells_names_and_sizes_in_order_below_a_prefix(self, bucket: Bucket) -> None:
        for name, data in [("p/b", b"22"), ("p/a", b"1"), ("q/c", b"333")]:
            bucket.put(name, [data])
        assert list(bucket.list("p/")) == [("p/a", 1), ("p/b", 2)]
        assert [name for name, _ in bucket.list()] == ["p/a", "p/b", "q/c"]

    def test_delete_removes_and_may_be_repeated(self, bucket: Bucket) -> None:
        bucket.put("a", [b"x"])
        assert bucket.get("a", 0, 1) == b"x"
        bucket.delete("a")
        bucket.delete("a")
        with pytest.raises(NotFound):
            bucket.get("a", 0, 1)

    def test_a_put_that_fails_leaves_nothing(self, bucket: Bucket) -> None:
        def parts() -> object:
            yield b"half"
            raise RuntimeError("the source broke")

        with pytest.raises(RuntimeError, match="the source broke"):
            bucket.put("half", parts())  # type: ignore[arg-type]
        assert list(bucket.list()) == []

    def test_thousands_of_small_parts_come_back_in_order(self, bucket: Bucket) -> None:
        parts = [b"%05d" % at for at in range(5000)]
        bucket.put("many", parts)
        assert bucket.get("many", 0, 25_000) == b"".join(parts)

    def test_any_range_of_a_large_object_comes_back(self, bucket: Bucket) -> None:
        data = bytes(range(251)) * 40_000  # ten megabytes; no power of two is a period of it
        bucket.put("large", [data[:5], memoryview(data)[5:3_000_000], data[3_000_000:]])
        for offset, length in ((0, len(data)), (1, 5_000_000), (4_194_304, 1_048_576), (9_000_001, 9_000_000)):
            assert bucket.get("large", offset, length) == data[offset : offset + length]
        assert bucket.get("large", 20_000_000, 5_000_000) == b""

    def test_threads_put_and_get_at_once(self, bucket: Bucket) -> None:
        def work(number: int) -> None:
            for at in range(20):
                name = f"t{number}/{at}"
                bucket.put(name, [name.encode()])
                seen.append(bucket.get(name, 0, 50) == name.encode())

        seen: list[bool] = []
        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert seen == [True] * 80
