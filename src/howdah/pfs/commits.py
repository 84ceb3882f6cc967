"""Commits: start, inspect, list. What changes a commit's files is in `changes` and `writing`."""

from __future__ import annotations

import builtins
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice

from howdah.db.database import Database, Row, Tx
from howdah.errors import Code, Invalid, WrongState
from howdah.infos import CommitInfo, Origin
from howdah.names import Branch, Commit, Repo, check_branch_name
from howdah.pfs import clock, graph, repos, resolve
from howdah.pfs.paging import LAST, PAGE, in_pages
from howdah.pfs.rows import SELECT_COMMIT, CommitRow, base_tree, read_commit, read_parent, read_pointer
from howdah.pfs.steps import Step

_PARENT = "SELECT parent FROM commits WHERE number = ?"


def start(made: Step, branch: Branch, description: str, *, parent: Commit | None = None) -> Commit:
    """Open a commit at the branch's head, or on `parent`; a missing branch is made with it as its head."""
    if not branch.name:
        raise Invalid("branch must be specified", kind="bad-name")
    check_branch_name(branch.name)
    tx = made.tx
    repo = repos.number(tx, branch.repo)
    found = read_pointer(tx, repo, branch.name)
    if found is not None:
        graph.check_writable(tx, branch, found.branch, found.head)
    before = _parent(tx, branch, parent) if parent else read_commit(tx, found.head) if found else None
    if before is not None and before.finishing is None:
        raise WrongState(
            f"parent commit {Commit(branch.repo, before.id)} has not been finished", kind="parent-not-finished"
        )
    number = made.add_commit(
        repo,
        before.number if before else None,
        base_tree(tx, before),
        origin=Origin.USER,
        description=description,
    )
    made.point(repo, branch.name, number)
    return Commit(branch.repo, made.id)


def _parent(tx: Tx, branch: Branch, parent: Commit) -> CommitRow:
    if parent.repo != branch.repo:
        raise Invalid("branch and parent commit must belong to the same repo", kind="bad-parent", code=Code.UNKNOWN)
    return resolve.commit(tx, parent)


def inspect(tx: Tx, commit: Commit) -> CommitInfo:
    """The commit; `NotFound` without it."""
    return infos(tx, [resolve.commit(tx, commit)])[0]


def list(  # noqa: PLR0913 -- one keyword for each filter of the API
    database: Database,
    repo: Repo,
    *,
    to: Commit | None = None,
    since: Commit | None = None,
    number: int = 0,
    reverse: bool = False,
    origin: Origin | None = None,
    started_before: datetime | None = None,
) -> Iterator[CommitInfo]:
    """Commits, newest first, in pages.

    With `to`: its line of parents until `since` (exclusive). Otherwise every commit of the repo. At most
    `number` of them when it is not 0; `origin` and `started_before` leave out others. `reverse` is oldest first.
    """
    if since is not None and to is None:
        raise Invalid("cannot use `from` commit without `to` commit", kind="bad-range", code=Code.UNKNOWN)
    if reverse and to is not None:
        raise Invalid("cannot use `reverse` with a `to` commit", kind="bad-range")
    latest = clock.microseconds(started_before) if started_before is not None else None

    def is_wanted(row: CommitRow) -> bool:
        return (origin is None or row.origin == origin) and (latest is None or row.started < latest)

    def page(tx: Tx, after: int | None, size: int) -> tuple[Sequence[CommitInfo], int | None]:
        holding = repos.number(tx, repo)
        found = _all(tx, holding, after, reverse=reverse) if to is None else _line(tx, to, since, after)
        rows = [*islice(filter(is_wanted, found), size)]
        return infos(tx, rows), rows[-1].number if len(rows) == size else None

    return in_pages(database, page, number)


def walk(tx: Tx, start: Iterable[Commit], way: graph.Way, *, depth: int = 0, number: int = 0) -> Iterator[CommitInfo]:
    """What these commits are made from, or what is made from them, the nearer first; limits of 0 do not limit."""
    numbers = [resolve.commit(tx, commit).number for commit in start]
    found = graph.walk(tx, numbers, graph.COMMIT_EDGES[way], depth=depth)
    some = islice(found, number) if number else found
    yield from _in_pages(tx, (read_commit(tx, each) for each in some))


def line_of_branch(tx: Tx, branch: Branch, since: int | None) -> tuple[int, builtins.list[int]]:
    """The head's number, and those of the branch's commits that were not in the line of `since`, oldest first."""
    head = resolve.head(tx, branch).number
    line: builtins.list[int] = []
    number: int | None = head
    while number is not None and number != since:
        if since is not None and since > number:  # the branch was moved: the line that was told is followed back
            before = tx.one(_PARENT, since)
            since = before[0] if before is not None else number  # one that was squashed is taken for this one
            continue
        line.append(number)
        row = tx.one(_PARENT, number)
        number = row[0] if row is not None else None
    return head, line[::-1]


