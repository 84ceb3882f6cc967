"""Write into commits: a session gathers one stream of writes, then lets it happen as a whole.

The order is always the same: bytes (chunks, then nodes) become durable in the bucket, then one transaction makes
them true. That transaction checks that nothing it was computed from has moved, and otherwise the tree is computed
again; so no lock is held while bytes move, and no write is lost or half done.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from howdah.db.database import Tx
from howdah.errors import HowdahError, Invalid, WrongState
from howdah.infos import Origin
from howdah.names import Branch, Commit, check_branch_name, is_commit_id
from howdah.pfs import folding, graph, repos, resolve
from howdah.pfs.changes import Operations
from howdah.pfs.gathering import Gathering
from howdah.pfs.rows import CommitRow, base_tree, read_commit, read_parent, read_pointer, usable_ancestor
from howdah.pfs.steps import Step
from howdah.store.blobs import Writer
from howdah.store.store import Store
from howdah.store.tree import EMPTY

_Result = TypeVar("_Result")

# So many operations in one stream are folded at once; fewer wait with the commit, so that a thousand small
# streams into one open commit do not rewrite its tree a thousand times.
_FOLD_AT = 1000
# A commit, and those after it that have failed, so that what is opened on them builds on it.
_BUILT_ON = (
    "WITH RECURSIVE built_on (number) AS (SELECT ? UNION ALL SELECT commits.number FROM commits"
    " JOIN built_on ON commits.parent = built_on.number WHERE error != '')"
)


class Session(Gathering):
    """One stream of writes into a commit; used by one thread at a time.

    A commit that takes no writes is told at the beginning, before bytes are sent; with `late`, for what is sent as a
    whole, at the end. Little that is sent so is durable by one transaction alone (`store/shelf.py`).
    """

    def __init__(self, store: Store, commit: Commit, *, late: bool = False) -> None:
        super().__init__(store, is_small=late)
        self._commit = commit
        if not late:
            with store.database.read() as tx:
                _target(tx, commit)

    def close(self) -> None:
        """Let everything happen. When this returns it is durable; when it raises, nothing of it happened."""
        self._end_file()
        # One after the other costs each its own work; at once, all but the first would do theirs again.
        with self._store.queues.turn(self._commit):
            while not _write(self._store, self._commit, self._writer, self._operations):
                pass  # the branch or commit moved in between: computed again from where it is now


@dataclass(frozen=True, slots=True)
class _Target:
    """Where writes go: into the open commit `open`, or as a new commit on the branch `name` after `head`.

    `base` is what the new commit builds on.
    """

    repo: int
    name: str
    head: CommitRow | None
    open: CommitRow | None
    base: CommitRow | None = None


def _target(tx: Tx, named: Commit) -> _Target:
    repo = repos.number(tx, named.repo)
    if not named.id:
        raise Invalid(f"commit of repo {named.repo} must be specified: a branch name or a commit id", kind="bad-name")
    found = read_pointer(tx, repo, named.id)
    if found is not None:
        head = read_commit(tx, found.head)
        is_open = head.finished is None
        if not is_open:
            graph.check_writable(tx, Branch(named.repo, named.id), found.branch, found.head)
        return _Target(repo, named.id, head, head if is_open else None, usable_ancestor(tx, head))
    if is_commit_id(named.id) or any(sign in named.id for sign in "^~."):
        row = resolve.commit(tx, named)
        if row.finished is not None:
            raise _already_finished(named, row)
        return _Target(repo, "", None, row)
    return _Target(repo, check_branch_name(named.id), None, None)


def _already_finished(named: Commit, row: CommitRow) -> WrongState:
    return WrongState(f"commit {Commit(named.repo, row.id)} has already finished", kind="already-finished")


def _write(store: Store, named: Commit, writer: Writer, operations: Operations) -> bool:
    """Try once; returns False if what it built on moved meanwhile."""
    with store.database.read() as tx:
        target = _target(tx, named)
    if target.open is not None:
        return _append(store, named, target.open, writer, operations)
    folded = folding.fold(store, writer, target.base.tree if target.base else EMPTY, operations)
    fault = folding.faults(store.read_node.beside(writer.read), folded.tree.root, folded.suspects)
    if fault:
        raise Invalid(fault, kind="bad-tree")
    writer.flush()
    with graph.step(store) as made:
        if _target(made.tx, named) != target:
            return False
        writer.record(made.tx)
        parent = target.head.number if target.head else None
        number = made.add_commit(target.repo, parent, folded.tree, origin=Origin.USER, is_finished=True)
        made.point(target.repo, target.name, number)
        made.finished.add(number)
    return True


def _append(store: Store, named: Commit, row: CommitRow, writer: Writer, operations: Operations) -> bool:
    writer.flush()
    with store.database.write() as tx:
        current = read_commit(tx, row.number)
        if current.finished is not None:
            if is_commit_id(named.id):
                raise _already_finished(named, current)
            return False  # the branch's head was finished meanwhile: this becomes a commit of its own
        writer.record(tx)
        append(tx, row.number, operations)
    if len(operations) >= _FOLD_AT:
        # The writes are durable: a failure from here on must not tell the writer otherwise, who would write them again.
        # Whoever reads or finishes the commit folds them, and is told what is the matter.
        with suppress(HowdahError):
            folding.settle(store, row.number)
    return True


def append(tx: Tx, number: int, operations: Operations) -> None:
    """Let the operations, whose bytes are recorded, wait with an open commit, by its number."""
    tx.many("INSERT INTO edits (number, edits) VALUES (?, ?)", [(number, data) for data in operations.blocks()])


class _Unsettled(Exception):  # noqa: N818 -- no error: it is caught where the step can be tried again
    """A commit that is to be finished has edits that are not folded yet."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def step(store: Store, verb: Callable[[Step], _Result], *, id: str = "") -> _Result:
    """The verb's result, in a step in which commits can be finished; the verb may be run more than once.

    Trees are computed between the tries, so that no bytes move while the step keeps other writers waiting.
    """
    while True:
        try:
            with graph.step(store, id=id) as made:
                return verb(made)
        except _Unsettled as unsettled:
            folding.settle(store, unsettled.number)


