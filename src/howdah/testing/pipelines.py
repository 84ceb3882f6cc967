"""Repos and pipelines of each test's own, on a store that runs them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

from howdah.client import commits, files, jobs, pipelines, repos
from howdah.client.channel import Connection
from howdah.infos import JobInfo
from howdah.names import Branch, Commit, File, Job, Pipeline, Project, Repo

_numbers = count(1)


class Mill:
    """Makes repos and pipelines whose names nothing else has, and waits for what comes of them."""

    def __init__(self, conn: Connection) -> None:
        self.conn = conn

    def repo(self, files: Mapping[str, bytes] | None = None) -> str:
        """A new repo; with files, in one commit on master."""
        name = f"repo{next(_numbers)}"
        repos.create(self.conn, Repo(Project(), name))
        if files:
            self.put(name, files)
        return name

    def put(
        self, repo: str, content: Mapping[str, bytes], *, delete: Sequence[str] = (), branch: str = "master"
    ) -> str:
        """One commit on a branch; the id of its set."""
        commit = commits.start(self.conn, Branch(Repo(Project(), repo), branch))
        with files.modify(self.conn, commit) as changes:
            for path in delete:
                changes.delete(path)
            for path, data in content.items():
                changes.put(path, data)
        commits.finish(self.conn, commit)
        return commit.id

    def pipeline(self, given: str | Mapping[str, Any], *script: str, update: bool = False, **spec: Any) -> str:
        """A pipeline that runs lines of the shell on an input: a document of one, or a repo's files one by one."""
        name = spec.pop("name", None) or f"pipeline{next(_numbers)}"
        transform = {"cmd": ["sh", "-e"], "stdin": list(script), **spec.pop("transform", {})}
        document = {
            "pipeline": {"name": name},
            "input": pfs(given) if isinstance(given, str) else dict(given),
            "transform": transform,
            **spec,
        }
        reprocess = spec.pop("reprocess", False)
        pipelines.create(self.conn, json.dumps(document), update=update, reprocess=reprocess)
        return str(name)

    def wait(self, pipeline: str, id: str = "") -> JobInfo:
        """The job of a commit set, or else the newest one, when it is over."""
        if not id:
            id = next(iter(self.jobs(pipeline))).job.id
        *_, last = jobs.watch(self.conn, Job(Pipeline(Project(), pipeline), id))
        return last

    def jobs(self, pipeline: str) -> list[JobInfo]:
        """The jobs of a pipeline, the newest first."""
        return [*jobs.list(self.conn, pipeline=Pipeline(Project(), pipeline), history=-1)]

    def read(self, repo: str, commit: str = "master") -> dict[str, bytes]:
        """All files of a commit."""
        top = File(Commit(Repo(Project(), repo), commit), "/")
        found = files.get_tree(self.conn, top)
        return {path: b"".join(content) for path, content in found if content is not None}


def pfs(repo: str, glob: str = "/*", **fields: Any) -> dict[str, Any]:
    """An input of a repo's files."""
    return {"pfs": {"repo": repo, "glob": glob, **fields}}
