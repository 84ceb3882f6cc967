"""Pipelines and their versions as rows, and finding them."""

from __future__ import annotations

import functools
import json
import re
from typing import NamedTuple

from howdah.db.database import Tx
from howdah.documents import Document
from howdah.errors import NotFound
from howdah.names import DEFAULT_BRANCH, Branch, Pipeline, Project, Repo
from howdah.pfs import repos
from howdah.pps import effective
from howdah.pps.spec import Spec

SPEC_TYPE = "spec"
META_TYPE = "meta"

SELECT_PIPELINE = (
    "SELECT repo, projects.name, repos.name, pipelines.created, stopped, state, reason, tries, pipelines.metadata"
    " FROM pipelines JOIN repos USING (repo) JOIN projects USING (project)"
)
_VERSIONS = "SELECT repo, version, spec, told, effective, salt, created FROM pipeline_versions AS v"
_VERSION = f"{_VERSIONS} WHERE repo = ?"
_TELLING = (
    "WHERE repo IN (SELECT repo FROM pipelines WHERE stopped <= ?) AND instr(effective, ?) > 0"
    " AND version = (SELECT max(version) FROM pipeline_versions AS n WHERE n.repo = v.repo) ORDER BY repo"
)
_MOST = 1 << 31
_NAME = re.compile(r"(?P<name>[^\^]*)\^(?P<back>[0-9]{0,9})\Z")


class PipelineRow(NamedTuple):
    """A pipeline as stored; the columns are described with the table."""

    repo: int
    project: str
    name: str
    created: int
    stopped: int
    state: int
    reason: str
    tries: int
    metadata: str

    @property
    def pipeline(self) -> Pipeline:
        """Its name."""
        return Pipeline(Project(self.project), self.name)


class VersionRow(NamedTuple):
    """A version of a pipeline as stored."""

    repo: int
    version: int
    spec: int
    told: str
    effective: str
    salt: str
    created: int

    def document(self) -> Document:
        """The specification as its user wrote it."""
        found: Document = json.loads(self.told)
        return found

    def read(self) -> Spec:
        """The specification, with all defaults."""
        return _read(self.effective)


@functools.lru_cache(256)
def _read(told: str) -> Spec:
    return effective.read(json.loads(told))


def repo(pipeline: Pipeline, type: str = "user") -> Repo:
    """The repo that the pipeline writes, or of another type that of the same name."""
    return Repo(pipeline.project, pipeline.name, type)


def spec_branch(pipeline: Pipeline) -> Branch:
    """The branch whose commits are the pipeline's versions."""
    return Branch(repo(pipeline, SPEC_TYPE), DEFAULT_BRANCH)


def find(tx: Tx, pipeline: Pipeline) -> PipelineRow | None:
    """The pipeline's row; None without it."""
    try:
        return get(tx, pipeline)
    except NotFound:
        return None


def get(tx: Tx, pipeline: Pipeline) -> PipelineRow:
    """The pipeline's row; `NotFound` without it."""
    return read(tx, repos.pipeline(tx, pipeline))


def read(tx: Tx, repo: int) -> PipelineRow:
    """The row of the pipeline that writes this repo."""
    row = tx.one(f"{SELECT_PIPELINE} WHERE repo = ?", repo)
    assert row is not None  # the caller has found it in the same transaction
    return PipelineRow(*row)


def versions(tx: Tx, repo: int, history: int = 0) -> list[VersionRow]:
    """A pipeline's newest version and so many before it, the newest first; all of them if it is negative."""
    limit = -1 if history < 0 else min(history, _MOST) + 1
    return [VersionRow(*row) for row in tx.all(f"{_VERSION} ORDER BY version DESC LIMIT ?", repo, limit)]


def newest(tx: Tx, repo: int) -> VersionRow:
    """A pipeline's newest version."""
    return versions(tx, repo)[0]


def telling(tx: Tx, word: str, *, stopped: bool = False) -> list[VersionRow]:
    """The newest versions whose specification has this word, of pipelines that are not stopped, or also of others."""
    return [VersionRow(*row) for row in tx.all(f"{_VERSIONS} {_TELLING}", int(stopped), word)]


def version(tx: Tx, repo: int, number: int) -> VersionRow:
    """A pipeline's version of this number."""
    row = tx.one(f"{_VERSION} AND version = ?", repo, number)
    assert row is not None  # the caller knows the number from the same transaction
    return VersionRow(*row)


def named(tx: Tx, pipeline: Pipeline) -> tuple[PipelineRow, VersionRow]:
    """The pipeline of this name, at its newest version, or with `NAME^2` at the second before it."""
    match = _NAME.match(pipeline.name)
    if match is None:
        row = get(tx, pipeline)
        return row, newest(tx, row.repo)
    row = get(tx, Pipeline(pipeline.project, match["name"]))
    found = versions(tx, row.repo, -1)
    back = int(match["back"] or "1")
    if back >= len(found):
        count = "1 version" if len(found) == 1 else f"{len(found)} versions"
        raise NotFound(f'pipeline "{pipeline}" not found: it has {count}', kind="pipeline-not-found")
    return row, found[back]