def finish(store: Store, named: Commit, description: str = "", *, error: str = "") -> None:
    """Finish an open commit, as a step of its own; see `finish_in`."""
    step(store, lambda made: finish_in(made, store, named, description, error=error))


def finish_in(  # noqa: PLR0913 -- what may be told of a commit's end
    made: Step, store: Store, named: Commit, description: str = "", *, error: str = "", force: bool = False
) -> str:
    """Finish an open commit; a `description` replaces the one given at its start. For verbs that `step` runs.

    A tree that cannot be (a file where a directory is) makes the commit finish with an error, which is returned;
    commits after it build on the ancestor before it. What a pipeline makes is finished by `force` alone.
    """
    tx = made.tx
    row = resolve.commit(tx, named)
    if row.finished is not None:
        raise _already_finished(named, row)
    if not force and graph.is_made_by_pipeline(tx, row.number):
        raise WrongState("cannot finish a pipeline output or meta commit, use 'stop job' instead", kind="of-pipeline")
    if error and folding.open_base(tx, row) is not None:  # what it would hold is not known, and nothing builds on it
        tx.run("DELETE FROM edits WHERE number = ?", row.number)
    else:
        folding.check_base(tx, row)
    if tx.one("SELECT 1 FROM edits WHERE number = ?", row.number) is not None:
        raise _Unsettled(row.number)
    fault = error or folding.faults(store.read_node, row.root, json.loads(row.suspects))
    tx.run(
        "UPDATE commits SET finishing = ?, finished = ?, error = ?, description = ? WHERE number = ?",
        *(made.now, made.now, fault, description or row.description, row.number),
    )
    made.finished.add(row.number)
    # What was opened on this one before it had content begins with that content now.
    tree = base_tree(tx, row._replace(error=fault))
    tx.run(
        f"{_BUILT_ON} UPDATE commits SET tree = ?, files = ?, size = ? WHERE finished IS NULL"  # noqa: S608 -- constant text
        " AND parent IN (SELECT number FROM built_on)",
        *(row.number, tree.root, tree.files, tree.size),
    )
    return fault


def clear(tx: Tx, named: Commit) -> None:
    """Take back everything that was written into an open commit: its files are again those that it began with."""
    row = resolve.commit(tx, named)
    if row.finished is not None:
        raise _already_finished(named, row)
    tree = base_tree(tx, read_parent(tx, row))
    tx.run("DELETE FROM edits WHERE number = ?", row.number)
    tx.run(
        "UPDATE commits SET tree = ?, files = ?, size = ?, suspects = '[]' WHERE number = ?",
        *(tree.root, tree.files, tree.size, row.number),
    )
