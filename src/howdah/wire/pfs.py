"""Howdah's nouns and infos to Pachyderm's messages and back.

Reading is lenient where its clients are: a repo without a name is unset wherever it appears, an empty project is
`default`, an empty repo type is `user`. Writing is canonical: every noun is filled, `Commit.repo` always, and a
commit named by its id never carries a branch. Reading back what was written gives an equal value, but for times,
which keep microseconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timezone
from typing import TypeVar

from google.protobuf.timestamp_pb2 import Timestamp

from howdah.errors import Invalid
from howdah.infos import (
    BranchInfo,
    CommitInfo,
    FileChange,
    FileInfo,
    FileType,
    Origin,
    ProjectInfo,
    RepoInfo,
    Trigger,
)
from howdah.names import DEFAULT_PROJECT, USER_TYPE, Branch, Commit, File, Project, Repo, is_commit_id
from howdah.wire.gen import pfs_pb2

_BRANCH_NAME = re.compile(r"[a-zA-Z0-9_-]+\Z")
_ANCESTRY = ("^", "~", ".")
_ORIGINS: dict[int, Origin] = {origin.value: origin for origin in Origin}

_Noun = TypeVar("_Noun")


# Times


def time_to_wire(time: datetime | None) -> Timestamp | None:
    """The timestamp of an aware datetime; None stays None."""
    if time is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(time)
    return stamp


def time_from_wire(stamp: Timestamp) -> datetime:
    """The instant as an aware datetime in UTC; raises `Invalid` for one that no calendar holds."""
    try:
        return stamp.ToDatetime(tzinfo=timezone.utc)
    except (ValueError, OverflowError) as error:
        raise Invalid(f"time ({stamp.seconds} s {stamp.nanos} ns) invalid: {error}", kind="bad-message") from error


# Nouns


def project_to_wire(project: Project) -> pfs_pb2.Project:
    """The project's message."""
    return pfs_pb2.Project(name=project.name)


def project_from_wire(message: pfs_pb2.Project) -> Project:
    """The project; `default` where the message names none."""
    return Project(message.name or DEFAULT_PROJECT)


def repo_to_wire(repo: Repo) -> pfs_pb2.Repo:
    """The repo's message."""
    return pfs_pb2.Repo(name=repo.name, type=repo.type, project=project_to_wire(repo.project))


def repo_from_wire(message: pfs_pb2.Repo) -> Repo | None:
    """The repo, or None where the message has no name: Pachyderm's client sends nameless repos for unset ones."""
    if not message.name:
        return None
    return Repo(project_from_wire(message.project), message.name, message.type or USER_TYPE)


def branch_to_wire(branch: Branch) -> pfs_pb2.Branch:
    """The branch's message."""
    return pfs_pb2.Branch(repo=repo_to_wire(branch.repo), name=branch.name)


def branch_from_wire(message: pfs_pb2.Branch) -> Branch | None:
    """The branch, or None where its repo or its name is unset."""
    repo = repo_from_wire(message.repo)
    if repo is None or not message.name:
        return None
    return Branch(repo, message.name)


def commit_to_wire(commit: Commit) -> pfs_pb2.Commit:
    """The commit's message: a plain branch name goes as a branch, a commit id or any other expression as the id."""
    repo = repo_to_wire(commit.repo)
    if _BRANCH_NAME.match(commit.id) is None or is_commit_id(commit.id):
        return pfs_pb2.Commit(repo=repo, id=commit.id)
    return pfs_pb2.Commit(repo=repo, branch=pfs_pb2.Branch(repo=repo, name=commit.id))


def commit_from_wire(message: pfs_pb2.Commit, *, of: Repo | None = None) -> Commit | None:
    """The commit with its id or expression, or None where no repo, or neither an id nor a branch, is named.

    A commit id or an expression outranks the branch; a bare ancestry (`^2`) is counted from the branch. A message
    that names no repo means a commit `of` that one.
    """
    repo = repo_from_wire(message.repo) or repo_from_wire(message.branch.repo) or of
    expression = message.id
    if not expression or expression.startswith(_ANCESTRY):
        expression = message.branch.name + expression if message.branch.name else ""
    if repo is None or not expression:
        return None
    return Commit(repo, expression)


def file_to_wire(file: File) -> pfs_pb2.File:
    """The file's message."""
    return pfs_pb2.File(commit=commit_to_wire(file.commit), path=file.path, datum=file.datum)


