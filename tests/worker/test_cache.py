"""The cache of inputs."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from howdah.digest import of_bytes
from howdah.errors import Unavailable
from howdah.worker.cache import SMALL, Cache


def _lost() -> Iterator[bytes]:
    yield b"half"
    raise Unavailable("the store is gone")


def _never() -> list[bytes]:
    raise AssertionError("it is here")


@pytest.mark.parametrize("linked", [True, False])
def test_a_content_is_fetched_once(tmp_path: Path, linked: bool) -> None:
    cache = Cache(tmp_path / "cache")
    digest = of_bytes(b"content")
    assert cache.place(digest, tmp_path / "a", lambda: [b"con", b"tent"], linked=linked) == 7
    assert cache.place(digest, tmp_path / "b", _never, linked=linked) == 0
    assert Cache(tmp_path / "cache").place(digest, tmp_path / "c", _never, linked=linked) == 0
    assert [(tmp_path / name).read_bytes() for name in "abc"] == [b"content"] * 3
    assert (tmp_path / "a").samefile(tmp_path / "b") is linked


def test_what_is_fetched_by_half_is_not_there(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    with pytest.raises(Unavailable, match="the store is gone"):
        cache.place(of_bytes(b"x"), tmp_path / "a", _lost, linked=True)
    assert not (tmp_path / "a").exists()
    assert not [*(tmp_path / "cache").iterdir()]
    (tmp_path / "cache/.new-7").write_text("of a process that was killed")
    Cache(tmp_path / "cache")
    assert not [*(tmp_path / "cache").iterdir()]


def test_the_longest_unused_are_dropped_and_those_in_use_stay_where_they_are_used(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache", limit=25)
    contents = {name: name.encode() * 10 for name in "abc"}
    for name in "ab":
        cache.place(of_bytes(contents[name]), tmp_path / name, partial(iter, [contents[name]]), linked=True)
    cache.place(of_bytes(contents["a"]), tmp_path / "a2", _never, linked=True)
    cache.place(of_bytes(contents["c"]), tmp_path / "c", lambda: [contents["c"]], linked=True)
    assert [cache.has(of_bytes(contents[name])) for name in "abc"] == [True, False, True]
    assert (tmp_path / "b").read_bytes() == contents["b"]


def test_a_content_that_somebody_deleted_is_fetched_again(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    cache.place(of_bytes(b"x"), tmp_path / "a", lambda: [b"x"], linked=True)
    for path in (tmp_path / "cache").glob("*/*"):
        path.unlink()
    assert cache.place(of_bytes(b"x"), tmp_path / "b", lambda: [b"x"], linked=True) == 1


@pytest.mark.parametrize("is_own", [True, False])
def test_an_output_is_taken(tmp_path: Path, is_own: bool) -> None:
    cache = Cache(tmp_path / "cache")
    digest = of_bytes(b"content")
    for name in "ab":
        (tmp_path / name).write_bytes(b"content")
        (tmp_path / name).chmod(0o4700)
        cache.take(digest, str(tmp_path / name), is_own=is_own)
    assert cache.place(digest, tmp_path / "c", _never, linked=True) == 0
    assert (tmp_path / "c").read_bytes() == b"content"
    assert stat.S_IMODE((tmp_path / "c").stat().st_mode) == 0o644
    assert (tmp_path / "c").samefile(tmp_path / "a") is not is_own
    assert (tmp_path / "b").stat().st_nlink == 1
    assert [*(tmp_path / "cache").glob(".*")] == []


@pytest.mark.parametrize("is_own", [True, False])
def test_what_is_not_what_it_was_is_not_taken(tmp_path: Path, is_own: bool) -> None:
    cache = Cache(tmp_path / "cache")
    (tmp_path / "changed").write_bytes(b"Content")
    (tmp_path / "longer").write_bytes(b"content" + bytes(SMALL))
    (tmp_path / "real").write_bytes(b"content")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name in ("changed", "longer", "link", "folder", "pipe", "missing"):
        cache.take(of_bytes(b"content"), str(tmp_path / name), is_own=is_own)
        assert not cache.has(of_bytes(b"content")), name
    assert [*(tmp_path / "cache").iterdir()] == []


def test_a_file_that_somebody_could_write_to_is_not_taken(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    with (tmp_path / "a").open("wb") as file:
        file.write(b"content")
        file.flush()
        cache.take(of_bytes(b"content"), str(tmp_path / "a"), is_own=False)
        assert not cache.has(of_bytes(b"content"))
        cache.take(of_bytes(b"content"), str(tmp_path / "a"), is_own=True)
        file.write(b"!")
    assert cache.place(of_bytes(b"content"), tmp_path / "b", _never, linked=True) == 0
    assert (tmp_path / "b").read_bytes() == b"content"


def test_many_threads_fetch_at_once(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache", limit=50)
    contents = [b"%d" % number * 10 for number in range(10)]

    def place(number: int) -> bytes:
        data = contents[number % 10]
        cache.place(of_bytes(data), tmp_path / f"{number}", lambda: [data], linked=True)
        return (tmp_path / f"{number}").read_bytes()

    with ThreadPoolExecutor(4) as pool:
        assert [*pool.map(place, range(400))] == contents * 40
