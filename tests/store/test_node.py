import pytest
from hypothesis import given
from hypothesis import strategies as st

from howdah.errors import Corrupt
from howdah.store import node
from howdah.store.node import Chunk, Entry, Inner, Leaf, Range

DIGESTS = st.binary(min_size=32, max_size=32)
SIZES = st.integers(0, 1 << 50)
CHUNKS = st.lists(st.builds(Chunk, DIGESTS, SIZES), max_size=4).map(tuple)
ENTRIES = st.builds(Entry, st.text(max_size=40), st.sampled_from(["default", "other", ""]), SIZES, DIGESTS, CHUNKS)
RANGES = st.builds(Range, st.text(), st.text(), SIZES, SIZES, st.integers(0, (1 << 256) - 1), DIGESTS)


@given(st.lists(ENTRIES, max_size=20))
def test_a_leaf_comes_back_as_it_was(entries: list[Entry]) -> None:
    decoded = node.decode(Leaf.of(entries).encode())
    assert isinstance(decoded, Leaf)
    assert decoded.entries() == entries


@given(st.integers(1, 9), st.lists(RANGES, max_size=20))
def test_an_inner_node_comes_back_as_it_was(level: int, ranges: list[Range]) -> None:
    decoded = node.decode(Inner.of(level, ranges).encode())
    assert isinstance(decoded, Inner)
    assert (decoded.level, decoded.ranges()) == (level, ranges)


@given(st.binary() | st.lists(ENTRIES).map(lambda entries: Leaf.of(entries).encode()[:-1]))
def test_garbage_is_corrupt_and_nothing_else(garbage: bytes) -> None:
    with pytest.raises(Corrupt):
        node.decode(garbage)


def test_nodes_keep_their_bounds() -> None:
    keys = [f"/{at}" for at in range(200_000)]
    lengths, count = [], 0
    for key in keys:
        count += 1
        if node.ends_node(0, count, 100 * count, key):
            lengths.append(count)
            count = 0
    assert min(lengths) >= node.MINIMUM
    assert max(lengths) <= node.MAXIMUM
    assert 200 < sum(lengths) / len(lengths) < 450
