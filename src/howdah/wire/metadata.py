"""Edits of metadata to messages and back."""

from __future__ import annotations

from howdah.errors import Invalid
from howdah.names import Branch, Commit, Pipeline, Project, Repo
from howdah.wire import pickers
from howdah.wire.gen import metadata_pb2

Target = Project | Repo | Branch | Commit | Pipeline | None


def target_from_wire(message: metadata_pb2.Edit) -> Target:
    """What carries the metadata, None for the cluster; `Invalid` where the message names nothing."""
    kind = message.WhichOneof("target")
    if kind == "project":
        return pickers.project_from_wire(message.project)
    if kind == "repo":
        return pickers.repo_from_wire(message.repo)
    if kind == "branch":
        return pickers.branch_from_wire(message.branch)
    if kind == "commit":
        return pickers.commit_from_wire(message.commit)
    if kind == "pipeline":
        return pickers.pipeline_from_wire(message.pipeline)
    if kind == "cluster":
        return None
    raise Invalid("edit names no project, repo, branch, commit, pipeline or cluster", kind="bad-message")


def target_to_wire(target: Target) -> metadata_pb2.Edit:
    """An edit of this target that does nothing yet."""
    if isinstance(target, Project):
        return metadata_pb2.Edit(project=pickers.project_to_wire(target))
    if isinstance(target, Repo):
        return metadata_pb2.Edit(repo=pickers.repo_to_wire(target))
    if isinstance(target, Branch):
        return metadata_pb2.Edit(branch=pickers.branch_to_wire(target))
    if isinstance(target, Commit):
        return metadata_pb2.Edit(commit=pickers.commit_to_wire(target))
    if isinstance(target, Pipeline):
        return metadata_pb2.Edit(pipeline=pickers.pipeline_to_wire(target))
    return metadata_pb2.Edit(cluster=metadata_pb2.ClusterPicker())
