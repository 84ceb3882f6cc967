from hypothesis import given
from hypothesis import strategies as st

from howdah.digest import of_bytes
from howdah.store.pack import MAGIC, Kind, Pack, survey


def packed(blobs: list[bytes]) -> tuple[Pack, bytes]:
    pack = Pack("packs/p")
    for blob in blobs:
        pack.add(of_bytes(blob), Kind.CHUNK, blob)
    return pack, b"".join(pack.parts)


@given(st.lists(st.binary(max_size=200), unique=True))
def test_a_pack_tells_its_blobs_without_an_index(blobs: list[bytes]) -> None:
    pack, data = packed(blobs)
    found, amiss = survey("packs/p", data)
    assert not amiss
    assert [data[place.offset : place.offset + place.length] for _, _, place in found] == blobs
    assert {digest: (place.offset, place.length) for digest, _, place in found} == pack.blobs
    assert len(data) == pack.size


@given(st.integers(min_value=0), st.integers(0, 7))
def test_any_flipped_bit_is_noticed(place: int, bit: int) -> None:
    blobs = [b"first blob", b"second blob", b""]
    _, data = packed(blobs)
    broken = bytearray(data)
    broken[place % len(data)] ^= 1 << bit
    found, amiss = survey("packs/p", bytes(broken))
    assert amiss.startswith("pack packs/p ")
    assert {digest for digest, _, _ in found} < set(map(of_bytes, blobs))


def test_what_is_behind_a_damaged_blob_is_found() -> None:
    _, data = packed([b"first blob", b"second blob", b"third"])
    broken = data.replace(b"second", b"sekond")
    found, amiss = survey("packs/p", broken)
    assert [digest for digest, _, _ in found] == [of_bytes(b"first blob"), of_bytes(b"third")]
    assert amiss == f"pack packs/p is damaged at byte {data.index(b'second')}"


def test_a_format_of_the_future_is_told_from_garbage() -> None:
    assert "only a newer Howdah knows" in survey("packs/p", b"HWDHPK7\nwhatever")[1]
    assert "does not start as a pack" in survey("packs/p", b"whatever it is")[1]


@given(st.binary())
def test_garbage_is_told(garbage: bytes) -> None:
    assert survey("packs/p", MAGIC + b"\1" + garbage)[1]
    assert survey("packs/p", b"\0" + garbage)[1]
