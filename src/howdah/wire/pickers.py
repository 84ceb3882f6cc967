"""Pickers, by which some calls name repos, branches and commits, to Howdah's nouns.

Each raises `Invalid` where the message picks nothing.
"""

from __future__ import annotations

from howdah.errors import Invalid
from howdah.names import DEFAULT_PROJECT, USER_TYPE, Branch, Commit, Project, Repo
from howdah.wire.gen import pfs_pb2


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


def _nothing(noun: str) -> Invalid:
    return Invalid(f"picker names no {noun}", kind="bad-message")
