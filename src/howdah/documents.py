"""Texts of JSON or YAML as plain values: what a specification is before anybody looks into it.

One text may hold several documents: JSON values one after the other, a JSON array, or YAML parts between `---`.
YAML knows the values of JSON alone: `on`, `no`, `0755`, `12:30` and dates are strings.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from howdah.errors import Invalid, Unsupported

Document = dict[str, Any]

_LIMIT = 1 << 20
_SPACE = re.compile(r"\s*")
_NUMBER = r"-?(?:0|[1-9][0-9]*)"
_PLAIN = (
    ("null", re.compile(r"(?:~|null|Null|NULL|)\Z"), [*"~nN", ""]),
    ("bool", re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z"), [*"tTfF"]),
    ("int", re.compile(rf"{_NUMBER}\Z"), [*"-0123456789"]),
    ("float", re.compile(rf"{_NUMBER}(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?\Z"), [*"-0123456789"]),
    ("merge", re.compile(r"<<\Z"), ["<"]),
)


def parse(text: str) -> list[Document]:
    """The documents of a text; `Invalid` if it cannot be read, has none, or has one that is no object."""
    if len(text) > _LIMIT:
        raise _refused(f"it has {len(text)} characters; at most {_LIMIT} are read")
    found = [each for value in _values(text) for each in _members(value)]
    if not found:
        raise _refused("it is empty")
    if any(not isinstance(each, dict) for each in found):
        raise _refused("it must be an object, with names and values, or several")
    _check_texts(found)
    return found


def _check_texts(found: list[Any]) -> None:
    """Refuse half characters, and YAML whose aliases stand for more than anybody could have written."""
    left, rest = _LIMIT, [*found]
    while rest:
        each = rest.pop()
        left -= 1
        if isinstance(each, dict):
            rest += [*each, *each.values()]
        elif isinstance(each, list):
            rest += each
        elif isinstance(each, str):
            left -= len(each)
            _check_text(each)
        if left < 0:
            raise _refused(f"its aliases stand for too much: at most {_LIMIT} characters")


def _check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise _refused("it holds half of a character, one of \\ud800 to \\udfff") from error


def parse_one(text: str) -> Document:
    """The one document of a text; `Invalid` if it has several, or none."""
    found = parse(text)
    if len(found) > 1:
        raise _refused(f"it holds {len(found)} documents where one is meant: send them one by one")
    return found[0]


def _members(value: Any) -> list[Any]:
    if value is None:  # nothing between two `---`
        return []
    return value if isinstance(value, list) else [value]


def _values(text: str) -> list[Any]:
    try:
        if text.lstrip()[:1] not in {"{", "["}:
            return [*_yaml(text)]
        try:
            return [*_json(text)]
        except json.JSONDecodeError as error:
            try:
                return [*_yaml(text)]  # YAML may have braces, too
            except (Invalid, Unsupported):
                raise _refused(f"{error.msg} in line {error.lineno}, column {error.colno}") from error
        except Invalid:
            raise
        except ValueError as error:
            raise _refused("a number in it has too many digits") from error
    except RecursionError as error:
        raise _refused("it is nested too deeply") from error


def _json(text: str) -> Iterator[Any]:
    decoder = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_number)
    at = _behind_space(text, 0)
    while at < len(text):
        value, at = decoder.raw_decode(text, at)
        yield value
        at = _behind_space(text, at)


def _behind_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    assert match is not None  # it matches nothing, too
    return match.end()


def _unique(pairs: list[tuple[str, Any]]) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _refused(f"{name} is given twice")
        found[name] = value
    return found


def _no_number(name: str) -> Any:
    raise _refused(f"{name} is no number")


def _yaml(text: str) -> Iterator[Any]:
    try:
        import yaml  # type: ignore[import-untyped]  # noqa: PLC0415 -- only who writes YAML needs it
    except ImportError as error:
        raise Unsupported("YAML cannot be read: install howdah[pipelines], or write JSON", kind="missing") from error
    try:
        yield from yaml.load_all(text, Loader=_loader())  # noqa: S506 -- a safe loader, with fewer kinds of values
    except Invalid:
        raise
    except (yaml.YAMLError, ValueError) as error:
        raise _refused(" ".join(str(error).split())) from error


@lru_cache
def _loader() -> Any:
    """A safe loader that knows the values of JSON alone and refuses a name given twice."""
    import yaml  # noqa: PLC0415 -- only who writes YAML needs it

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002
            if isinstance(node, yaml.MappingNode):
                _unique([(key.value, None) for key, _ in node.value if isinstance(key, yaml.ScalarNode)])
            found: dict[Any, Any] = super().construct_mapping(node, deep=deep)
            if any(not isinstance(name, str) for name in found):
                raise _refused("names must be strings: quote those that look like numbers")
            return found

    Loader.yaml_implicit_resolvers = {}
    for kind, pattern, first in _PLAIN:
        Loader.add_implicit_resolver(f"tag:yaml.org,2002:{kind}", pattern, first)
    return Loader


def _refused(why: str) -> Invalid:
    return Invalid(f"specification cannot be read: {why}", kind="bad-spec")
