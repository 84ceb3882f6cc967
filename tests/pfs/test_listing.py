"""Pages of a directory: where a marker begins, whatever its form."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from howdah.errors import Invalid, NotFound, WrongState
from howdah.names import File
from howdah.pfs import files, reading
from howdah.store.store import Store
from tests.pfs.stores import HEAD, new_store, write

TOP = ["/a.txt", "/a/", "/z"]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with new_store(tmp_path / "data") as store:
        write(store, {path: b"" for path in ("/a.txt", "/a/b", "/a/c", "/z")})
        yield store


def listed(store: Store, path: str, after: str, number: int = 0, *, reverse: bool = False) -> list[str]:
    found = files.list(store, File(HEAD, path), after=after, number=number, reverse=reverse)
    return [info.file.path for info in found]


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("", TOP),
        ("/", TOP),
        ("/a", TOP),
        ("a.txt", ["/a/", "/z"]),
        ("/a/", ["/z"]),
        ("a/", ["/z"]),
        ("/a/b", ["/z"]),
        ("/nothing", ["/z"]),
        ("/zz", []),
    ],
)
def test_a_page_holds_what_is_behind_its_marker(store: Store, after: str, expected: list[str]) -> None:
    assert listed(store, "/", after) == expected


@pytest.mark.parametrize(
    ("after", "expected"), [("/a/", ["/a/b", "/a/c"]), ("/a/b", ["/a/c"]), ("/0", ["/a/b", "/a/c"]), ("/b", [])]
)
def test_a_marker_outside_the_directory_is_before_or_behind_all_of_it(
    store: Store, after: str, expected: list[str]
) -> None:
    assert listed(store, "/a", after) == expected


def test_a_file_is_in_no_page_behind_it(store: Store) -> None:
    assert listed(store, "/z", "/y") == ["/z"]
    assert listed(store, "/z", "/z") == []


ALL = ["/", "/a.txt", "/a/", "/a/b", "/a/c", "/z"]


def walked(store: Store, path: str, after: str, number: int = 0, *, reverse: bool = False) -> list[str]:
    found = files.walk(store, File(HEAD, path), after=after, number=number, reverse=reverse)
    return [info.file.path for info in found]


@pytest.mark.parametrize(
    ("after", "left"), [("", 0), ("/", 1), ("/0", 1), ("/a.txt", 2), ("/a/", 3), ("a/b", 4), ("/a/bb", 4), ("/z", 6)]
)
def test_a_walk_goes_on_behind_its_marker(store: Store, after: str, left: int) -> None:
    assert walked(store, "/", after) == ALL[left:]
    assert walked(store, "/", after, 2) == ALL[left:][:2]


def test_a_walk_backwards_gives_what_is_before_its_marker(store: Store) -> None:
    assert walked(store, "/", "", 3, reverse=True) == ["/z", "/a/c", "/a/b"]
    assert walked(store, "/", "/a/b", 2, reverse=True) == ["/a/", "/a.txt"]
    assert walked(store, "/a", "", 9, reverse=True) == ["/a/c", "/a/b", "/a/"]
    with pytest.raises(Invalid, match="number must be > 0 when reverse is true"):
        walked(store, "/", "", reverse=True)


@pytest.mark.parametrize("pattern", ["/**", "/*", "/a/*", "/z"])
def test_spans_that_follow_each_other_find_each_match_once(store: Store, pattern: str) -> None:
    def found(span: files.Span) -> list[str]:
        return [info.file.path for info in files.globbed(store, HEAD, pattern, span)]

    every = found(files.EVERYWHERE)
    assert every
    for bound in ("/a", "/a/", "/a/b", "/a/bb", "/a/c", "/b", "/zz"):
        assert found(files.Span("", bound)) + found(files.Span(bound, "")) == every


def test_a_span_of_a_tree_has_what_is_in_it(store: Store) -> None:
    def found(path: str, lower: str, upper: str) -> list[str]:
        return [info.file.path for info, _ in reading.members(store, File(HEAD, path), files.Span(lower, upper))]

    assert found("/", "/a/c", "") == ["/a/c", "/z"]
    assert found("/", "", "/a/c") == ["/", "/a.txt", "/a/", "/a/b"]
    assert found("/a", "/a/b", "/a/c") == ["/a/b"]
    with pytest.raises(NotFound):
        found("/nope", "/a", "")


def test_the_one_file_of_a_span_is_read(store: Store) -> None:
    assert b"".join(files.get(store, File(HEAD, "/a/*"), within=files.Span("/a/c"))) == b""
    with pytest.raises(WrongState, match="matched multiple files"):
        files.get(store, File(HEAD, "/a/*"))
    with pytest.raises(NotFound):
        files.get(store, File(HEAD, "/a/b"), within=files.Span("/a/c"))


@pytest.mark.parametrize(("after", "expected"), [("", ["/z", "/a/"]), ("z", ["/a/", "/a.txt"]), ("a/", ["/a.txt"])])
def test_a_page_backwards_holds_what_is_before_its_marker(store: Store, after: str, expected: list[str]) -> None:
    assert listed(store, "/", after, 2, reverse=True) == expected


def test_a_negative_number_is_refused(store: Store) -> None:
    with pytest.raises(Invalid, match="must not be negative"):
        listed(store, "/", "", -1)


NAMES = st.lists(st.sampled_from(["a", "b", "a.", "z", "ü"]), min_size=1, max_size=3).map("/".join)


@given(
    given_paths=st.sets(NAMES, max_size=12),
    at=st.one_of(st.just(""), NAMES),
    after=st.one_of(st.just(""), NAMES, NAMES.map("{}/".format)),
    number=st.integers(1, 6),
)
def test_pages_backwards_are_those_forwards(given_paths: set[str], at: str, after: str, number: int) -> None:
    paths = sorted(path for path in given_paths if not any(other.startswith(f"{path}/") for other in given_paths))
    with TemporaryDirectory() as folder, new_store(Path(folder)) as store:
        write(store, {f"/{path}": b"" for path in paths})
        for found in (listed, walked):
            try:
                every = found(store, f"/{at}", "")
            except NotFound:
                continue
            marker = f"/{after}" if after else ""
            before = [path for path in every if not after or path < marker]
            assert found(store, f"/{at}", after, number, reverse=True) == before[::-1][:number]
            assert found(store, f"/{at}", after) == [path for path in every if path > marker]


def test_a_page_backwards_of_many_files_is_their_end(store: Store) -> None:
    write(store, {f"/many/{number:05}": b"" for number in range(20_000)})
    names = [f"/many/{number:05}" for number in range(19_999, 19_989, -1)]
    assert listed(store, "/many", "", 10, reverse=True) == names
    assert walked(store, "/", "/many/15000", 2, reverse=True) == ["/many/14999", "/many/14998"]
