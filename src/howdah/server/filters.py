"""Filters of lists, in the part of jq that Pachyderm's clients send: `select(.state == "JOB_FAILURE" or .restart > 1)`.

A filter is one or several `select`, with `|` between them. In it are fields (`.job.pipeline.name`), JSON's texts,
numbers and words, comparisons, `and`, `or`, parentheses, and `… | not`. Names and values are those of the message's
JSON, in snake case; what is a text there since it is a large kind of number can be compared with numbers.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message

from howdah.errors import Unsupported

_LENGTH = 4000
_DEPTH = 30
_TOKEN = re.compile(
    r"\s*(?P<token>(?:\.[A-Za-z_][A-Za-z0-9_]*)+|\"(?:[^\"\\]|\\.)*\"|-?[0-9]+(?:\.[0-9]+)?"
    r"|==|!=|<=|>=|<|>|\(|\)|\||[a-z]+)"
)
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_WORDS = {"true": True, "false": False, "null": None}

_Document = dict[str, Any]
_Value = Callable[[_Document], Any]


def matching(text: str) -> Callable[[Message], bool]:
    """Whether a message passes the filter, an empty one passes all; `Unsupported` if it is beyond what is offered."""
    if not text.strip():
        return lambda _: True
    reading = _Reading(text)
    conditions = [reading.select()]
    while reading.takes("|"):
        conditions.append(reading.select())
    reading.end()

    def passes(message: Message) -> bool:
        told = json_format.MessageToDict(
            message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
        )
        return all(_is_true(condition(told)) for condition in conditions)

    return passes


class _Reading:
    """One walk over a filter's text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = self._cut() if len(text) <= _LENGTH else self._refuse()
        self._at = 0
        self._depth = 0

    def _cut(self) -> list[str]:
        found, at = [], 0
        while self._text[at:].strip():
            match = _TOKEN.match(self._text, at)
            if match is None:
                self._refuse()
            else:
                found.append(match["token"])
                at = match.end()
        return found

    def _refuse(self) -> list[str]:
        raise Unsupported(
            f'jq filter ({self._text[:80]}) is not offered: write select(.state == "JOB_FAILURE" or .restart > 1), with'
            " fields, comparisons, and, or, not",
            kind="jq",
        )

    def _next(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def takes(self, token: str) -> bool:
        """Whether this comes next; then it is read."""
        is_next = self._next() == token
        self._at += is_next
        return is_next

    def _need(self, token: str) -> None:
        if not self.takes(token):
            self._refuse()

    def end(self) -> None:
        """Nothing more may come."""
        if self._next():
            self._refuse()

    def select(self) -> _Value:
        """A condition in `select( )`."""
        self._need("select")
        self._need("(")
        return self._closed()

    def _closed(self) -> _Value:
        """A condition up to the parenthesis that closes it."""
        self._depth += 1
        if self._depth > _DEPTH:
            self._refuse()
        found = self._any()
        while self.takes("|"):
            self._need("not")
            found = _negated(found)
        self._need(")")
        self._depth -= 1
        return found

    def _any(self) -> _Value:
        parts = [self._all()]
        while self.takes("or"):
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else lambda told: any(_is_true(part(told)) for part in parts)

    def _all(self) -> _Value:
        parts = [self._comparison()]
        while self.takes("and"):
            parts.append(self._comparison())
        return parts[0] if len(parts) == 1 else lambda told: all(_is_true(part(told)) for part in parts)

    def _comparison(self) -> _Value:
        left = self._operand()
        compare = _COMPARISONS.get(self._next())
        if compare is None:
            return left
        self._at += 1
        right = self._operand()
        return lambda told: _compared(compare, left(told), right(told))

    def _operand(self) -> _Value:
        token = self._next()
        self._at += 1
        if token == "(":  # noqa: S105 -- no password
            return self._closed()
        if token.startswith("."):
            return _field(token[1:].split("."))
        if token in _WORDS:
            word = _WORDS[token]
            return lambda _: word
        try:
            value = json.loads(token)
        except ValueError:
            self._refuse()
        return lambda _: value


def _is_true(value: Any) -> bool:
    """As jq has it: everything but null and false."""
    return value is not None and value is not False


def _negated(condition: _Value) -> _Value:
    return lambda told: not _is_true(condition(told))


def _field(names: list[str]) -> _Value:
    def value(told: _Document) -> Any:
        found: Any = told
        for name in names:
            found = found.get(name) if isinstance(found, dict) else None
        return found

    return value


def _compared(compare: Callable[[Any, Any], bool], left: Any, right: Any) -> bool:
    """Whether it holds; order is of two numbers or of two texts."""
    left, right = _number(left, right), _number(right, left)
    if compare in {operator.eq, operator.ne}:
        return compare(left, right)
    is_ordered = all(isinstance(each, str) for each in (left, right)) or all(_is_number(each) for each in (left, right))
    return is_ordered and compare(left, right)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(value: Any, other: Any) -> Any:
    """The number that a text is, if it is compared with one."""
    if isinstance(value, str) and _is_number(other) and re.fullmatch(r"-?[0-9]{1,20}", value):
        return int(value)
    return value
