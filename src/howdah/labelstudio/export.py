"""What a target's commit says and holds: pure.

The last line of a finished commit's description names the run that made it. A run that was cut off finds out by that
line how far it came.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rest_framework.utils.encoders import JSONEncoder

_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to an annotation: `created`, `changed` or `deleted`."""

    task: int
    annotation: int
    what: str
    author: str = ""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a commit changes, counted in annotations; `authors` counts by e-mail address."""

    new: int = 0
    changed: int = 0
    deleted: int = 0
    authors: Mapping[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """All annotations that the commit touches."""
        return self.new + self.changed + self.deleted


def summarise(events: Iterable[Event]) -> Summary:
    """What is left of `events`, oldest first, once each annotation is looked at from its first to its last one.

    One made and deleted again in between is nothing. An author counts once for each annotation.
    """
    first: dict[int, str] = {}
    last: dict[int, Event] = {}
    for event in events:
        first.setdefault(event.annotation, event.what)
        last[event.annotation] = event
    kinds: Counter[str] = Counter()
    authors: Counter[str] = Counter()
    for key, event in last.items():
        kind = _net(first[key], event.what)
        if kind:
            kinds[kind] += 1
            authors[event.author or "unknown"] += 1
    return Summary(kinds["created"], kinds["changed"], kinds["deleted"], dict(authors))


def _net(first: str, last: str) -> str:
    if last == "deleted":
        return "" if first == "created" else "deleted"
    return "created" if first == "created" else "changed"


def opening(key: str) -> str:
    """The description of the run's commit while it is open."""
    return f"{_mark(key)} under way"


def closing(summary: Summary, sources: Sequence[str], project: str, key: str) -> str:
    """The description of the run's finished commit."""
    by = ", ".join(f"{name} {count}" for name, count in sorted(summary.authors.items()))
    lines = [
        f"{summary.new} new, {summary.changed} changed, {summary.deleted} deleted annotations",
        "",
        f"By: {by or 'unknown'}",
        f"Project: {project}",
    ]
    lines += [f"Source: {source}" for source in sources[:_SHOWN]]
    if len(sources) > _SHOWN:
        lines.append(f"Source: … and {len(sources) - _SHOWN} more")
    return "\n".join([*lines, _mark(key)])


def is_open(description: str, key: str) -> bool:
    """Whether this is what the run called its commit when it began it."""
    return description == opening(key)


def is_closed(description: str, key: str) -> bool:
    """Whether the run itself finished the commit that says this."""
    return description.rpartition("\n")[2] == _mark(key)


def _mark(key: str) -> str:
    return f"Sync: {key}"


def path_of(folder: str, task: int) -> str:
    """The file of a task."""
    return f"{folder.rstrip('/')}/{task}.json"


def content_of(task: Mapping[str, Any]) -> bytes:
    """The bytes of a task's file: the same task gives the same bytes."""
    try:
        return _json(task, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        # Half of a surrogate pair, legal within JSON's escapes, has no UTF-8.
        return _json(task, ensure_ascii=True).encode()


def _json(task: Mapping[str, Any], *, ensure_ascii: bool) -> str:
    return json.dumps(task, cls=JSONEncoder, sort_keys=True, separators=(",", ":"), ensure_ascii=ensure_ascii) + "\n"
