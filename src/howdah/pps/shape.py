"""Documents as frozen dataclasses and back, by the rules of JSON for protocol buffers.

A dataclass is the schema: its fields' names in snake case, or the same in camel case, and nothing else. What is left
out, or null, has the field's default. Whole numbers may be strings, enums are names or numbers, durations `90s` (or
`1h30m`, as Go writes them), times RFC 3339.
"""

from __future__ import annotations

import difflib
import enum
import re
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import datetime, timedelta, timezone
from functools import cache
from typing import Any, NamedTuple, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from howdah.errors import Invalid

_T = TypeVar("_T")
_DEPTH = 40
_LONG = 1 << 63
_DURATION = re.compile(r"(-?)((?:[0-9]+(?:\.[0-9]+)?(?:h|ms|us|m|s))+)\Z")
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(h|ms|us|m|s)")
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6}
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)\Z")


class _Member(NamedTuple):
    """A field of a dataclass: its type without None, and its default."""

    name: str
    kind: Any
    default: Any


def read(kind: type[_T], document: Mapping[str, Any], where: str = "") -> _T:
    """The value that a document tells; `Invalid` names what does not fit, as a path like `input.pfs.glob`."""
    value: _T = _dataclass(kind, document, where, 0)
    return value


def canonical(kind: Any, document: Any, where: str = "", depth: int = 0) -> Any:
    """The same document with all names of fields in snake case; `Invalid` at an unknown name."""
    if is_dataclass(kind) and isinstance(document, dict):
        _check_depth(where, depth)
        known = _members(cast(type, kind))
        found: dict[str, Any] = {}
        for given, value in document.items():
            member = _member(known, given, where)
            if member.name in found:
                raise _refused(_path(where, given), "is given twice")
            found[member.name] = canonical(member.kind, value, _path(where, given), depth + 1)
        return found
    if get_origin(kind) is tuple and isinstance(document, list):
        inner = get_args(kind)[0]
        return [canonical(inner, value, f"{where}[{place}]", depth + 1) for place, value in enumerate(document)]
    return document


def merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`under` with what `over` says instead: objects are merged, all else is replaced, null takes away."""
    found = dict(under)
    for name, value in over.items():
        if value is None:
            found.pop(name, None)
        elif isinstance(value, dict):
            below = found.get(name)
            found[name] = merged(below if isinstance(below, dict) else {}, value)
        else:
            found[name] = value
    return found


def write(value: Any) -> Any:
    """A value's document, names in camel case; what has its default is left out."""
    if is_dataclass(value):
        members = _members(cast(type, type(value))).values()
        told = ((member, getattr(value, member.name)) for member in members)
        return {_camel(member.name): write(each) for member, each in told if each != member.default}
    if isinstance(value, tuple):
        return [write(each) for each in value]
    return dict(value) if isinstance(value, Mapping) else _written(value)


