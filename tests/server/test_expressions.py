"""Regular expressions that strangers send."""

import pytest

from howdah.errors import Invalid
from howdah.server import expressions

MATCHES = [
    ("b$", "/a/b", True),
    ("^b", "/a/b", False),
    ("/(a|b)/", "/b/c", True),
    ("(?i)JPG", "/a.jpg", True),
    (r"\.jpe?g$", "/a.jpeg", True),
    ("[[:digit:]]{2,3}x", "/12x", True),
    ("(?P<year>[0-9]{4})", "/2026", True),
    ("(?:ab)+c", "/ababc", True),
    (r"\{", "/{", True),
    ("ü.", "/über", True),
]


@pytest.mark.parametrize(("text", "path", "expected"), MATCHES)
def test_an_expression_is_looked_for_anywhere_in_the_path(text: str, path: str, expected: bool) -> None:
    assert expressions.matching(text)(path) is expected


@pytest.mark.parametrize(
    "text",
    ["(a", "[", "a{1,9999999999}", "x" * 2000, "(?R)?a", "(?=a)b", "(?<!a)b", r"(a)\1", "(?:aa){e<=9}", "(" * 999]
    + ["(?P<x>a+)(?&x)+b", "(?(1)a|b)", r"\L<x>", "(?:" * 300 + ")*" * 300],
)
def test_what_cannot_be_read_or_can_take_all_memory_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="path_regex .* invalid: "):
        expressions.matching(text)


def test_what_takes_too_long_is_refused() -> None:
    is_found = expressions.matching("(a|aa)+$")
    with pytest.raises(Invalid, match="it takes too long"):
        [is_found("/" + "a" * 60 + "!" + str(at)) for at in range(1000)]