def file_from_wire(message: pfs_pb2.File) -> File | None:
    """The file, its path as sent, or None where its commit is unset."""
    commit = commit_from_wire(message.commit)
    return None if commit is None else File(commit, message.path, message.datum)


# Infos


def project_info_to_wire(info: ProjectInfo) -> pfs_pb2.ProjectInfo:
    """The project info's message."""
    return pfs_pb2.ProjectInfo(
        project=project_to_wire(info.project),
        description=info.description,
        created_at=time_to_wire(info.created),
        metadata=dict(info.metadata),
    )


def project_info_from_wire(message: pfs_pb2.ProjectInfo) -> ProjectInfo:
    """The project info."""
    return ProjectInfo(
        project=project_from_wire(message.project),
        description=message.description,
        created=time_from_wire(message.created_at) if message.HasField("created_at") else None,
        metadata=dict(message.metadata),
    )


def repo_info_to_wire(info: RepoInfo) -> pfs_pb2.RepoInfo:
    """The repo info's message; `details` only where the exact size is told."""
    return pfs_pb2.RepoInfo(
        repo=repo_to_wire(info.repo),
        created=time_to_wire(info.created),
        size_bytes_upper_bound=info.size_upper_bound,
        description=info.description,
        branches=[branch_to_wire(branch) for branch in info.branches],
        details=None if info.size is None else pfs_pb2.RepoInfo.Details(size_bytes=info.size),
        metadata=dict(info.metadata),
    )


def repo_info_from_wire(message: pfs_pb2.RepoInfo) -> RepoInfo:
    """The repo info; raises `Invalid` where the message names no repo."""
    return RepoInfo(
        repo=_named(repo_from_wire(message.repo), "repo"),
        description=message.description,
        created=time_from_wire(message.created) if message.HasField("created") else None,
        branches=_branches(message.branches),
        size_upper_bound=message.size_bytes_upper_bound,
        size=message.details.size_bytes if message.HasField("details") else None,
        metadata=dict(message.metadata),
    )


def provenance_from_wire(message: pfs_pb2.CreateBranchRequest) -> dict[Branch, bool]:
    """The branches that the new one is to follow, and of each whether its commits never lead to one there."""
    never = {branch_from_wire(spec.branch): spec.propagation_spec.never for spec in message.branch_propagation_specs}
    named = (_named(branch_from_wire(each), "branch of its provenance") for each in message.provenance)
    return {branch: never.get(branch, False) for branch in named}


def trigger_to_wire(trigger: Trigger) -> pfs_pb2.Trigger:
    """The trigger's message."""
    return pfs_pb2.Trigger(
        branch=trigger.branch,
        all=trigger.all,
        rate_limit_spec=trigger.rate_limit_spec,
        size=trigger.size,
        commits=trigger.commits,
        cron_spec=trigger.cron_spec,
    )


def trigger_from_wire(message: pfs_pb2.Trigger) -> Trigger:
    """The trigger."""
    return Trigger(
        message.branch, message.all, message.rate_limit_spec, message.size, message.commits, message.cron_spec
    )


def branch_info_to_wire(info: BranchInfo) -> pfs_pb2.BranchInfo:
    """The branch info's message."""
    return pfs_pb2.BranchInfo(
        branch=branch_to_wire(info.branch),
        head=None if info.head is None else commit_to_wire(info.head),
        direct_provenance=map(branch_to_wire, info.direct_provenance),
        provenance=map(branch_to_wire, info.provenance),
        subvenance=map(branch_to_wire, info.subvenance),
        metadata=dict(info.metadata),
        trigger=None if info.trigger is None else trigger_to_wire(info.trigger),
        created_at=time_to_wire(info.created),
        updated_at=time_to_wire(info.updated),
    )


def branch_info_from_wire(message: pfs_pb2.BranchInfo) -> BranchInfo:
    """The branch info; raises `Invalid` where the message names no branch."""
    return BranchInfo(
        branch=_named(branch_from_wire(message.branch), "branch"),
        head=commit_from_wire(message.head),
        direct_provenance=_branches(message.direct_provenance),
        provenance=_branches(message.provenance),
        subvenance=_branches(message.subvenance),
        metadata=dict(message.metadata),
        trigger=trigger_from_wire(message.trigger) if message.HasField("trigger") else None,
        created=time_from_wire(message.created_at) if message.HasField("created_at") else None,
        updated=time_from_wire(message.updated_at) if message.HasField("updated_at") else None,
    )


