"""Pickers, by which some calls name repos, branches, commits and pipelines, to Howdah's nouns and back.

Reading raises `Invalid` where the message picks nothing.
"""

from __future__ import annotations

import re

from howdah.errors import Invalid
from howdah.names import DEFAULT_PROJECT, USER_TYPE, Branch, Commit, Pipeline, Project, Repo, is_commit_id
from howdah.wire.gen import pfs_pb2, pps_pb2

_NAME = re.compile(r"[a-zA-Z0-9_-]+\Z")


def project_from_wire(message: pfs_pb2.ProjectPicker) -> Project:
    """The project; `default` where the message names none."""
    return Project(message.name or DEFAULT_PROJECT)


def repo_from_wire(message: pfs_pb2.RepoPicker) -> Repo:
    """The repo."""
    if not message.name.name:
        raise _nothing("repo")
    return Repo(project_from_wire(message.name.project), message.name.name, message.name.type or USER_TYPE)


def branch_from_wire(message: pfs_pb2.BranchPicker) -> Branch:
    """The branch."""
    if not message.name.name:
        raise _nothing("branch")
    return Branch(repo_from_wire(message.name.repo), message.name.name)


def commit_from_wire(message: pfs_pb2.CommitPicker) -> Commit:
    """The commit, with an id or an expression."""
    kind = message.WhichOneof("picker")
    if kind == "branch_head":
        branch = branch_from_wire(message.branch_head)
        return Commit(branch.repo, branch.name)
    if kind == "id" and message.id.id:
        return Commit(repo_from_wire(message.id.repo), message.id.id)
    if kind == "ancestor":
        start = commit_from_wire(message.ancestor.start)
        return Commit(start.repo, f"{start.id}~{message.ancestor.offset}")
    if kind == "branch_root":
        branch = branch_from_wire(message.branch_root.branch)
        return Commit(branch.repo, f"{branch.name}.{message.branch_root.offset}")
    raise _nothing("commit")


def pipeline_from_wire(message: pps_pb2.PipelinePicker) -> Pipeline:
    """The pipeline."""
    if not message.name.name:
        raise _nothing("pipeline")
    return Pipeline(project_from_wire(message.name.project), message.name.name)


def _nothing(noun: str) -> Invalid:
    return Invalid(f"picker names no {noun}", kind="bad-message")


def project_to_wire(project: Project) -> pfs_pb2.ProjectPicker:
    """The project's picker."""
    return pfs_pb2.ProjectPicker(name=project.name)


def repo_to_wire(repo: Repo) -> pfs_pb2.RepoPicker:
    """The repo's picker."""
    name = pfs_pb2.RepoPicker.RepoName(project=project_to_wire(repo.project), name=repo.name, type=repo.type)
    return pfs_pb2.RepoPicker(name=name)


def pipeline_to_wire(pipeline: Pipeline) -> pps_pb2.PipelinePicker:
    """The pipeline's picker."""
    name = pps_pb2.PipelinePicker.PipelineName(project=project_to_wire(pipeline.project), name=pipeline.name)
    return pps_pb2.PipelinePicker(name=name)


def branch_to_wire(branch: Branch) -> pfs_pb2.BranchPicker:
    """The branch's picker."""
    return pfs_pb2.BranchPicker(name=pfs_pb2.BranchPicker.BranchName(repo=repo_to_wire(branch.repo), name=branch.name))


def commit_to_wire(commit: Commit) -> pfs_pb2.CommitPicker:
    """The commit's picker: of the head of a branch, or of an id or an expression."""
    if is_commit_id(commit.id) or _NAME.match(commit.id) is None:
        by_id = pfs_pb2.CommitPicker.CommitByGlobalId(repo=repo_to_wire(commit.repo), id=commit.id)
        return pfs_pb2.CommitPicker(id=by_id)
    return pfs_pb2.CommitPicker(branch_head=branch_to_wire(Branch(commit.repo, commit.id)))
