import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from howdah.errors import Corrupt, Invalid
from howdah.pfs import changes
from howdah.store.node import Chunk

PATHS = st.text(alphabet="ab./ü \n\\", max_size=12)
OPERATIONS = st.builds(
    changes.Put,
    st.text(max_size=9),
    st.text(max_size=3),
    st.lists(st.builds(Chunk, st.binary(min_size=32, max_size=32), st.integers(0, 1 << 40)), max_size=3).map(tuple),
    st.none() | st.text(max_size=3),
) | st.builds(changes.Delete, st.text(max_size=9), st.text(max_size=3))


@given(PATHS)
def test_a_path_is_one_slash_before_each_part_or_refused(path: str) -> None:
    parts = [part for part in path.split("/") if part]
    if any(part in {".", ".."} for part in parts):
        with pytest.raises(Invalid, match="relative"):
            changes.check_path(path)
    else:
        assert changes.check_path(path) == "/" + "/".join(parts)


@pytest.mark.parametrize("path", ["/a\0b", "/" + "x" * 5000, "/" + "ü" * 2100])
def test_a_path_that_no_file_can_have_is_refused(path: str) -> None:
    with pytest.raises(Invalid, match="path"):
        changes.check_path(path)


def test_a_put_needs_a_name_and_a_delete_keeps_its_closing_slash() -> None:
    with pytest.raises(Invalid, match="must have a name"):
        changes.put("/", ())
    assert changes.delete("a/b/").path == "/a/b/"
    assert changes.delete("a//b").path == "/a/b"
    assert changes.delete("").path == "/"


@given(st.lists(OPERATIONS, max_size=5))
def test_operations_come_back_as_they_were(operations: list[changes.Operation]) -> None:
    assert changes.decode(changes.encode(operations)) == operations


@given(st.binary())
def test_garbage_is_corrupt_and_nothing_else(garbage: bytes) -> None:
    with pytest.raises(Corrupt):
        changes.decode(b"\x93" + garbage[:1])


@given(st.lists(OPERATIONS, max_size=5))
def test_operations_of_older_stores_are_read(operations: list[changes.Operation]) -> None:
    plain = [op._replace(replaced=None) if isinstance(op, changes.Put) else op for op in operations]
    rows = [tuple(op)[:3] for op in plain]
    assert changes.decode(msgpack.packb(rows)) == plain


def test_very_many_operations_come_back_in_order_a_put_one_with_the_delete_before_it() -> None:
    gathered = changes.Operations()
    for number in range(250_000):
        gathered.append(changes.delete(f"/{number}"))
        gathered.append(changes.put(f"/{number}", ()))
    assert len(gathered) == 250_000
    expected = [changes.Put(f"/{number}", "default", (), "") for number in range(250_000)]
    assert list(gathered) == expected
    assert [op for block in gathered.blocks() for op in changes.decode(block)] == expected
