"""Pages of a directory: where a marker begins, whatever its form."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from howdah.errors import Invalid
from howdah.names import File
from howdah.pfs import files
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


@pytest.mark.parametrize(("after", "expected"), [("", ["/z", "/a/"]), ("z", ["/a/", "/a.txt"]), ("a/", ["/a.txt"])])
def test_a_page_backwards_holds_what_is_before_its_marker(store: Store, after: str, expected: list[str]) -> None:
    assert listed(store, "/", after, 2, reverse=True) == expected


def test_a_negative_number_is_refused(store: Store) -> None:
    with pytest.raises(Invalid, match="must not be negative"):
        listed(store, "/", "", -1)
