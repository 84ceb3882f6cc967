"""From what a caller names to the commit that is meant."""

from __future__ import annotations

import re

from howdah.db.database import Tx
from howdah.errors import Invalid, NotFound, WrongState
from howdah.names import Branch, Commit, is_commit_id
from howdah.pfs import repos
from howdah.pfs.rows import MADE_FROM, CommitRow, Pointer, read_commit, read_pointer

_EXPRESSION = re.compile(r"(?P<base>[^\^~.]*)(?P<steps>(?:[\^~][0-9]{0,18}|\.[0-9]{1,18})*)\Z")
_STEP = re.compile(r"([\^~.])([0-9]*)")


def commit(tx: Tx, named: Commit) -> CommitRow:
    """The commit that an id or an expression names; `NotFound` names what is missing.

    The id of a commit set without a commit in the repo names the one that the set's commits are made from.
    """
    repo = repos.number(tx, named.repo)
    if not named.id:
        raise Invalid(f"commit of repo {named.repo} must be specified: a branch name or a commit id", kind="bad-name")
    match = _EXPRESSION.match(named.id)
    if match is None:
        raise Invalid(f"commit {named} invalid: not an id, nor a branch with an ancestry like ^2", kind="bad-name")
    found = _base(tx, repo, Commit(named.repo, match["base"]))
    for sign, digits in _STEP.findall(match["steps"]):
        found = _from_root(tx, found, int(digits)) if sign == "." else _back(tx, found, int(digits or "1"))
    return found


def head(tx: Tx, branch: Branch) -> CommitRow:
    """The branch's newest commit; `NotFound` without the branch."""
    return read_commit(tx, pointer(tx, branch).head)


def pointer(tx: Tx, branch: Branch) -> Pointer:
    """Where the branch points; `NotFound` without it."""
    found = read_pointer(tx, repos.number(tx, branch.repo), branch.name)
    if found is None:
        raise NotFound(f'branch "{branch.name}" not found in repo {branch.repo}', kind="branch-not-found")
    return found


def _base(tx: Tx, repo: int, named: Commit) -> CommitRow:
    if not is_commit_id(named.id):
        return head(tx, Branch(named.repo, named.id))
    row = tx.one("SELECT number FROM commits WHERE repo = ? AND id = ?", repo, named.id) or tx.one(
        f"{MADE_FROM} SELECT number FROM commits JOIN made_from USING (number)"  # noqa: S608 -- constant text
        " WHERE repo = ? ORDER BY number DESC LIMIT 1",
        *(named.id, repo),
    )
    if row is None:
        raise NotFound(f"commit {named} not found", kind="commit-not-found")
    return read_commit(tx, row[0])


def _back(tx: Tx, row: CommitRow, steps: int) -> CommitRow:
    for done in range(steps):
        if row.parent is None:
            raise WrongState(f"commit {row.id} has only {done} of the {steps} ancestors asked for", kind="no-ancestor")
        row = read_commit(tx, row.parent)
    return row


def _from_root(tx: Tx, row: CommitRow, place: int) -> CommitRow:
    line = [row]
    while line[-1].parent is not None:
        line.append(read_commit(tx, line[-1].parent))
    if not 1 <= place <= len(line):
        raise WrongState(f"commit {row.id} has {len(line)} commits in its line, not {place}", kind="no-ancestor")
    return line[-place]
