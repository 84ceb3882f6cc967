from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from howdah.errors import Invalid
from howdah.pfs import glob
from howdah.pps import captures


@pytest.mark.parametrize(
    ("pattern", "template", "path", "text"),
    [
        ("/(*)", "$1", "/a.txt", "a.txt"),
        ("/(*).(txt|csv)", "$2/$1", "/a.b.txt", "txt/a.b"),
        ("/(*)-(*)", "$1|$2", "/a-b-c", "a-b|c"),
        ("/(?)(??)", "${2}0", "/abc", "bc0"),
        ("/d/@(a|b)*", "$1", "/d/ax", "a"),
        ("/*(ab)(*)", "$1,$2", "/ababc", "abab,c"),
        ("/?(x)y", "<$1>", "/y", "<>"),
        ("/!(a)(b)", "$2", "/cb", "b"),
        ("/**/([0-9]+([0-9])).jpg", "$1$2", "/a/b/123.jpg", "12323"),
        ("/([[:digit:]][!a]).x", "$1", "/1b.x", "1b"),
        ("/(*)/*/(??)*.txt", "$1 $2", "/foo/bar-123/ABC.txt", "foo AB"),
        ("/*/(bar-(123))/*", "$2 $1", "/foo/bar-123/ABC.txt", "123 bar-123"),
        ("/{a,b}(*)", "$1", "/bcd", "cd"),
        ("/(a,b){(,)|}", "$1$2", "/a,b,|", "a,b,"),
        ("/\\((*)\\)", "$1", "/(x)", "x"),
        ("/(*)/", "$1", "/dir/", "dir"),
        ("/*", "same $$1", "/a", "same $1"),
    ],
)
def test_groups_stand_in_the_text(pattern: str, template: str, path: str, text: str) -> None:
    assert glob.compile(pattern).matches(path)
    assert captures.expander(pattern, template)(path) == text


@given(
    st.lists(
        st.sampled_from(["*", "?", "a", "b", "**", "[ab]", "[!a]", "{a,b}", "/", "\\*", ".", "|", ","]), max_size=6
    ),
    st.text("ab./*,|", max_size=6),
)
def test_every_match_of_a_glob_can_be_taken_apart(parts: list[str], path: str) -> None:
    pattern = "/(" + "".join(part for part in parts if part not in "|,") + ")"
    path = "/" + path.strip("/")
    if glob.compile(pattern).matches(path):
        assert captures.expander(pattern, "$1")(path) == path[1:]


@pytest.mark.parametrize("template", ["$2", "$0", "${9}"])
def test_a_group_that_is_not_there_is_refused(template: str) -> None:
    with pytest.raises(Invalid, match="has no group"):
        captures.check("/(*)", template, "join_on")


@pytest.mark.parametrize("pattern", ["+(*[ab]|[a-c])" * 7 + "[cd]", "(*a)" * 12 + "[bc]", "+(" * 9 + "?" + ")" * 9])
def test_a_hostile_pattern_ends(pattern: str) -> None:
    expand = captures.expander("/" + pattern, "$1")
    with suppress(Invalid):  # that it takes too long
        expand("/" + "ab" * 50 + "e")
