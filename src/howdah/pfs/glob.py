"""The glob dialect of file paths: `*`, `?` and sets stop at a slash, `**` crosses it.

Besides: `{a,b}`, the extended forms `@() *() +() ?() !()`, and a bare `( )`, which is a group whose match pipelines
use. A backslash takes the next character literally; `escape` writes any path as a pattern that matches only it.

Matching never backtracks (`machine`), and a pattern that costs too much is refused, so that none, however hostile,
keeps a server busy. Plain patterns go through `re`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from howdah.errors import Invalid
from howdah.pfs.machine import Except, Exhausted, Fork, Machine, Part, Sign

_SPECIAL = "*?[]{}()!@+^\\"
_POSIX = {
    "alnum": "a-zA-Z0-9",
    "alpha": "a-zA-Z",
    "ascii": r"\x00-\x7f",
    "blank": r" \t",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": r"\x21-\x7e",
    "lower": "a-z",
    "print": r"\x20-\x7e",
    "punct": r"!-/:-@\[-`{-~",
    "space": r"\s",
    "upper": "A-Z",
    "word": r"\w",
    "xdigit": "0-9a-fA-F",
}
# Whether the form may match nothing, and whether it may match several times.
_EXTENDED = {"@": (False, False), "*": (True, True), "+": (False, True), "?": (True, False)}
_PLAIN_RUNS = 2  # with more, a regular expression could take too long over a long name
_LENGTH = 1024
_DEPTH = 20
_ANY = re.compile(".", re.DOTALL)
_NO_SLASH = re.compile("[^/]")


class _Part(Part, Protocol):
    """A piece of a pattern."""

    def expression(self) -> str | None:
        """The piece as a regular expression, if it is a plain one."""

    def capturing(self) -> str:
        """The piece as a regular expression that has its groups, and takes what it takes or more."""


@dataclass(frozen=True, slots=True)
class _One:
    """One character, given as a regular expression."""

    sign: re.Pattern[str]

    def build(self, machine: Machine, then: int) -> int:
        return machine.add(Sign(self.sign, then))

    def expression(self) -> str | None:
        return self.sign.pattern

    def capturing(self) -> str:
        return self.sign.pattern


@dataclass(frozen=True, slots=True)
class _Run:
    """Any number of any characters, slashes among them only if it `crosses` them."""

    crosses: bool

    def build(self, machine: Machine, then: int) -> int:
        fork = machine.add(Fork(()))
        sign = machine.add(Sign(_ANY if self.crosses else _NO_SLASH, fork))
        machine.nodes[fork] = Fork((sign, then))
        return fork

    def expression(self) -> str | None:
        return self.capturing()

    def capturing(self) -> str:
        return ".*" if self.crosses else "[^/]*"


@dataclass(frozen=True, slots=True)
class _Choice:
    """One of several patterns; perhaps none of them, perhaps several times. What a group takes can be asked for."""

    choices: tuple[Sequence[_Part], ...]
    is_optional: bool = False
    repeats: bool = False
    is_group: bool = True

    def build(self, machine: Machine, then: int) -> int:
        after = machine.add(Fork((then,))) if self.repeats else then
        begins = tuple(machine.build(choice, after) for choice in self.choices)
        if self.repeats:
            machine.nodes[after] = Fork((*begins, then))
        return machine.add(Fork((*begins, then) if self.is_optional else begins))

    def expression(self) -> str | None:
        return None

    def capturing(self) -> str:
        how_often = {(False, False): "", (True, True): "*", (False, True): "+", (True, False): "?"}
        some = f"(?:{'|'.join(map(_capturing, self.choices))}){how_often[self.is_optional, self.repeats]}"
        return f"({some})" if self.is_group else some


@dataclass(frozen=True, slots=True)
class _Not:
    """What none of several patterns matches, within one segment."""

    choices: tuple[Sequence[_Part], ...]

    def build(self, machine: Machine, then: int) -> int:
        end = machine.add(Fork(()))
        begin = machine.add(Fork(tuple(machine.build(choice, end) for choice in self.choices)))
        return machine.add(Except(begin, end, then))

    def expression(self) -> str | None:
        return None

    def capturing(self) -> str:
        return "([^/]*)"


@dataclass(frozen=True, slots=True)
class Glob:
    """A compiled pattern. `prefix` is the directory that holds every match; `literal` a path without wildcards."""

    pattern: str
    prefix: str
    literal: str | None
    is_flat: bool
    machine: Machine
    plain: re.Pattern[str] | None

    def matches(self, path: str) -> bool:
        """Whether a path matches; a directory's closing slash does not count. Wildcards never match the root."""
        if path == "/":
            return False
        path = path.rstrip("/")
        if self.plain is not None:
            return self.plain.match(path) is not None
        try:
            return self.machine.takes(path)
        except Exhausted:
            raise Invalid(
                f"glob ({self.pattern[:80]}) invalid: matching it takes too long: use fewer wildcards", kind="bad-glob"
            ) from None


def compile(pattern: str) -> Glob:
    """The pattern, a slash put before it if it has none; `Invalid` if it cannot be read."""
    full = "/" + pattern.strip("/")
    try:
        if len(full) > _LENGTH:
            raise ValueError(f"longer than {_LENGTH} characters")
        parts = tuple(_Reading(full).parts)
    except (re.error, ValueError) as error:
        raise Invalid(f"glob ({pattern[:80]}) invalid: {error}", kind="bad-glob") from error
    begin, has_special = _plain_start(full)
    if not has_special:
        return Glob(full, full, begin, is_flat=True, machine=Machine(()), plain=None)
    prefix = begin[: begin.rindex("/") + 1]
    rest = full[_written_length(full, prefix) :]
    is_flat = "/" not in rest and "**" not in rest and not any(mark in rest for mark in "({!")
    return Glob(full, prefix, None, is_flat, Machine(parts), _plain_expression(parts))


