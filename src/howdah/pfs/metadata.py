"""Metadata: words that people attach to projects, repos, branches, commits, pipelines and the whole cluster."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from howdah.db.database import Tx
from howdah.errors import Code, Invalid, WrongState
from howdah.names import Branch, Commit, Pipeline, Project, Repo
from howdah.pfs import projects, repos, resolve

_CLUSTER = "metadata"
_MOST = 1 << 20


@dataclass(frozen=True, slots=True)
class Replace:
    """Put this in the place of all metadata."""

    replacement: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class AddKey:
    """Add a key that is not there."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class EditKey:
    """Give a key this value, whether it is there or not."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class DeleteKey:
    """Take a key away if it is there."""

    key: str


Target = Project | Repo | Branch | Commit | Pipeline | None
"""What carries the metadata; None is the cluster."""
Operation = Replace | AddKey | EditKey | DeleteKey


@dataclass(frozen=True, slots=True)
class Edit:
    """One operation on one target's metadata."""

    target: Target
    operation: Operation


def edit(tx: Tx, edits: Sequence[Edit]) -> None:
    """Make the edits in order; if one cannot be made, the error leaves the transaction as a whole undone."""
    for each in edits:
        before = _read(tx, each.target)
        _write(tx, each.target, apply(before, each.operation, each.target))


def cluster(tx: Tx) -> dict[str, str]:
    """The cluster's metadata."""
    row = tx.one("SELECT value FROM cluster WHERE key = ?", _CLUSTER)
    found: dict[str, str] = json.loads(row[0]) if row is not None else {}
    return found


def apply(before: Mapping[str, str], operation: Operation, target: Target = None) -> dict[str, str]:
    """The metadata after an operation; `WrongState` if it is not as the operation expects."""
    if isinstance(operation, Replace):
        keys = list(operation.replacement)
        after = dict(operation.replacement)
    else:
        keys = [operation.key]
        after = dict(before)
    if "" in keys:
        raise Invalid(f"metadata of {_text(target)}: a key must not be empty", kind="bad-key")
    if isinstance(operation, AddKey) and operation.key in before:
        raise WrongState(
            f'metadata of {_text(target)}: key "{operation.key}" already exists: edit it instead',
            kind="key-exists",
            code=Code.FAILED_PRECONDITION,
        )
    if isinstance(operation, AddKey | EditKey):
        after[operation.key] = operation.value
    elif isinstance(operation, DeleteKey):
        after.pop(operation.key, None)
    return after


def _text(target: Target) -> str:
    return "the cluster" if target is None else str(target)


def _row(tx: Tx, target: Project | Repo | Branch | Commit | Pipeline) -> tuple[str, int]:
    """The table's condition and the row's number."""
    if isinstance(target, Project):
        return "projects WHERE project = ?", projects.number(tx, target)
    if isinstance(target, Repo):
        return "repos WHERE repo = ?", repos.number(tx, target)
    if isinstance(target, Branch):
        return "branches WHERE branch = ?", resolve.pointer(tx, target).branch
    if isinstance(target, Pipeline):
        return "pipelines WHERE repo = ?", repos.pipeline(tx, target)
    return "commits WHERE number = ?", resolve.commit(tx, target).number


def _read(tx: Tx, target: Target) -> dict[str, str]:
    if target is None:
        return cluster(tx)
    where, number = _row(tx, target)
    row = tx.one(f"SELECT metadata FROM {where}", number)  # noqa: S608 -- constant texts
    assert row is not None  # its number was just found
    found: dict[str, str] = json.loads(row[0])
    return found


def _write(tx: Tx, target: Target, metadata: Mapping[str, str]) -> None:
    text = json.dumps(metadata, sort_keys=True)
    if len(text) > _MOST:
        raise Invalid(f"metadata of {_text(target)} invalid: together more than {_MOST} bytes", kind="bad-metadata")
    if target is None:
        tx.run(
            "INSERT INTO cluster (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            *(_CLUSTER, text),
        )
        return
    where, number = _row(tx, target)
    table, _, condition = where.partition(" ")
    tx.run(f"UPDATE {table} SET metadata = ? {condition}", text, number)  # noqa: S608 -- constant texts
