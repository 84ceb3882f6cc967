import dataclasses
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from howdah.errors import Invalid
from howdah.pfs import glob

MATCHES = [
    ("/*", "/a", True),
    ("*", "/a/", True),
    ("/*", "/a/b", False),
    ("/**", "/a/b/c", True),
    ("/", "/", True),
    ("/*", "/", False),
    ("/a?c", "/abc", True),
    ("/a?c", "/a/c", False),
    ("/[a-c]x", "/bx", True),
    ("/[+--]x", "/,x", True),
    ("/[+--]x", "/.x", False),
    ("/[--0]x", "/.x", True),
    ("/[a&&b]x", "/&x", True),
    ("/[!a-c]x", "/bx", False),
    ("/[^a-c]x", "/dx", True),
    ("/[!a]b", "//b", False),
    ("/[[:digit:]]x", "/7x", True),
    ("/[[:digit:]]x", "/ax", False),
    ("/{a,b}.jpg", "/b.jpg", True),
    ("/{a,b*}.jpg", "/bcd.jpg", True),
    ("/{a,b}.jpg", "/c.jpg", False),
    ("/@(a|b)", "/a", True),
    ("/+(ab)", "/abab", True),
    ("/*(ab)c", "/c", True),
    ("/?(a)b", "/aab", False),
    ("/!(a).txt", "/b.txt", True),
    ("/!(a).txt", "/a.txt", False),
    ("/(*).jpg", "/x.jpg", True),
    ("/a.b", "/axb", False),
    (r"/a\*", "/a*", True),
    (r"/a\*", "/ab", False),
    ("/ü*", "/über.jpg", True),
    ("/a+b", "/a+b", True),
    ("/**/c", "/a/b/c", True),
    ("/a/**", "/a/x", True),
]


@pytest.mark.parametrize(("pattern", "path", "expected"), MATCHES)
def test_patterns_match_as_the_dialect_says(pattern: str, path: str, expected: bool) -> None:
    compiled = glob.compile(pattern)
    found = compiled.matches(path) or compiled.literal == path.rstrip("/") or compiled.literal == path
    assert found is expected


@given(st.text(min_size=1, max_size=30).map(lambda text: "/" + text.strip("/")))
def test_an_escaped_path_matches_itself_and_is_looked_up_directly(path: str) -> None:
    compiled = glob.compile(glob.escape(path))
    assert compiled.literal == path


@pytest.mark.parametrize("pattern", ["/[abc", "/{a,b", "/@(a", "/[[:nope:]]", "/(a"])
def test_a_broken_pattern_is_named(pattern: str) -> None:
    with pytest.raises(Invalid, match="glob"):
        glob.compile(pattern)


@given(st.text(alphabet="ab/*?[]{}()!@+^\\,|:-", max_size=12))
def test_any_pattern_compiles_or_is_invalid(pattern: str) -> None:
    try:
        compiled = glob.compile(pattern)
    except Invalid:
        return
    compiled.matches("/ab/a")


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("/@(a|aa|*)+(a|*a)b", "/" + "a" * 250),
        ("/" + "*a" * 20 + "b", "/" + "a" * 250),
        ("/" + "**a" * 20 + "b", "/" + "a/" * 1000),
        ("/" + "+(" * 19 + "a" + ")" * 19 + "b", "/" + "a" * 250),
        ("/" + "!(b)" * 20, "/" + "a" * 250 + "/c"),
        ("/*(*(a)*(a))b", "/" + "a" * 250),
    ],
)
def test_hostile_patterns_are_answered(pattern: str, path: str) -> None:
    assert not glob.compile(pattern).matches(path)


PATHS = ["/" + "".join(random.Random(at).choices("ab", k=200)) for at in range(1000)]


def test_hostile_patterns_are_quick_over_many_paths_or_refused() -> None:
    for pattern in ("/" + "*a" * 20 + "b", "/{" + ",".join(["a*"] * 150) + "}b", "/" + "!(a*b)" * 30 + "c"):
        compiled = glob.compile(pattern)
        assert not any(compiled.matches(path + "d") for path in PATHS)
    costly = glob.compile("/*@(a)" + "?" * 150)  # each path leads to sets of states that no other leads to
    with pytest.raises(Invalid, match="matching it takes too long"):
        [costly.matches(path) for path in PATHS * 10]


def test_what_was_forgotten_is_worked_out_again() -> None:
    compiled = glob.compile("/*@(a)" + "?" * 12)  # thousands of sets of states
    for path in PATHS:
        assert compiled.matches(path[:60]) is (path[:60][-13] == "a")


@given(pattern=st.text(alphabet="ab*?/", max_size=8), path=st.text(alphabet="ab/", max_size=10))
def test_both_ways_of_matching_agree(pattern: str, path: str) -> None:
    compiled = glob.compile(pattern)
    slow = dataclasses.replace(compiled, plain=None)
    assert compiled.matches("/" + path) == slow.matches("/" + path)


@pytest.mark.parametrize("pattern", ["/" + "x" * 5000, "/" + "@(" * 60 + "a" + ")" * 60])
def test_absurd_patterns_are_refused(pattern: str) -> None:
    with pytest.raises(Invalid, match="glob"):
        glob.compile(pattern)
