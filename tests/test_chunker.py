import random

from hypothesis import given
from hypothesis import strategies as st

from howdah.chunker import AVERAGE, MAXIMUM, MINIMUM, Chunker

BIG = random.Random(1).randbytes(12 << 20)


def cut(data: bytes, step: int) -> list[bytes | memoryview]:
    chunker = Chunker()
    chunks = [chunk for at in range(0, len(data), step) for chunk in chunker.feed(data[at : at + step])]
    return chunks + chunker.finish()


def test_a_small_file_is_one_chunk_and_an_empty_one_none() -> None:
    assert cut(b"hello", 2) == [b"hello"]
    assert Chunker().finish() == []


@given(step=st.integers(50_000, 13 << 20), size=st.integers(0, len(BIG)))
def test_ends_do_not_depend_on_how_the_bytes_arrive(step: int, size: int) -> None:
    chunks = cut(BIG[:size], step)
    assert b"".join(chunks) == BIG[:size]
    assert chunks == cut(BIG[:size], 1 << 20)


def test_chunks_keep_their_bounds() -> None:
    sizes = [len(chunk) for chunk in cut(BIG, 1 << 20)]
    assert all(MINIMUM <= size <= MAXIMUM for size in sizes[:-1])
    assert AVERAGE / 2 < sum(sizes) / len(sizes) < AVERAGE * 2


def test_cutting_again_from_a_chunks_start_gives_the_same_ends() -> None:
    chunks = cut(BIG, 1 << 20)
    assert cut(BIG[len(chunks[0]) :], 1 << 20) == chunks[1:]


def test_bytes_put_before_move_only_the_first_ends() -> None:
    before, after = set(cut(BIG, 1 << 20)), set(cut(b"some words" + BIG, 1 << 20))
    assert len(before & after) >= len(before) - 3
