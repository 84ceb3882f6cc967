"""The requests that a transaction may hold, each as one verb on a step, so that alone and together are the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from howdah import documents
from howdah.errors import Invalid
from howdah.infos import JobState
from howdah.pfs import branches, commits, commitsets, repos, writing
from howdah.pfs.steps import Step
from howdah.pps import effective, jobs, pipelines
from howdah.pps.machine import JobRun
from howdah.server import requests
from howdah.server.requests import need
from howdah.store.store import Store
from howdah.wire import pfs as wire
from howdah.wire import pps
from howdah.wire.gen import pfs_pb2, pps_pb2, transaction_pb2


def create_repo(_: Store, made: Step, request: pfs_pb2.CreateRepoRequest) -> Empty:
    """See `repos.create`."""
    repo = need(wire.repo_from_wire(request.repo), "repo")
    repos.create(made.tx, repo, request.description, now=made.now, update=request.update)
    return Empty()


def delete_repo(_: Store, made: Step, request: pfs_pb2.DeleteRepoRequest) -> pfs_pb2.DeleteRepoResponse:
    """See `repos.delete`."""
    repo = need(wire.repo_from_wire(request.repo), "repo")
    return pfs_pb2.DeleteRepoResponse(deleted=repos.delete(made.tx, repo, force=request.force))


def start_commit(_: Store, made: Step, request: pfs_pb2.StartCommitRequest) -> pfs_pb2.Commit:
    """See `commits.start`."""
    branch = need(wire.branch_from_wire(request.branch), "branch")
    parent = wire.commit_from_wire(request.parent, of=branch.repo)
    return wire.commit_to_wire(commits.start(made, branch, request.description, parent=parent))


def finish_commit(store: Store, made: Step, request: pfs_pb2.FinishCommitRequest) -> Empty:
    """See `writing.finish_in`."""
    commit = need(wire.commit_from_wire(request.commit), "commit")
    writing.finish_in(made, store, commit, request.description, error=request.error, force=request.force)
    return Empty()


def squash_commit_set(_: Store, made: Step, request: pfs_pb2.SquashCommitSetRequest) -> Empty:
    """See `commitsets.squash`."""
    commitsets.squash(made, request.commit_set.id)
    return Empty()


def create_branch(_: Store, made: Step, request: pfs_pb2.CreateBranchRequest) -> Empty:
    """See `branches.create`."""
    branch = need(wire.branch_from_wire(request.branch), "branch")
    head = wire.commit_from_wire(request.head, of=branch.repo)
    trigger = wire.trigger_from_wire(request.trigger) if request.HasField("trigger") else None
    provenance = wire.provenance_from_wire(request)
    branches.check_free(made.tx, branch)
    branches.create(made, branch, head, provenance=provenance, trigger=trigger, anew=request.new_commit_set)
    return Empty()


def delete_branch(_: Store, made: Step, request: pfs_pb2.DeleteBranchRequest) -> Empty:
    """See `branches.delete`."""
    branch = need(wire.branch_from_wire(request.branch), "branch")
    branches.check_free(made.tx, branch)
    branches.delete(made.tx, branch, force=request.force)
    return Empty()


def create_pipeline(
    store: Store, made: Step, request: pps_pb2.CreatePipelineTransaction
) -> pps_pb2.CreatePipelineV2Response:
    """See `pipelines.create`."""
    message = request.create_pipeline_request
    document = documents.parse_one(request.user_json) if request.user_json else pps.document_from_wire(message)
    text = request.user_json or json.dumps(document)
    wish = pipelines.Wish(document, text, update=message.update, reprocess=message.reprocess)
    spec = pipelines.create(made, store, wish)
    return pps_pb2.CreatePipelineV2Response(effective_create_pipeline_request_json=json.dumps(effective.write(spec)))


def stop_job(store: Store, made: Step, request: pps_pb2.StopJobRequest) -> Empty:
    """See `jobs.stop`."""
    jobs.stop(made, store, need(pps.job_from_wire(request.job), "job"), request.reason)
    return Empty()


def update_job_state(store: Store, made: Step, request: pps_pb2.UpdateJobStateRequest) -> Empty:
    """See `jobs.update`."""
    job = need(pps.job_from_wire(request.job), "job")
    if request.state not in {*JobState} - {JobState.JOB_STATE_UNKNOWN}:
        raise Invalid(f"job state ({request.state}) invalid: it must be one of a job's", kind="bad-message")
    run = JobRun(
        state=JobState(request.state),
        reason=request.reason,
        restart=requests.small(request.restart, "restart"),
        total=request.data_total,
        skipped=request.data_skipped,
        processed=request.data_processed,
        failed=request.data_failed,
        recovered=request.data_recovered,
    )
    stats = pps.stats_from_wire(request.stats) if request.HasField("stats") else None
    jobs.update(made, store, job, run, stats)
    return Empty()


# By the name of the request's field in a transaction's request.
VERBS: dict[str, Callable[[Store, Step, Any], Message]] = {
    "create_repo": create_repo,
    "delete_repo": delete_repo,
    "start_commit": start_commit,
    "finish_commit": finish_commit,
    "squash_commit_set": squash_commit_set,
    "create_branch": create_branch,
    "delete_branch": delete_branch,
    "create_pipeline_v2": create_pipeline,
    "stop_job": stop_job,
    "update_job_state": update_job_state,
}
_FIELDS = {type(getattr(transaction_pb2.TransactionRequest(), name)): name for name in VERBS}


def wrap(request: Message) -> transaction_pb2.TransactionRequest:
    """The request as a transaction holds it."""
    wrapped = transaction_pb2.TransactionRequest()
    getattr(wrapped, _FIELDS[type(request)]).CopyFrom(request)
    return wrapped


def carry_out(store: Store, made: Step, wrapped: transaction_pb2.TransactionRequest) -> Message:
    """What the request that a transaction holds is answered with."""
    held = [(field, request) for field, request in wrapped.ListFields() if field.name in VERBS]
    if len(held) != 1:
        raise Invalid(f"transaction request must hold one request, not {len(held)}", kind="bad-message")
    field, request = held[0]
    return VERBS[field.name](store, made, request)


def response(answer: Message) -> transaction_pb2.TransactionResponse:
    """What a transaction keeps of an answer."""
    commit = answer if isinstance(answer, pfs_pb2.Commit) else None
    return transaction_pb2.TransactionResponse(commit=commit)
