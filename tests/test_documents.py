from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from howdah import documents
from howdah.errors import Invalid

_NUMBERS = st.integers(-(1 << 60), 1 << 60) | st.floats(allow_nan=False, allow_infinity=False)
_VALUES = st.recursive(
    st.none() | st.booleans() | _NUMBERS | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(st.lists(st.dictionaries(st.text(), _VALUES), min_size=1))
def test_json_is_read_as_it_was_written(values: list[dict[str, Any]]) -> None:
    assert documents.parse(json.dumps(values)) == values
    assert documents.parse("\n".join(json.dumps(value) for value in values)) == values


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = documents.parse(text)
    except Invalid:
        pass
    else:
        assert found
        assert all(isinstance(each, dict) for each in found)


def test_yaml_knows_the_values_of_json_alone() -> None:
    text = "a: on\nb: 0755\nc: 2020-01-02\nd: 1.5\ne: ~\nf: true\ng: 12:30\nh: -7\ni: 1e3\nj:\nk: no\n"

    assert documents.parse(text) == [
        {"a": "on", "b": "0755", "c": "2020-01-02", "d": 1.5, "e": None, "f": True}
        | {"g": "12:30", "h": -7, "i": 1000.0, "j": None, "k": "no"}
    ]


def test_yaml_may_hold_several_documents_and_name_what_is_used_again() -> None:
    text = "---\nbase: &base {x: 1, y: 2}\nmore:\n  <<: *base\n  y: 3\n---\n- z: |\n    two\n    lines\n- {w: 1}\n---\n"

    assert documents.parse(text) == [
        {"base": {"x": 1, "y": 2}, "more": {"x": 1, "y": 3}},
        {"z": "two\nlines\n"},
        {"w": 1},
    ]


def test_many_small_documents_take_no_longer_than_one() -> None:
    assert len(documents.parse("{}\n" * 300_000)) == 300_000


def test_yaml_may_have_braces() -> None:
    assert documents.parse("{a: b, c: [d]}") == [{"a": "b", "c": ["d"]}]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"),
        ("3", "must be an object"),
        ("[1]", "must be an object"),
        ('{"a":1,"a":2}', "a is given twice"),
        ("a: 1\na: 2\n", "a is given twice"),
        ('{"a":', "line 1, column 6"),
        ('{"a": NaN}', "NaN is no number"),
        ("1: 2", "names must be strings"),
        ("a:\n\t- b", "line 2"),
        ("? [a]\n: b", "unhashable"),
        ("!!python/object/apply:os.getcwd []", "could not determine"),
        ("[" * 100_000, "nested too deeply"),
        ("a" * ((1 << 20) + 1), "at most 1048576"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(Invalid, match=why):
        documents.parse(text)


def test_yaml_whose_aliases_grow_without_end_is_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    with pytest.raises(Invalid, match="aliases stand for too much"):
        documents.parse("\n".join(lines))
    with pytest.raises(Invalid, match="aliases stand for too much"):
        documents.parse("a: &a [*a]")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (r'{"a": "\ud800"}', "half of a character"),
        (r'{"\udfff": 1}', "half of a character"),
        ('{"a": ' + "9" * 5000 + "}", "too many digits"),
    ],
)
def test_json_that_nothing_can_hold_is_refused(text: str, why: str) -> None:
    with pytest.raises(Invalid, match=why):
        documents.parse(text)
