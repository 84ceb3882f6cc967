"""Infos as JSON documents: protobuf's JSON form with the interface's own snake_case names.

64-bit numbers are strings and bytes are base64, as that form has it. Fields without a value of their own show their
default; messages that are unset are left out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from howdah.infos import (
    BranchInfo,
    ClusterInfo,
    CommitInfo,
    DatumInfo,
    FileChange,
    FileInfo,
    JobInfo,
    JobSetInfo,
    LogLine,
    PipelineInfo,
    ProjectInfo,
    RepoInfo,
    SecretInfo,
    TransactionInfo,
    Version,
)
from howdah.wire import cluster, pfs, pps, transactions

Info: TypeAlias = (
    ProjectInfo
    | RepoInfo
    | BranchInfo
    | CommitInfo
    | TransactionInfo
    | FileInfo
    | FileChange
    | PipelineInfo
    | JobInfo
    | JobSetInfo
    | DatumInfo
    | LogLine
    | SecretInfo
    | Version
    | ClusterInfo
)

_MESSAGES: dict[type, Callable[[Any], Message]] = {
    ProjectInfo: pfs.project_info_to_wire,
    RepoInfo: pfs.repo_info_to_wire,
    BranchInfo: pfs.branch_info_to_wire,
    CommitInfo: pfs.commit_info_to_wire,
    TransactionInfo: transactions.transaction_info_to_wire,
    FileInfo: pfs.file_info_to_wire,
    FileChange: pfs.file_change_to_wire,
    PipelineInfo: lambda info: pps.pipeline_info_to_wire(info, details=True),
    JobInfo: lambda info: pps.job_info_to_wire(info, details=info.effective != "{}"),
    JobSetInfo: pps.job_set_info_to_wire,
    DatumInfo: pps.datum_info_to_wire,
    LogLine: pps.log_line_to_wire,
    SecretInfo: pps.secret_info_to_wire,
    Version: cluster.version_to_wire,
    ClusterInfo: cluster.cluster_info_to_wire,
}


def to_document(info: Info) -> dict[str, Any]:
    """The info as a JSON object."""
    return MessageToDict(
        _MESSAGES[type(info)](info), preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
