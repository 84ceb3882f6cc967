"""The graph of branches: which follow which, and the commits that downstream branches get when upstream ones move.

A branch with provenance is an output branch. Whenever a branch upstream of it gets another head, it gets an open
commit made from the heads of its provenance, in the same transaction and with the same id, so that everything that
one change leads to is one commit set from the beginning.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from howdah.db.database import Tx
from howdah.errors import Code, Invalid, WrongState
from howdah.infos import Origin
from howdah.names import USER_TYPE, Branch, Project, Repo, new_commit_id
from howdah.pfs import triggers
from howdah.pfs.rows import base_tree, read_commit
from howdah.pfs.steps import Step
from howdah.store.store import Store


class Way(enum.Enum):
    """Which way along the graph: to what something is made from, or to what is made from it."""

    UP = enum.auto()
    DOWN = enum.auto()


_UP = "SELECT upstream FROM branch_provenance WHERE branch = ? ORDER BY upstream"
_DOWN = "SELECT branch FROM branch_provenance WHERE upstream = ? ORDER BY branch"
BRANCH_EDGES = {Way.UP: _UP, Way.DOWN: _DOWN}
COMMIT_EDGES = {
    Way.UP: "SELECT upstream FROM provenance WHERE number = ? ORDER BY upstream",
    Way.DOWN: "SELECT number FROM provenance WHERE upstream = ? ORDER BY number",
}
_ABOVE = (
    "WITH RECURSIVE above (branch) AS (SELECT upstream FROM branch_provenance WHERE branch = ?"
    " UNION SELECT upstream FROM branch_provenance JOIN above USING (branch))"
    " SELECT branch, repo FROM above JOIN branches USING (branch) ORDER BY branch"
)
_DOWN_MOVED = "SELECT branch FROM branch_provenance WHERE upstream = ? AND never = 0 ORDER BY branch"


@contextmanager
def step(store: Store, *, id: str = "") -> Iterator[Step]:
    """One step, with this id if told: what is downstream of branches that move in the block follows at its end.

    Then the triggers of branches fire with the commits that have finished. What moves by them is a commit set of its
    own, in the same transaction.
    """
    with store.database.write() as tx:
        made = Step(tx, store.now(), id or new_commit_id())
        yield made
        propagate(made)
        fired = Step(tx, made.now, new_commit_id())
        triggers.fire(fired, made.finished)
        propagate(fired)


def propagate(made: Step) -> None:
    """Give the branches downstream of those that moved their commits of this step, upstream ones first."""
    reached = _reach(made.tx, made.moved, _DOWN_MOVED)
    for branch in _upstream_first(made.tx, reached):
        follow(made, branch)


def follow(made: Step, branch: int) -> None:
    """Give an output branch its open commit of this step; the one that it has is made from the present heads."""
    row = made.tx.one("SELECT repo, name, head FROM branches WHERE branch = ?", branch)
    assert row is not None  # edges go with their branches
    repo, called, number = row
    head = read_commit(made.tx, number)
    if head.id != made.id:
        number = made.add_commit(repo, number, base_tree(made.tx, head), origin=Origin.AUTO)
        made.point(repo, called, number)
    derive(made.tx, number, direct_provenance(made.tx, branch))


def derive(tx: Tx, number: int, upstream: Iterable[int]) -> None:
    """Note that the commit is made from the heads of these branches."""
    tx.run("DELETE FROM provenance WHERE number = ?", number)
    tx.many(
        "INSERT OR IGNORE INTO provenance (number, upstream) SELECT ?, head FROM branches WHERE branch = ?",
        [(number, branch) for branch in upstream],
    )


def direct_provenance(tx: Tx, branch: int) -> list[int]:
    """The branches that this one follows directly."""
    return [found for (found,) in tx.all(_UP, branch)]


def direct_subvenance(tx: Tx, branch: int) -> list[int]:
    """The branches that follow this one directly."""
    return [found for (found,) in tx.all(_DOWN, branch)]


def provenance(tx: Tx, branch: int) -> list[int]:
    """All branches upstream of this one, those further up first."""
    return _upstream_first(tx, _reach(tx, {branch}, _UP))


def subvenance(tx: Tx, branch: int) -> list[int]:
    """All branches downstream of this one, the nearer ones first."""
    return _upstream_first(tx, _reach(tx, {branch}, _DOWN))


def walk(tx: Tx, start: Iterable[int], edges: str, *, depth: int = 0) -> Iterator[int]:
    """What is reached from `start` along edges, each once, the nearer first; at most `depth` edges away if not 0."""
    level = [*start]
    seen = set(level)
    done = 0
    while level and (not depth or done < depth):
        found: dict[int, None] = {}
        for number in level:
            found.update(dict.fromkeys(next for (next,) in tx.all(edges, number) if next not in seen))
        yield from found
        seen.update(found)
        level = [*found]
        done += 1


def set_provenance(made: Step, branch: int, upstream: dict[int, bool]) -> bool:
    """Let the branch follow these (and whether an edge never propagates), and no others; whether that changes it.

    A graph with a circle, or that would need two commits of one repo in one commit set, is `Invalid`.
    """
    tx = made.tx
    rows = tx.all("SELECT upstream, never FROM branch_provenance WHERE branch = ?", branch)
    if {row[0]: bool(row[1]) for row in rows} == upstream:
        return False
    tx.run("DELETE FROM branch_provenance WHERE branch = ?", branch)
    tx.many(
        "INSERT INTO branch_provenance (branch, upstream, never) VALUES (?, ?, ?)",
        [(branch, each, int(never)) for each, never in upstream.items()],
    )
    if not upstream.keys() <= {row[0] for row in rows}:  # what is taken away makes nothing wrong
        _check(tx, branch)
    tx.run("UPDATE branches SET updated = ? WHERE branch = ?", made.now, branch)
    return True


def _check(tx: Tx, branch: int) -> None:
    _check_above(tx, branch)
    for below in _reach(tx, {branch}, _DOWN):
        _check_above(tx, below)


def _check_above(tx: Tx, branch: int) -> None:
    above: dict[int, int] = dict(tx.all(_ABOVE, branch))
    if branch in above:
        raise _refused(f"branch {name(tx, branch)} cannot be in its own provenance: the graph may have no circle")
    seen: set[int] = set()
    own = tx.one("SELECT repo FROM branches WHERE branch = ?", branch)
    for each, repo in above.items():
        if (repo,) == own:
            raise _refused(f"repo {name(tx, branch).repo} cannot be in the provenance of its own branch")
        if repo in seen:
            told = name(tx, each).repo
            raise _refused(f'multiple branches from the same repo, "{told}", cannot participate in a DAG')
        seen.add(repo)


def _refused(text: str) -> Invalid:
    return Invalid(text, kind="bad-provenance", code=Code.UNKNOWN)


def is_made_by_pipeline(tx: Tx, number: int) -> bool:
    """Whether the commit is made from one that tells what a pipeline does, and so is a job's."""
    found = tx.one("SELECT 1 FROM provenance JOIN pipeline_versions ON spec = upstream WHERE number = ?", number)
    return found is not None