def numbered(tx: Tx, numbers: Sequence[int]) -> builtins.list[CommitInfo]:
    """The commits with these numbers that are still there, in their order."""
    rows = {row[0]: CommitRow(*row) for row in _among(tx, f"{SELECT_COMMIT} WHERE number", numbers)}
    return infos(tx, [rows[number] for number in numbers if number in rows])


def _all(tx: Tx, repo: int, after: int | None, *, reverse: bool) -> Iterator[CommitRow]:
    way, order, start = (">", "ASC", 0) if reverse else ("<", "DESC", LAST)
    at = start if after is None else after
    some = f"{SELECT_COMMIT} WHERE repo = ? AND number {way} ? ORDER BY number {order} LIMIT {PAGE}"
    while rows := tx.all(some, repo, at):
        for row in rows:
            yield CommitRow(*row)
        at = rows[-1][0]


def _line(tx: Tx, to: Commit, since: Commit | None, after: int | None) -> Iterator[CommitRow]:
    end = resolve.commit(tx, since).number if since is not None else None
    row: CommitRow | None = resolve.commit(tx, to) if after is None else read_parent(tx, read_commit(tx, after))
    while row is not None and row.number != end:
        yield row
        row = read_parent(tx, row)


def _in_pages(tx: Tx, rows: Iterator[CommitRow]) -> Iterator[CommitInfo]:
    """`infos` of a stream of rows, a page of them at a time."""
    while page := [*islice(rows, PAGE)]:
        yield from infos(tx, page)


def infos(tx: Tx, rows: Sequence[CommitRow]) -> builtins.list[CommitInfo]:
    """What the API tells of these commits, in their order; few statements for all together."""
    holding = {repo: repos.noun(tx, repo) for repo in {row.repo for row in rows}}
    numbers = [row.number for row in rows]
    children = _related(tx, numbers, "SELECT parent, number FROM commits WHERE parent")
    upstream = _related(tx, numbers, "SELECT number, upstream FROM provenance WHERE number")
    downstream = _related(tx, numbers, "SELECT upstream, number FROM provenance WHERE upstream")
    others = {number for related in (children, upstream, downstream) for some in related.values() for number in some}
    others.update(row.parent for row in rows if row.parent is not None)
    names = _names(tx, builtins.list(others))

    def nouns(numbers: Iterable[int]) -> tuple[Commit, ...]:
        return tuple(names[number][0] for number in numbers)

    return [
        CommitInfo(
            Commit(holding[row.repo], row.id),
            Origin(row.origin),
            row.description,
            names[row.parent][0] if row.parent is not None else None,
            nouns(children.get(row.number, ())),
            clock.moment(row.started),
            clock.moment(row.finishing),
            clock.moment(row.finished),
            row.error,
            row.size,
            row.size if row.finished is not None else None,
            nouns(upstream.get(row.number, ())),
            nouns(downstream.get(row.number, ())),
            json.loads(row.metadata),
            all(names[number][1] for number in upstream.get(row.number, ())),
        )
        for row in rows
    ]


def _related(tx: Tx, numbers: Sequence[int], select: str) -> dict[int, builtins.list[int]]:
    """By number, the numbers that the statement gives in its second column, in order."""
    found: dict[int, builtins.list[int]] = {}
    for one, other in _among(tx, select, numbers):
        found.setdefault(one, []).append(other)
    return {number: sorted(some) for number, some in found.items()}


def _names(tx: Tx, numbers: Sequence[int]) -> dict[int, tuple[Commit, bool]]:
    """The nouns of commits by number, and whether they have finished."""
    holding: dict[int, Repo] = {}
    found = {}
    for number, repo, id, finished in _among(
        tx, "SELECT number, repo, id, finished IS NOT NULL FROM commits WHERE number", numbers
    ):
        if repo not in holding:
            holding[repo] = repos.noun(tx, repo)
        found[number] = (Commit(holding[repo], id), bool(finished))
    return found


def _among(tx: Tx, select: str, numbers: Sequence[int]) -> Iterator[Row]:
    """The rows of a statement that ends in the column to be among these numbers."""
    for start in range(0, len(numbers), PAGE):
        some = numbers[start : start + PAGE]
        yield from tx.all(f"{select} IN ({', '.join('?' * len(some))})", *some)
