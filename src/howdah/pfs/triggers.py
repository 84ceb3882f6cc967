"""Triggers: a branch that moves by itself to the head of another branch of its repo, when there is enough new.

Whether it does is a function of values (`fires`); `fire` is asked when commits have finished, `fire_due` when a
schedule's time has come.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import NamedTuple

from howdah.db.database import Tx
from howdah.errors import Code, Invalid
from howdah.infos import Trigger
from howdah.names import check_name
from howdah.pfs import cron
from howdah.pfs.rows import SELECT_COMMIT, CommitRow, read_commit, read_parent, read_pointer
from howdah.pfs.steps import Step

_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([kmgtp]?)(i?)b?", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}


@dataclass(frozen=True, slots=True)
class News:
    """What the watched branch has that the triggered one has not: bytes and commits more, and both heads' times."""

    size: int
    commits: int
    old_finished: int
    new_finished: int


def fires(trigger: Trigger, news: News) -> bool:
    """Whether the trigger's conditions are met: one of them, or all that it has if it says so."""
    if trigger.cron_spec:
        return False  # it follows the clock alone
    met = []
    if trigger.size:
        met.append(news.size >= parse_size(trigger.size))
    if trigger.rate_limit_spec:
        instant = cron.next_instant(trigger.rate_limit_spec, news.old_finished)
        met.append(instant is not None and instant < news.new_finished)
    if trigger.commits:
        met.append(news.commits >= trigger.commits)
    return all(met) if trigger.all else any(met)


def parse_size(text: str) -> int:
    """The bytes that a size like `100M`, `1.5 GB` or `64KiB` means; `Invalid` if it means none."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise _refused(f"trigger size ({text}) invalid: a number with a unit, like 100MB or 64KiB")
    number, unit, binary = match.groups()
    return int(float(number) * (1024 if binary else 1000) ** _POWERS[unit.lower()])


class _Row(NamedTuple):
    """A branch that has a trigger."""

    branch: int
    repo: int
    name: str
    head: int
    trigger: str
    triggered: int

    def read(self) -> Trigger:
        """Its trigger."""
        return decode(self.trigger)


_SELECT = "SELECT branch, repo, name, head, trigger, triggered FROM branches WHERE trigger IS NOT NULL"

# How many commits there are from one back to another, which is not counted; no further than so many.
_COUNT = (
    "WITH RECURSIVE line (number, place) AS (SELECT ?, 1 UNION ALL SELECT commits.parent, place + 1"
    " FROM commits JOIN line USING (number) WHERE commits.parent != ? AND place < ?) SELECT max(place) FROM line"
)


def decode(text: str) -> Trigger:
    """The trigger as a row has it."""
    return Trigger(**json.loads(text))


def set_trigger(made: Step, branch: int, trigger: Trigger) -> None:
    """Let the branch move by this trigger from now on; `Invalid` if nothing can move by it."""
    _check(made.tx, branch, trigger)
    made.tx.run(
        "UPDATE branches SET trigger = ?, triggered = ?, updated = ? WHERE branch = ?",
        *(json.dumps(asdict(trigger)), made.now, made.now, branch),
    )


def _check(tx: Tx, branch: int, trigger: Trigger) -> None:
    if not trigger.branch:
        raise _refused("triggers must specify a branch to trigger on")
    check_name(trigger.branch)
    if trigger.size:
        parse_size(trigger.size)
    for spec in filter(None, (trigger.rate_limit_spec, trigger.cron_spec)):
        cron.next_instant(spec, 0)
    if trigger.commits < 0:
        raise _refused("can't trigger on a negative number of commits")
    if trigger.cron_spec and (trigger.size or trigger.rate_limit_spec or trigger.commits):
        raise _refused("a trigger with a cron spec takes no other condition")
    row = tx.one("SELECT repo, name FROM branches WHERE branch = ?", branch)
    assert row is not None  # the caller has just made or found it
    watches = {each.name: each.read().branch for each in _in_repo(tx, row[0]) if each.branch != branch}
    watched: str | None = trigger.branch
    while watched is not None:
        if watched == row[1]:
            raise _refused("triggers cannot form a loop")
        watched = watches.get(watched)


def _refused(text: str) -> Invalid:
    return Invalid(text, kind="bad-trigger", code=Code.UNKNOWN)


def fire(made: Step, finished: Iterable[int]) -> None:
    """Move the branches whose triggers fire because these commits have finished, and those that watch them in turn."""
    for number in sorted(finished):
        row = made.tx.one(SELECT_COMMIT + " WHERE number = ? AND error = ''", number)
        if row is None:
            continue
        commit = CommitRow(*row)
        for watched in sorted({each.read().branch for each in _in_repo(made.tx, commit.repo)}):
            newest = _newest_finished(made.tx, commit.repo, watched)
            if newest is not None and newest.number == number:
                _fire_watching(made, watched, commit)


def next_due(tx: Tx) -> int | None:
    """When the next schedule's time comes, or came; None without one."""
    return min((instant for _, instant in _scheduled(tx)), default=None)


def fire_due(made: Step) -> None:
    """Move the branches whose schedule's time has come, to the newest finished commit of what they watch."""
    for row, instant in _scheduled(made.tx):
        if instant > made.now:
            continue
        made.tx.run("UPDATE branches SET triggered = ? WHERE branch = ?", made.now, row.branch)
        newest = _newest_finished(made.tx, row.repo, row.read().branch)
        if newest is not None and newest.number != row.head:
            made.point(row.repo, row.name, newest.number)
            _fire_watching(made, row.name, newest)


def _in_repo(tx: Tx, repo: int) -> list[_Row]:
    return [_Row(*row) for row in tx.all(_SELECT + " AND repo = ? ORDER BY branch", repo)]


def _scheduled(tx: Tx) -> Iterator[tuple[_Row, int]]:
    for row in (_Row(*row) for row in tx.all(_SELECT + " ORDER BY branch")):
        spec = row.read().cron_spec
        instant = cron.next_instant(spec, row.triggered) if spec else None
        if instant is not None:
            yield row, instant


def _newest_finished(tx: Tx, repo: int, branch: str) -> CommitRow | None:
    """The newest commit in the branch's line that has finished without an error."""
    found = read_pointer(tx, repo, branch)
    row = read_commit(tx, found.head) if found else None
    while row is not None and (row.finished is None or row.error):
        row = read_parent(tx, row)
    return row


def _fire_watching(made: Step, watched: str, head: CommitRow) -> None:
    for row in _in_repo(made.tx, head.repo):
        trigger = row.read()
        if trigger.branch != watched or row.head == head.number:
            continue
        if fires(trigger, _news(made.tx, read_commit(made.tx, row.head), head, trigger.commits)):
            made.point(row.repo, row.name, head.number)
            _fire_watching(made, row.name, head)


def _news(tx: Tx, old: CommitRow, new: CommitRow, most: int) -> News:
    counted = tx.one(_COUNT, new.number, old.number, most) if most else None
    return News(new.size - old.size, counted[0] if counted else 0, old.finishing or 0, new.finishing or 0)