def check_writable(tx: Tx, branch: Branch, number: int, head: int) -> None:
    """Raise `WrongState` if only following makes commits on the branch, or only updates of a pipeline."""
    if direct_provenance(tx, number):
        text = f"cannot start a commit on an output branch: {branch} follows other branches; commit to those"
        raise WrongState(text, kind="output-branch")
    if tx.one("SELECT 1 FROM pipeline_versions WHERE spec = ?", head) is not None:
        text = f"cannot start a commit on {branch}: its commits are versions of a pipeline; update the pipeline"
        raise WrongState(text, kind="of-pipeline")


def check_not_of_pipeline(tx: Tx, branch: int) -> None:
    """Raise `WrongState` if a pipeline writes the branch, which then is what that makes of it."""
    found = tx.one(
        "SELECT 1 FROM branch_provenance AS p JOIN branches ON branches.branch = p.upstream"
        " JOIN pipeline_versions ON spec = head WHERE p.branch = ?",
        branch,
    )
    if found is not None:
        told = name(tx, branch)
        text = f"branch {told} is written by pipeline {told.repo.name}: update, stop or delete the pipeline"
        raise WrongState(text, kind="of-pipeline")


def check_unfollowed(tx: Tx, branch: int, *, force: bool, outside: Repo | None = None) -> None:
    """Raise `WrongState` if branches follow this one directly (in repos of another name or project than `outside`)."""
    if force:
        return
    below = [name(tx, each) for each in direct_subvenance(tx, branch)]
    own = replace(outside, type=USER_TYPE) if outside is not None else None
    names = [str(each) for each in below if replace(each.repo, type=USER_TYPE) != own]
    if names:
        raise WrongState(
            f'branch "{name(tx, branch)}" cannot be deleted because it\'s in the direct provenance of'
            f" {', '.join(names)}: delete that first, or use force",
            kind="followed",
        )


def name(tx: Tx, branch: int) -> Branch:
    """The branch with this number."""
    row = tx.one(
        "SELECT projects.name, repos.name, repos.type, branches.name FROM branches"
        " JOIN repos ON repos.repo = branches.repo JOIN projects ON projects.project = repos.project"
        " WHERE branches.branch = ?",
        branch,
    )
    assert row is not None  # read in the transaction in which its number was found
    return Branch(Repo(Project(row[0]), row[1], row[2]), row[3])


def _reach(tx: Tx, start: Iterable[int], edges: str) -> set[int]:
    """What can be reached along edges from `start`, which itself is in it only on a circle."""
    found: set[int] = set()
    waiting = list(start)
    while waiting:
        for (branch,) in tx.all(edges, waiting.pop()):
            if branch not in found:
                found.add(branch)
                waiting.append(branch)
    return found


def _upstream_first(tx: Tx, branches: set[int]) -> list[int]:
    """These branches, each after those of them that it follows."""
    order: dict[int, None] = {}
    seen: set[int] = set()
    rest = [(branch, False) for branch in sorted(branches, reverse=True)]
    while rest:  # no recursion: a chain of branches may be longer than Python's stack
        branch, is_behind = rest.pop()
        if is_behind:
            order[branch] = None
        elif branch not in seen:
            seen.add(branch)
            rest.append((branch, True))
            rest += [(upstream, False) for upstream in reversed(direct_provenance(tx, branch)) if upstream in branches]
    return list(order)
