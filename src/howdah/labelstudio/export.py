"""What a target's commit changes, counted in annotations, and the bytes of a task's file: pure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Container, Iterable, Mapping
from typing import Any, NamedTuple

from rest_framework.utils.encoders import JSONEncoder

KINDS = ("new", "changed", "deleted", "skipped")


class Event(NamedTuple):
    """One thing that happened: to an annotation `created`, `changed` or `deleted`, or to a task alone `task`."""

    task: int
    annotation: int | None
    what: str
    author: str = ""


class Tally:
    """How many annotations are new, changed, deleted and skipped, in all and by person."""

    def __init__(self) -> None:
        self.kinds: Counter[str] = Counter()
        self.people: dict[str, Counter[str]] = {}

    def add(self, kind: str, email: str) -> None:
        """Count one annotation."""
        self.kinds[kind] += 1
        self.people.setdefault(email or "unknown", Counter())[kind] += 1

    @property
    def total(self) -> int:
        """All annotations that were counted."""
        return self.kinds.total()


class Summary(NamedTuple):
    """What is left of many events: counts, and the tasks whose files they change."""

    tally: Tally
    tasks: set[int]


def summarise(events: Iterable[Event], skipped: Container[int] = ()) -> Summary:
    """What is left of `events`, oldest first, once each annotation is looked at from its first to its last one.

    One made and deleted again in between is nothing. Those in `skipped`, which are there but say that somebody had
    nothing to say, are counted apart. An author counts once for each annotation.
    """
    first: dict[int, str] = {}
    last: dict[int, Event] = {}
    tasks: dict[int, set[int]] = {}
    touched: set[int] = set()
    for event in events:
        if event.annotation is None:
            touched.add(event.task)
            continue
        first.setdefault(event.annotation, event.what)
        last[event.annotation] = event
        tasks.setdefault(event.annotation, set()).add(event.task)
    tally = Tally()
    for key, event in last.items():
        kind = _net(first[key], event.what)
        if kind:
            tally.add("skipped" if kind != "deleted" and key in skipped else kind, event.author)
            touched |= tasks[key]
    return Summary(tally, touched)


def _net(first: str, last: str) -> str:
    if last == "deleted":
        return "" if first == "created" else "deleted"
    return "new" if first == "created" else "changed"


def count(task: dict[str, Any]) -> None:
    """Make the task's counts those of its annotations; the host writes them a moment after an annotation."""
    skipped = sum(bool(each["was_cancelled"]) for each in task["annotations"])
    task["total_annotations"], task["cancelled_annotations"] = len(task["annotations"]) - skipped, skipped


def content_of(task: Mapping[str, Any]) -> bytes:
    """The bytes of a task's file: the same task gives the same bytes."""
    try:
        return (_encode(task) + "\n").encode()
    except UnicodeEncodeError:
        # Half of a surrogate pair, legal within JSON's escapes, has no UTF-8.
        return (_encode_ascii(task) + "\n").encode()


_encode = JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode
_encode_ascii = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=JSONEncoder().default).encode
