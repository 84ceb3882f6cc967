"""The metrics that commits hold: files `metrics.json` of any program, as one flat list of names and values."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from howdah.client import commits, files
from howdah.client.channel import Connection
from howdah.errors import NotFound
from howdah.infos import CommitState, FileInfo, FileType
from howdah.names import USER_TYPE, Branch, Commit

FILE = "metrics.json"
_LIMIT = 1 << 20

Value = float | int | str | bool | None


@dataclass(frozen=True, slots=True)
class Measured:
    """A commit, what it was made from, and its metrics, by name; `faults` tell which files could not be read."""

    commit: Commit
    finished: datetime | None
    made_from: tuple[Commit, ...]
    metrics: dict[str, Value]
    faults: tuple[str, ...] = ()


def flat(value: Any, name: str = "") -> Iterator[tuple[str, Value]]:
    """The values of a document with the names that lead to them, dots between; members of lists by their numbers."""
    if isinstance(value, dict):
        below = value.items()
    elif isinstance(value, list):
        below = {str(at): each for at, each in enumerate(value)}.items()
    else:
        yield name, value
        return
    for key, each in below:
        yield from flat(each, f"{name}.{key}" if name else str(key))


def history(conn: Connection, branch: Branch, number: int = 0) -> Iterator[Measured]:
    """The finished commits of a branch that have metrics, the newest first, at most `number` where that is not 0.

    A commit that finished with an error has none.
    """
    known: dict[bytes, dict[str, Value] | str] = {}
    yield from islice(_history(conn, branch, known), number or None)


def _history(conn: Connection, branch: Branch, known: dict[bytes, dict[str, Value] | str]) -> Iterator[Measured]:
    for info in commits.list(conn, branch.repo, to=Commit(branch.repo, branch.name)):
        if info.state < CommitState.FINISHED or info.error:
            continue
        metrics: dict[str, Value] = {}
        faults: list[str] = []
        for found in _files(conn, info.commit):
            path = found.file.path
            if found.digest not in known:
                known[found.digest] = _read(b"".join(files.get(conn, found.file)) if found.size <= _LIMIT else b"")
            read = known[found.digest]
            if isinstance(read, str):
                faults.append(f"{path} of {info.commit} {read}")
                continue
            above = path.strip("/").split("/")[:-1]
            metrics.update({".".join([*above, name]): value for name, value in read.items()})
        if metrics or faults:
            sources = (each for each in info.direct_provenance if each.repo.type == USER_TYPE)
            yield Measured(info.commit, info.finished, tuple(sources), metrics, tuple(faults))


def _files(conn: Connection, commit: Commit) -> Iterator[FileInfo]:
    try:
        for found in files.glob(conn, commit, f"/**{FILE}"):
            if found.type is FileType.FILE and found.file.path.endswith(f"/{FILE}"):
                yield found
    except NotFound:  # as of a commit without files
        return


def _read(content: bytes) -> dict[str, Value] | str:
    """What a file tells, or why it tells nothing."""
    try:
        value = json.loads(content)
        return dict(flat(value)) if isinstance(value, dict) else "is no object: write names and values"
    except (ValueError, RecursionError) as error:
        return f"is no JSON: {error}" if content else f"is empty, or larger than {_LIMIT >> 20} MiB"