def _written(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, timedelta):
        whole, part = divmod(value // timedelta(microseconds=1), 1_000_000)
        return f"{whole}.{part:06d}s" if part else f"{whole}s"
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
    return value


@cache
def _members(kind: type) -> dict[str, _Member]:
    hints = get_type_hints(kind)
    return {each.name: _Member(each.name, _plain(hints[each.name]), _default(each)) for each in fields(kind)}


def _default(field: Field[Any]) -> Any:
    if field.default is not MISSING:
        return field.default
    return field.default_factory() if field.default_factory is not MISSING else MISSING


def _plain(hint: Any) -> Any:
    """A type without None."""
    if get_origin(hint) in {Union, types.UnionType}:
        return next(each for each in get_args(hint) if each is not type(None))
    return hint


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(each.capitalize() for each in rest)


def _member(known: dict[str, _Member], given: str, where: str) -> _Member:
    if given in known:
        return known[given]
    for member in known.values():
        if given in {_camel(member.name), member.name.upper()}:  # Pachyderm's own specifications have `URL`
            return member
    near = difflib.get_close_matches(re.sub(r"(?<!^)([A-Z])", r"_\1", given[:50]).lower(), known, 1, 0.5)
    hint = f"; did you mean {near[0]}?" if near else f"; known are {', '.join(sorted(known))}"
    raise Invalid(f'unknown field "{_path(where, given)[:200]}"{hint}', kind="unknown-field")


def _path(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _check_depth(where: str, depth: int) -> None:
    if depth > _DEPTH:
        raise _refused(where[:80], "is nested too deeply")


def _refused(where: str, why: str) -> Invalid:
    return Invalid(f"{where or 'specification'} {why}", kind="bad-spec")


def _dataclass(kind: Any, value: Any, where: str, depth: int) -> Any:
    _check_depth(where, depth)
    if not isinstance(value, Mapping):
        raise _refused(where, f"must be an object, not {_told(value)}")
    known = _members(kind)
    found: dict[str, Any] = {}
    for given, each in value.items():
        member = _member(known, given, where)
        if member.name in found:
            raise _refused(_path(where, given), "is given twice")
        if each is not None:
            found[member.name] = _value(member.kind, each, _path(where, given), depth + 1)
    for member in known.values():
        if member.default is MISSING and member.name not in found:
            found[member.name] = _zero(member.kind)
    return kind(**found)


def _zero(kind: Any) -> Any:
    return _dataclass(kind, {}, "", 0) if is_dataclass(kind) else kind()


def _value(kind: Any, value: Any, where: str, depth: int) -> Any:
    if is_dataclass(kind):
        return _dataclass(kind, value, where, depth)
    if get_origin(kind) is tuple:
        return tuple(_list(get_args(kind)[0], value, where, depth))
    if get_origin(kind) is not None:
        return _strings(value, where)
    if issubclass(kind, enum.IntEnum):
        return _enum(kind, value, where)
    return _SCALARS[kind](value, where)


def _list(kind: Any, value: Any, where: str, depth: int) -> Iterator[Any]:
    if not isinstance(value, list | tuple):
        raise _refused(where, f"must be a list, not {_told(value)}")
    for place, each in enumerate(value):
        yield _value(kind, each, f"{where}[{place}]", depth + 1)


def _strings(value: Any, where: str) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise _refused(where, f"must be an object, not {_told(value)}")
    return {str(name): _string(each, _path(where, str(name))) for name, each in value.items()}


def _enum(kind: type[enum.IntEnum], value: Any, where: str) -> enum.IntEnum:
    if isinstance(value, str) and value in kind.__members__:
        return kind[value]
    if isinstance(value, int) and not isinstance(value, bool) and value in {each.value for each in kind}:
        return kind(value)
    raise _refused(where, f"must be one of {', '.join(kind.__members__)}, not {_told(value)}")


def _string(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise _refused(where, f"must be a string, not {_told(value)}; put it in quotes")
    return value


def _boolean(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise _refused(where, f"must be true or false, not {_told(value)}")
    return value


def _whole(value: Any, where: str) -> int:
    number = _number(value, where)
    if number != number // 1 or not -_LONG <= number < _LONG:
        raise _refused(where, f"must be a whole number, not {_told(value)}")
    return int(number)


def _number(value: Any, where: str) -> float:
    if isinstance(value, float) or (isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 64):
        return value
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,19}", value):
        return int(value)
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,19}\.[0-9]{1,19}", value):
        return float(value)
    raise _refused(where, f"must be a number, not {_told(value)}")


def _duration(value: Any, where: str) -> timedelta:
    match = _DURATION.match(value) if isinstance(value, str) else None
    if match is None:
        raise _refused(where, f"must be a duration like 90s or 1h30m, not {_told(value)}")
    seconds = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(match[2]))
    if seconds > 10_000 * 365 * 24 * 3600:
        raise _refused(where, f"is too long: {_told(value)}")
    return timedelta(seconds=-seconds if match[1] else seconds)


def _time(value: Any, where: str) -> datetime:
    match = _TIME.match(value) if isinstance(value, str) else None
    try:
        if match is None:
            raise ValueError
        zone = "+00:00" if match[4] in "Zz" else match[4]
        told = datetime.fromisoformat(f"{match[1]}T{match[2]}.{(match[3] or '0')[:6].ljust(6, '0')}{zone}")
        return told.astimezone(timezone.utc)
    except (ValueError, OverflowError):
        raise _refused(where, f"must be a time like 2026-01-31T06:00:00Z, not {_told(value)}") from None


_SCALARS: dict[Any, Callable[[Any, str], Any]] = {
    str: _string,
    bool: _boolean,
    int: _whole,
    float: _number,
    timedelta: _duration,
    datetime: _time,
}


def _told(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