def _plain_expression(parts: Sequence[_Part]) -> re.Pattern[str] | None:
    """The pattern as a regular expression, if that cannot take long."""
    texts = [part.expression() for part in parts]
    runs = sum(isinstance(part, _Run) for part in parts)
    if runs > _PLAIN_RUNS:
        return None
    plain = [text for text in texts if text is not None]
    return re.compile("".join(plain) + r"\Z", re.DOTALL) if len(plain) == len(texts) else None


def capturing(pattern: str) -> str:
    """A pattern that can be read as a regular expression: it has the pattern's groups, and takes what it takes or more.

    More only for `!()`, which takes anything there. Searched with it, hostile patterns may take for ever.
    """
    return _capturing(_Reading("/" + pattern.strip("/")).parts)


def _capturing(parts: Sequence[_Part]) -> str:
    return "".join(part.capturing() for part in parts)


def escape(path: str) -> str:
    """A pattern that matches exactly this path."""
    return "".join("\\" + sign if sign in _SPECIAL else sign for sign in path)


def _plain_start(pattern: str) -> tuple[str, bool]:
    """What the pattern begins with before its first special character, unescaped; and whether it has one."""
    plain = []
    at = 0
    while at < len(pattern):
        sign = pattern[at]
        if sign == "\\" and at + 1 < len(pattern):
            at += 1
            plain.append(pattern[at])
        elif sign in _SPECIAL:
            # A sign that only means something before a parenthesis is an ordinary character elsewhere.
            if sign in "!@+^]})" and pattern[at + 1 : at + 2] != "(":
                plain.append(sign)
            else:
                if sign == "(" and plain and plain[-1] in "!@+":
                    plain.pop()
                return "".join(plain), True
        else:
            plain.append(sign)
        at += 1
    return "".join(plain), False


def _written_length(pattern: str, plain: str) -> int:
    """How many characters of the pattern write the literal text `plain`."""
    at = 0
    for _ in plain:
        at += 2 if pattern[at] == "\\" else 1
    return at


class _Reading:
    """One walk over a pattern; `parts` is what it consists of."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0
        self._depth = 0
        self.parts = self._until("")

    def _until(self, ends: str) -> list[_Part]:
        """Read up to one of the characters `ends`, or to the pattern's end when there are none."""
        parts: list[_Part] = []
        while self._at < len(self._pattern):
            sign = self._pattern[self._at]
            if sign in ends:
                return parts
            parts.append(self._one(sign))
        if ends:
            raise ValueError(f"a {ends[-1]} is missing")
        return parts

    def _one(self, sign: str) -> _Part:
        following = self._pattern[self._at + 1 : self._at + 2]
        if sign in "@*+?!" and following == "(":
            return self._extended(sign)
        self._at += 1
        if sign == "\\" and following:
            self._at += 1
            return _One(re.compile(re.escape(following)))
        special = {"*": self._run, "?": self._any, "[": self._set, "{": self._choice, "(": self._group}
        return special[sign]() if sign in special else _One(re.compile(re.escape(sign)))

    def _any(self) -> _Part:
        return _One(_NO_SLASH)

    def _choice(self) -> _Part:
        return _Choice(self._alternatives(",", "}"), is_group=False)

    def _group(self) -> _Part:
        return _Choice(self._alternatives("|", ")"))

    def _run(self) -> _Part:
        if self._pattern[self._at : self._at + 1] == "*":
            self._at += 1
            return _Run(crosses=True)
        return _Run(crosses=False)

    def _alternatives(self, between: str, end: str) -> tuple[list[_Part], ...]:
        self._depth += 1
        if self._depth > _DEPTH:
            raise ValueError(f"nested more than {_DEPTH} deep")
        parts = [self._until(between + end)]
        while self._pattern[self._at] == between:
            self._at += 1
            parts.append(self._until(between + end))
        self._at += 1
        self._depth -= 1
        return tuple(parts)

    def _extended(self, sign: str) -> _Part:
        self._at += 2
        choices = self._alternatives("|", ")")
        if sign == "!":
            return _Not(choices)
        is_optional, repeats = _EXTENDED[sign]
        return _Choice(choices, is_optional, repeats)

    def _set(self) -> _Part:
        start = self._at
        if self._pattern[start : start + 1] in {"!", "^"}:
            start += 1
        end = self._pattern.index("]", start + 1) if "]" in self._pattern[start + 1 :] else -1
        while end > 0 and self._pattern[start:end].count("[:") > self._pattern[start:end].count(":]"):
            end = self._pattern.index("]", end + 1)
        if self._pattern[start:end].rstrip("]").count("[:") and self._pattern[end - 1 : end] == ":":
            end = self._pattern.index("]", end + 1)
        if end < 0:
            raise ValueError("a ] is missing")
        body = self._pattern[start:end]
        negated = "^" if start > self._at else ""
        self._at = end + 1
        return _One(re.compile(f"[{negated}{'/' if negated else ''}{_set_body(body)}]"))


def _set_body(body: str) -> str:
    parts = re.split(r"\[:(\w+):\]", body)
    text = []
    for place, part in enumerate(parts):
        if place % 2:
            if part not in _POSIX:
                raise re.error(f"no class [:{part}:]")
            text.append(_POSIX[part])
        else:
            text.append(re.sub(r"(?s)(.)-(.)|.", _escaped, part))
    return "".join(text)


def _escaped(found: re.Match[str]) -> str:
    """A sign of a set, or a range of signs, none of which means more than itself."""
    return "-".join(map(re.escape, filter(None, found.groups()))) or re.escape(found[0])
