"""pfs_v2.API: commit sets, and the walks along what is made from what."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator

from google.protobuf.empty_pb2 import Empty

from howdah.infos import CommitState
from howdah.names import Project
from howdah.pfs import branches, commits, commitsets
from howdah.pfs.graph import Way
from howdah.pfs.paging import PAGE
from howdah.server import queueable
from howdah.server.grpc_commits import CommitCalls
from howdah.server.methods import Context
from howdah.server.requests import need
from howdah.wire import pfs as wire
from howdah.wire import pickers
from howdah.wire.gen import pfs_pb2


class CommitSetCalls(CommitCalls):
    """Answers for commit sets, and for provenance and subvenance."""

    async def InspectCommitSet(
        self, request: pfs_pb2.InspectCommitSetRequest, _: Context
    ) -> AsyncIterator[pfs_pb2.CommitInfo]:
        found = await self._look(lambda tx: commitsets.inspect(tx, request.commit_set.id))
        if request.wait:
            found.sort(key=lambda info: info.state < CommitState.FINISHED)
        for info in found:
            is_waited_for = request.wait and info.state < CommitState.FINISHED
            told = await self._reached(info.commit, CommitState.FINISHED) if is_waited_for else info
            yield wire.commit_info_to_wire(told)

    async def ListCommitSet(
        self, request: pfs_pb2.ListCommitSetRequest, _: Context
    ) -> AsyncIterator[pfs_pb2.CommitSetInfo]:
        project = Project(request.project.name) if request.project.name else None
        async for infos in self._bridge.batches(lambda: commitsets.list(self._store.database, project), PAGE):
            for info in infos:
                members = map(wire.commit_info_to_wire, info.commits)
                yield pfs_pb2.CommitSetInfo(commit_set=pfs_pb2.CommitSet(id=info.id), commits=members)

    async def SquashCommitSet(self, request: pfs_pb2.SquashCommitSetRequest, context: Context) -> Empty:
        return await self._queueable(queueable.squash_commit_set, request, context)

    async def DropCommitSet(self, request: pfs_pb2.DropCommitSetRequest, _: Context) -> Empty:
        await self._step(lambda made: commitsets.drop(made, request.commit_set.id))
        return Empty()

    async def SquashCommit(self, request: pfs_pb2.SquashCommitRequest, _: Context) -> pfs_pb2.SquashCommitResponse:
        commit = need(wire.commit_from_wire(request.commit), "commit")
        await self._step(lambda made: commitsets.squash_commit(made, commit, recursive=request.recursive))
        return pfs_pb2.SquashCommitResponse()

    async def DropCommit(self, request: pfs_pb2.DropCommitRequest, _: Context) -> pfs_pb2.DropCommitResponse:
        commit = need(wire.commit_from_wire(request.commit), "commit")
        await self._step(lambda made: commitsets.drop_commit(made, commit, recursive=request.recursive))
        return pfs_pb2.DropCommitResponse()

    async def WalkCommitProvenance(
        self, request: pfs_pb2.WalkCommitProvenanceRequest, _: Context
    ) -> AsyncIterator[pfs_pb2.CommitInfo]:
        start = [*map(pickers.commit_from_wire, request.start)]
        limits = {"depth": request.max_depth, "number": _number(request.max_commits)}
        async for info in self._all(lambda tx: commits.walk(tx, start, Way.UP, **limits)):
            yield wire.commit_info_to_wire(info)

    async def WalkCommitSubvenance(
        self, request: pfs_pb2.WalkCommitSubvenanceRequest, _: Context
    ) -> AsyncIterator[pfs_pb2.CommitInfo]:
        start = [*map(pickers.commit_from_wire, request.start)]
        limits = {"depth": request.max_depth, "number": _number(request.max_commits)}
        async for info in self._all(lambda tx: commits.walk(tx, start, Way.DOWN, **limits)):
            yield wire.commit_info_to_wire(info)

    async def WalkBranchProvenance(
        self, request: pfs_pb2.WalkBranchProvenanceRequest, _: Context
    ) -> AsyncIterator[pfs_pb2.BranchInfo]:
        start = [*map(pickers.branch_from_wire, request.start)]
        limits = {"depth": request.max_depth, "number": _number(request.max_branches)}
        async for info in self._all(lambda tx: branches.walk(tx, start, Way.UP, **limits)):
            yield wire.branch_info_to_wire(info)

    async def WalkBranchSubvenance(
        self, request: pfs_pb2.WalkBranchSubvenanceRequest, _: Context
    ) -> AsyncIterator[pfs_pb2.BranchInfo]:
        start = [*map(pickers.branch_from_wire, request.start)]
        limits = {"depth": request.max_depth, "number": _number(request.max_branches)}
        async for info in self._all(lambda tx: branches.walk(tx, start, Way.DOWN, **limits)):
            yield wire.branch_info_to_wire(info)


def _number(number: int) -> int:
    """As many are asked for; more than there can be are as many as can be counted."""
    return min(number, sys.maxsize)
