import pytest
from hypothesis import given
from hypothesis import strategies as st

from howdah.errors import Corrupt
from howdah.store.digest import of_bytes
from howdah.store.pack import MAGIC, Kind, Pack, walk


def packed(blobs: list[bytes]) -> tuple[Pack, bytes]:
    pack = Pack("packs/p")
    for blob in blobs:
        pack.add(of_bytes(blob), Kind.CHUNK, blob)
    return pack, b"".join(pack.parts)


@given(st.lists(st.binary(max_size=200), unique=True))
def test_a_pack_tells_its_blobs_without_an_index(blobs: list[bytes]) -> None:
    pack, data = packed(blobs)
    found = list(walk("packs/p", data))
    assert [data[place.offset : place.offset + place.length] for _, _, place in found] == blobs
    assert {digest: (place.offset, place.length) for digest, _, place in found} == pack.blobs
    assert len(data) == pack.size


@given(st.integers(min_value=0), st.integers(0, 7))
def test_any_flipped_bit_is_noticed(place: int, bit: int) -> None:
    _, data = packed([b"first blob", b"second blob", b""])
    broken = bytearray(data)
    broken[place % len(data)] ^= 1 << bit
    with pytest.raises(Corrupt):
        assert [digest for digest, _, _ in walk("packs/p", bytes(broken))] == []


@given(st.binary())
def test_garbage_is_corrupt_and_nothing_else(garbage: bytes) -> None:
    with pytest.raises(Corrupt):
        list(walk("packs/p", MAGIC + b"\1" + garbage))
    with pytest.raises(Corrupt):
        list(walk("packs/p", b"\0" + garbage))
