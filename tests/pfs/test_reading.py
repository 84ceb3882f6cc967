"""A file read from any place on is the file from there on, whatever the sizes of its chunks."""

from __future__ import annotations

import itertools
import random
from pathlib import Path

import pytest

from howdah.names import File
from howdah.pfs import files
from tests.pfs.stores import HEAD, new_store, start, write

SIZE = 20 << 20  # several reads ahead


@pytest.fixture(scope="module")
def content() -> bytes:
    return random.Random(7).randbytes(SIZE)


def test_any_offset_gives_the_rest(tmp_path: Path, content: bytes) -> None:
    with new_store(tmp_path / "data") as store:
        commit = start(store)
        write(store, {"/film": content}, commit)
        file = File(HEAD, "/film")
        sizes = [len(piece) for piece in files.get(store, file)]
        ends = [0, *itertools.accumulate(sizes)]
        assert len({*sizes}) > 3, "chunks of one size show little"
        for offset in {place + by for place in ends for by in (-70_000, -1, 0, 1)}:
            if 0 <= offset <= SIZE:
                assert b"".join(files.get(store, file, offset=offset)) == content[offset:]
