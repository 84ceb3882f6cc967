"""A store with a repo of images, and pipelines on it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from howdah.infos import JobInfo, PipelineInfo
from howdah.names import Branch, Commit, Job, Pipeline, Project, Repo
from howdah.pfs import commits, writing
from howdah.pps import pipelines, telling
from howdah.pps.telling import Which
from howdah.store.store import Store
from tests.pfs.stores import REPO, new_store, write

EDGES, COUNT = (Pipeline(Project(), name) for name in ("edges", "count"))


@contextmanager
def pipeline_store(data: Path) -> Iterator[Store]:
    """A store with one image in the repo `images`."""
    with new_store(data) as store:
        write(store, {"/1.png": b"one"})
        yield store


def document(pipeline: Pipeline = EDGES, source: str = "images", **more: Any) -> dict[str, Any]:
    """A specification over one repo."""
    named = {"project": {"name": pipeline.project.name}, "name": pipeline.name}
    return {
        "pipeline": named,
        "transform": {"cmd": ["true"]},
        "input": {"pfs": {"repo": source, "glob": "/*"}},
    } | more


def create(store: Store, told: dict[str, Any], *, update: bool = False, reprocess: bool = False) -> None:
    """Create a pipeline, or update it."""
    wish = pipelines.Wish(told, json.dumps(told), update, reprocess)
    writing.step(store, lambda made: pipelines.create(made, store, wish))


def put(store: Store, path: str, data: bytes = b"x", repo: Repo = REPO) -> str:
    """One file in a commit of its own; the commit's id."""
    write(store, {path: data}, Commit(repo, "master"))
    with store.database.read() as tx:
        return commits.inspect(tx, Commit(repo, "master")).commit.id


def info(store: Store, pipeline: Pipeline = EDGES) -> PipelineInfo:
    """What is told of the pipeline."""
    with store.database.read() as tx:
        return telling.pipeline(tx, pipeline)


def listed(store: Store, pipeline: Pipeline | None = EDGES, **words: Any) -> list[JobInfo]:
    """Jobs, of one pipeline or all."""
    return [*telling.jobs(store.database, Which(pipeline, **words))]


def newest(store: Store, pipeline: Pipeline = EDGES) -> Job:
    """The pipeline's newest job."""
    return listed(store, pipeline)[0].job


def states(store: Store, pipeline: Pipeline = EDGES) -> list[str]:
    """The states of a pipeline's jobs, the newest first."""
    return [each.state.name.removeprefix("JOB_") for each in listed(store, pipeline, history=-1)]


def commit(store: Store, pipeline: Pipeline, id: str, type: str = "user") -> Any:
    """What is told of a commit of the pipeline's repo."""
    with store.database.read() as tx:
        return commits.inspect(tx, Commit(Repo(pipeline.project, pipeline.name, type), id))


def output(pipeline: Pipeline = EDGES) -> Branch:
    """The branch that a pipeline writes."""
    return Branch(Repo(pipeline.project, pipeline.name))
