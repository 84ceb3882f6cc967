r"""What the groups of a glob took of a path: by that, inputs are joined and grouped.

A glob's groups are its parentheses, with or without one of `@ * + ?` before them, numbered as they open. Where a path
can be read in several ways, the first group takes the most it can, as with Pachyderm. `$1` or `${1}` in a text stands
for what the first group took, `$$` for a dollar sign.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from howdah.errors import Code, Invalid

_PATIENCE = 2.0  # seconds for one path; most take microseconds
_REFERENCE = re.compile(r"\$(?:(\$)|([0-9]{1,3})|\{([0-9]{1,3})\})")
_POSIX = re.compile(r"\[:\w+:\]")
_AFTER = {"@": "", "*": "*", "+": "+", "?": "?", "!": ""}


class _Pattern(NamedTuple):
    """A glob as a regular expression, and how many groups it has."""

    text: str
    groups: int


def expander(pattern: str, template: str) -> Callable[[str], str]:
    """What makes of a path that the glob `pattern` matches the text that `template` stands for."""
    import regex  # noqa: PLC0415 -- only joins and groups need it

    parts = _split(template)
    if all(isinstance(part, str) for part in parts):
        same = "".join(str(part) for part in parts)
        return lambda _: same
    found = regex.compile(_translate(pattern).text, regex.DOTALL)

    def expand(path: str) -> str:
        try:
            match = found.fullmatch(path.rstrip("/"), timeout=_PATIENCE)
        except TimeoutError:
            raise _invalid(f"glob ({pattern[:80]}) invalid: its groups take too long: use fewer wildcards") from None
        groups = match.groups(default="") if match is not None else ()
        return "".join(part if isinstance(part, str) else groups[part - 1] if groups else "" for part in parts)

    return expand


def check(pattern: str, template: str, field: str) -> None:
    """`Invalid` if the template stands for a group that the glob does not have."""
    groups = _translate(pattern).groups if template else 0
    for part in _split(template):
        if isinstance(part, int) and not 0 < part <= groups:
            raise _invalid(
                f"{field} ({template}) invalid: glob ({pattern}) has no group {part}: put one in parentheses"
            )


def _split(template: str) -> list[str | int]:
    parts: list[str | int] = []
    at = 0
    for match in _REFERENCE.finditer(template):
        parts += [template[at : match.start()], "$" if match[1] else int(match[2] or match[3])]
        at = match.end()
    return [*parts, template[at:]]


def _translate(pattern: str) -> _Pattern:
    """The glob, which can be read, as a regular expression that takes what it takes, and perhaps more."""
    text, at, groups, ends = [], 0, 0, []
    full = "/" + pattern.strip("/")
    while at < len(full):
        sign, following = full[at], full[at + 1 : at + 2]
        if sign in _AFTER and following == "(":
            groups += 1
            text.append("([^/]*)" if sign == "!" else "((?:")
            at = _behind(full, at + 1) if sign == "!" else at + 2
            ends += [] if sign == "!" else [f"){_AFTER[sign]})"]
            continue
        step, piece = _piece(full, at)
        if sign == "(":
            groups += 1
            piece = "((?:"
            ends.append("))")
        elif sign == "{":
            piece = "(?:"
            ends.append(")")
        elif sign in ")}" and ends and (ends[-1] == ")") == (sign == "}"):
            piece = ends.pop()
        elif (sign == "," and ends and ends[-1] == ")") or (sign == "|" and ends and ends[-1] != ")"):
            piece = "|"
        text.append(piece)
        at += step
    return _Pattern("".join(text), groups)


def _piece(full: str, at: int) -> tuple[int, str]:
    """How far the piece at this place goes that is no group, and its expression."""
    sign = full[at]
    if sign == "\\" and at + 1 < len(full):
        return 2, re.escape(full[at + 1])
    if sign == "*":
        return (2, ".*") if full[at + 1 : at + 2] == "*" else (1, "[^/]*")
    if sign == "?":
        return 1, "[^/]"
    if sign == "[":
        return _set(full, at)
    return 1, re.escape(sign)


def _set(full: str, at: int) -> tuple[int, str]:
    start = at + 1
    negated = full[start : start + 1] in {"!", "^"}
    start += negated
    end = start
    while end == start or full[end] != "]":
        named = _POSIX.match(full, end)
        end = named.end() if named else end + 1
    body = full[start:end]
    signs = "".join(part if _POSIX.fullmatch(part) else _signs(part) for part in re.split(r"(\[:\w+:\])", body))
    return end + 1 - at, f"[{'^/' if negated else ''}{signs}]"


def _signs(body: str) -> str:
    return re.sub(
        r"(?s)(.)-(.)|.",
        lambda found: "-".join(map(re.escape, filter(None, found.groups()))) or re.escape(found[0]),
        body,
    )


def _behind(full: str, at: int) -> int:
    """The place behind the parenthesis that closes the one at this place."""
    depth = 0
    while at < len(full):
        depth += (full[at] == "(") - (full[at] == ")")
        at += 2 if full[at] == "\\" else 1
        if depth == 0:
            break
    return at


def _invalid(text: str) -> Invalid:
    return Invalid(text, kind="bad-input", code=Code.UNKNOWN)
