"""Schedules of pipelines: each instant is a file in the repo of its input, in a commit of its own, named by it.

The next instant is counted from the newest file there, or from the schedule's start. So what passed while no server
ran, or while the pipeline was stopped, is made up for, one commit after the other, and a crash in between repeats none.
A clock that was wrong for a while, and wrote instants of years to come, ends no schedule.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timezone

from howdah.errors import Code, NotFound, WrongState
from howdah.names import DEFAULT_BRANCH, Branch, Commit, File, Pipeline
from howdah.pfs import clock, cron, files, repos, writing
from howdah.pfs.rows import read_pointer
from howdah.pps import rows
from howdah.pps.inputs import CronInput
from howdah.pps.rows import VersionRow
from howdah.store.store import Store

MOST = 1000
"""So many instants that passed are made up for; where there are more, the newest ones."""

_AHEAD = 24 * 3600 * 1_000_000  # an instant that is later than this was written by a clock that was wrong
_AT_ONCE = 50  # ticks in one turn, so that it does not take long
_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
_PAGE = 20


def run(store: Store, pipeline: Pipeline) -> None:
    """Let it be time for every schedule of a pipeline; `WrongState` if it has none."""
    with store.database.read() as tx:
        crons = _crons(rows.newest(tx, rows.get(tx, pipeline).repo))
    if not crons:
        raise WrongState("pipeline doesn't have a cron input", kind="no-cron", code=Code.UNKNOWN)
    now = clock.moment(store.now())
    for each in crons:
        tick(store, each, now)


def tick(store: Store, cron: CronInput, instant: datetime) -> None:
    """Write a schedule's instant; once more changes nothing but that there is another commit."""
    session = writing.Session(store, Commit(cron.files().source().repo, DEFAULT_BRANCH))
    if cron.overwrite:
        session.delete("/")
    session.put(f"/{instant.strftime(_FORMAT)}", b"")
    session.close()


def passed(spec: str, last: int, now: int) -> list[int]:
    """The schedule's instants after `last`, up to `now`, times as rows have them; at most `MOST`, the newest ones."""
    found = _between(spec, last, now)
    length = now - last
    while len(found) > MOST:  # how many they are is not known before they are counted
        length //= 2
        found = _between(spec, now - length, now)
    return found


def _between(spec: str, last: int, now: int) -> list[int]:
    """The first instants after `last`; one more than `MOST` where there are more."""
    found: list[int] = []
    instant = cron.next_instant(spec, last)
    while instant is not None and instant <= now and len(found) <= MOST:
        found.append(instant)
        instant = cron.next_instant(spec, instant)
    return found


def _crons(version: VersionRow) -> list[CronInput]:
    spec = version.read()
    return [*spec.input.crons()] if spec.input is not None else []


class Ticking:
    """Writes the instants that come, of the pipelines that are not stopped. For one thread at a time.

    The instants that it has found it remembers, so that a turn in which nothing is due costs little.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._newest: dict[Branch, tuple[int, int]] = {}  # by the head in which it was found

    def turn(self) -> int | None:
        """Write what is due, the oldest first, but not too much at once; returns when more is or will be, if ever.

        A schedule that fails keeps none of the others from their turn; its error is raised when they have had it.
        """
        found: list[int] = []
        failed: Exception | None = None
        for each in self._scheduled():
            try:
                due = self._keep(each)
            except Exception as error:  # noqa: BLE001 -- raised below
                failed = error
            else:
                found += [] if due is None else [due]
        if failed is not None:
            raise failed
        return min(found, default=None)

    def _scheduled(self) -> list[CronInput]:
        with self._store.database.read() as tx:
            found = rows.telling(tx, '"cron":')
        return [each for version in found for each in _crons(version)]

    def _keep(self, told: CronInput) -> int | None:
        """Write what is due of a schedule; when its next instant comes, or came."""
        branch, now = told.files().source(), self._store.now()
        head, last = self._last(branch, told)
        if last is None:
            return None
        first = cron.next_instant(told.spec, last)
        if first is None or first > now:
            return first
        due = passed(told.spec, last, now)
        for instant in due[:_AT_ONCE]:
            tick(self._store, told, clock.moment(instant))
            self._newest[branch] = (head, instant)  # true if somebody keeps a commit open there, and so the head
        return now if len(due) > _AT_ONCE else cron.next_instant(told.spec, due[-1])

    def _last(self, branch: Branch, told: CronInput) -> tuple[int, int | None]:
        """The branch's head, and the newest instant there or else the schedule's start; None where the repo is gone."""
        with self._store.database.read() as tx:
            try:
                pointer = read_pointer(tx, repos.number(tx, branch.repo), branch.name)
            except NotFound:
                return 0, None
        head = 0 if pointer is None else pointer.head
        known = self._newest.get(branch)
        now = self._store.now()
        if known is not None and known[0] == head and known[1] <= now + _AHEAD:
            return known
        newest = _newest(self._store, branch, now) if head else None
        if newest is not None:
            self._newest[branch] = (head, newest)
            return head, newest
        assert told.start is not None  # specifications are kept with all defaults
        return head, clock.microseconds(told.start)


def _newest(store: Store, branch: Branch, now: int) -> int | None:
    """The newest of the instants that files of the branch's head are named by; now, if all are of days to come."""
    marker, found_later = "", False
    while True:
        found = [
            *files.list(store, File(Commit(branch.repo, branch.name), "/"), after=marker, number=_PAGE, reverse=True)
        ]
        for info in found:
            marker = info.file.path
            with suppress(ValueError):
                instant = clock.microseconds(datetime.strptime(marker, f"/{_FORMAT}").replace(tzinfo=timezone.utc))
                if instant <= now + _AHEAD:
                    return instant
                found_later = True
        if len(found) < _PAGE:
            return now if found_later else None