def _branches(messages: Iterable[pfs_pb2.Branch]) -> tuple[Branch, ...]:
    return tuple(_named(branch_from_wire(message), "branch") for message in messages)


def _commits(messages: Iterable[pfs_pb2.Commit]) -> tuple[Commit, ...]:
    return tuple(_named(commit_from_wire(message), "commit") for message in messages)


def commit_info_to_wire(info: CommitInfo) -> pfs_pb2.CommitInfo:
    """The commit info's message; `details` only where the exact size is told."""
    return pfs_pb2.CommitInfo(
        commit=commit_to_wire(info.commit),
        origin=pfs_pb2.CommitOrigin(kind=pfs_pb2.OriginKind.ValueType(info.origin)),
        description=info.description,
        parent_commit=None if info.parent is None else commit_to_wire(info.parent),
        child_commits=map(commit_to_wire, info.children),
        direct_provenance=map(commit_to_wire, info.direct_provenance),
        direct_subvenance=map(commit_to_wire, info.direct_subvenance),
        started=time_to_wire(info.started),
        finishing=time_to_wire(info.finishing),
        finished=time_to_wire(info.finished),
        error=info.error,
        size_bytes_upper_bound=info.size_upper_bound,
        details=None if info.size is None else pfs_pb2.CommitInfo.Details(size_bytes=info.size),
        metadata=dict(info.metadata),
        created_at=time_to_wire(info.started),
        updated_at=time_to_wire(info.finished or info.finishing or info.started),
    )


def commit_info_from_wire(message: pfs_pb2.CommitInfo) -> CommitInfo:
    """The commit info; raises `Invalid` where the message names no commit. An origin unknown here reads as USER."""
    return CommitInfo(
        commit=_named(commit_from_wire(message.commit), "commit"),
        origin=_ORIGINS.get(message.origin.kind, Origin.USER),
        description=message.description,
        parent=commit_from_wire(message.parent_commit),
        children=_commits(message.child_commits),
        direct_provenance=_commits(message.direct_provenance),
        direct_subvenance=_commits(message.direct_subvenance),
        started=time_from_wire(message.started) if message.HasField("started") else None,
        finishing=time_from_wire(message.finishing) if message.HasField("finishing") else None,
        finished=time_from_wire(message.finished) if message.HasField("finished") else None,
        error=message.error,
        size_upper_bound=message.size_bytes_upper_bound,
        size=message.details.size_bytes if message.HasField("details") else None,
        metadata=dict(message.metadata),
    )


def file_info_to_wire(info: FileInfo) -> pfs_pb2.FileInfo:
    """The file info's message."""
    return pfs_pb2.FileInfo(
        file=file_to_wire(info.file),
        file_type=pfs_pb2.FileType.ValueType(info.type),
        committed=time_to_wire(info.committed),
        size_bytes=info.size,
        hash=info.digest,
    )


def file_info_from_wire(message: pfs_pb2.FileInfo) -> FileInfo:
    """The file info; raises `Invalid` where the message names no file."""
    return FileInfo(
        file=_named(file_from_wire(message.file), "file"),
        type=FileType.DIR if message.file_type == pfs_pb2.DIR else FileType.FILE,
        size=message.size_bytes,
        digest=message.hash,
        committed=time_from_wire(message.committed) if message.HasField("committed") else None,
    )


def file_change_to_wire(change: FileChange) -> pfs_pb2.DiffFileResponse:
    """The change's message; the side that lacks the path stays unset."""
    return pfs_pb2.DiffFileResponse(
        new_file=None if change.new is None else file_info_to_wire(change.new),
        old_file=None if change.old is None else file_info_to_wire(change.old),
    )


def file_change_from_wire(message: pfs_pb2.DiffFileResponse) -> FileChange:
    """The change."""
    return FileChange(
        new=file_info_from_wire(message.new_file) if message.HasField("new_file") else None,
        old=file_info_from_wire(message.old_file) if message.HasField("old_file") else None,
    )


def _named(value: _Noun | None, noun: str) -> _Noun:
    if value is None:
        raise Invalid(f"message names no {noun}", kind="bad-message")
    return value
