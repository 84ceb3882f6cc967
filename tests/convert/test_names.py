"""Names are legible, of their own, and fit for any disk."""

from __future__ import annotations

import pytest

from howdah.convert.names import Names, plain
from howdah.names import Commit, Project, Repo
from tests.convert.samples import uri

COMMIT = Commit(Repo(Project(), "images"), "0" * 12 + "4" + "0" * 19)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/a.jpg", "a.jpg"),
        ("/2026/dogs/a b.jpg", "2026__dogs__a b.jpg"),
        ("/ü/ñ%41#?.png", "ü__ñ%41#_.png"),
        ('/a"b<c>.png', "a_b_c_.png"),
        ("/no-ending", "no-ending"),
        ("/" + "x" * 300 + ".jpg", "x" * 180 + ".jpg"),
        ("/" + "ü" * 200 + ".jpg", "ü" * 90 + ".jpg"),
        ("/a.an-ending-that-is-none", "a.an-ending-that-is-none"),
    ],
)
def test_a_file_of_a_store_is_called_as_its_path(path: str, name: str) -> None:
    assert plain(uri(COMMIT, path)) == name


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://example.org/x/a%20b.jpg?size=2", "a b.jpg"),
        ("/data/upload/3/1a2b-a.jpg", "1a2b-a.jpg"),
        ("/data/local-files/?d=dir/c.jpg", "c.jpg"),
        ("data:image/png;base64,AAAA", "inline"),
        ("http://[broken", "file"),
        ("", "file"),
        ("x/..", "file"),
        ("a\ud800.png", "a_.png"),
    ],
)
def test_another_address_gives_its_last_part(address: str, name: str) -> None:
    assert plain(address) == name


def test_names_differ_by_more_than_endings_and_capitals_and_ways_to_write_an_accent() -> None:
    names = Names()
    paths = ["/a.jpg", "/a.png", "/A.jpg", "/a-2.jpg", "/e\u0301.jpg", "/\u00e9.jpg"]

    given = [names.of(uri(COMMIT, path)) for path in paths]

    assert given == ["a.jpg", "a-2.png", "A-3.jpg", "a-2-2.jpg", "e\u0301.jpg", "\u00e9-2.jpg"]
    assert [names.of(uri(COMMIT, path)) for path in paths] == given
    assert len(names) == 6


def test_versions_of_one_file_have_names_of_their_own() -> None:
    other = Commit(COMMIT.repo, "1" * 12 + "4" + "0" * 19)
    names = Names()

    assert [names.of(uri(commit, "/a.jpg")) for commit in (COMMIT, other)] == ["a.jpg", "a-2.jpg"]
