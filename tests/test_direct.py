"""Large files written and read past the system's cache hold what was written, whatever the pieces and ends are."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from howdah import direct
from howdah.direct import BUFFER

EDGES = [0, 1, 4095, 4096, 4097, BUFFER - 1, BUFFER, BUFFER + 1, 2 * BUFFER, 2 * BUFFER + 4095, 3 * BUFFER + 12345]
DATA = random.Random(7).randbytes(4 * BUFFER)


def write(place: Path, parts: list[bytes]) -> None:
    with place.open("wb", buffering=0) as file, direct.writer(file.fileno()) as to:
        for part in parts:
            to.write(part)


@pytest.fixture(params=["direct", "system without direct I/O"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    if request.param != "direct":
        monkeypatch.delattr(os, "O_DIRECT", raising=False)
    return tmp_path


@pytest.mark.parametrize("size", EDGES)
def test_whole_file_is_there(folder: Path, size: int) -> None:
    write(folder / "file", [DATA[:size]])
    assert (folder / "file").read_bytes() == DATA[:size]


@pytest.mark.parametrize("size", EDGES)
@pytest.mark.parametrize("piece", [1000, 5000, 1 << 20, BUFFER - 1])
def test_pieces_are_joined(tmp_path: Path, size: int, piece: int) -> None:
    write(tmp_path / "file", [DATA[at : min(at + piece, size)] for at in range(0, size, piece)])
    assert (tmp_path / "file").read_bytes() == DATA[:size]


def test_what_failed_is_not_written_on(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb", buffering=0) as file:
        with pytest.raises(TypeError), direct.writer(file.fileno()) as to:
            to.write(DATA[:10] + None)  # type: ignore[operator]
        assert file.tell() == 0


@settings(max_examples=60, deadline=None)
@given(offset=st.integers(0, 4 * BUFFER + 10), length=st.integers(0, 4 * BUFFER + 10), size=st.sampled_from(EDGES))
def test_any_range_is_read(tmp_path_factory: pytest.TempPathFactory, offset: int, length: int, size: int) -> None:
    file = tmp_path_factory.mktemp("direct") / "file"
    file.write_bytes(DATA[:size])
    read = direct.read(str(file), offset, length)
    assert read in (None, DATA[:size][offset : offset + length])


@settings(max_examples=60, deadline=None)
@given(
    begin=st.integers(0, 4 * BUFFER),
    parts=st.lists(st.tuples(st.integers(0, 9000), st.sampled_from([0, 1, 5000, BUFFER // 4, BUFFER])), min_size=1),
    size=st.sampled_from(EDGES),
    is_direct=st.booleans(),
)
def test_any_ranges_are_read(
    tmp_path_factory: pytest.TempPathFactory, begin: int, parts: list[tuple[int, int]], size: int, is_direct: bool
) -> None:
    file = tmp_path_factory.mktemp("direct") / "file"
    file.write_bytes(DATA[:size])
    ranges = []
    for gap, length in parts:
        ranges.append((begin + gap, length))
        begin += gap + length
    with pytest.MonkeyPatch.context() as patch:
        if not is_direct:
            patch.delattr(os, "O_DIRECT", raising=False)
        assert direct.pieces(str(file), ranges) == [DATA[:size][at : at + length] for at, length in ranges]


def test_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        direct.read(str(tmp_path / "nothing"), 0, 1)
    with pytest.raises(FileNotFoundError):
        direct.pieces(str(tmp_path / "nothing"), [(0, 1), (1, 1)])
