"""pfs_v2.API: commits."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from functools import partial

from google.protobuf.empty_pb2 import Empty

from howdah.infos import CommitInfo
from howdah.names import Branch, Commit
from howdah.pfs import commits, history, writing
from howdah.pfs.paging import PAGE
from howdah.pfs.resolve import commit as resolve_commit
from howdah.server import queueable
from howdah.server.calls import Calls
from howdah.server.methods import Context
from howdah.server.requests import need, origin, state
from howdah.wire import pfs as wire
from howdah.wire.gen import pfs_pb2


class CommitCalls(Calls):
    """Answers for commits. Waiting calls hold neither a thread nor a transaction."""

    async def StartCommit(self, request: pfs_pb2.StartCommitRequest, context: Context) -> pfs_pb2.Commit:
        return await self._queueable(queueable.start_commit, request, context)

    async def FinishCommit(self, request: pfs_pb2.FinishCommitRequest, context: Context) -> Empty:
        return await self._queueable(queueable.finish_commit, request, context)

    async def ClearCommit(self, request: pfs_pb2.ClearCommitRequest, _: Context) -> Empty:
        commit = need(wire.commit_from_wire(request.commit), "commit")
        await self._step(lambda made: writing.clear(made.tx, commit))
        return Empty()

    async def InspectCommit(self, request: pfs_pb2.InspectCommitRequest, _: Context) -> pfs_pb2.CommitInfo:
        named = need(wire.commit_from_wire(request.commit), "commit")
        found = await self._look(lambda tx: commits.inspect(tx, named))
        # A wait is for the commit that was meant when it began, wherever the branch goes meanwhile.
        return wire.commit_info_to_wire(await self._reached(found.commit, state(request.wait)))

    async def ListCommit(self, request: pfs_pb2.ListCommitRequest, _: Context) -> AsyncIterator[pfs_pb2.CommitInfo]:
        kind = origin(request.origin_kind, all=request.all)
        before = wire.time_from_wire(request.started_time) if request.HasField("started_time") else None
        repo = need(wire.repo_from_wire(request.repo), "repo")

        def found() -> Iterator[CommitInfo]:
            return commits.list(
                self._store.database,
                repo,
                to=wire.commit_from_wire(request.to, of=repo),
                since=wire.commit_from_wire(getattr(request, "from"), of=repo),
                number=request.number,
                reverse=request.reverse,
                origin=kind,
                started_before=before,
            )

        async for infos in self._bridge.batches(found, PAGE):
            for info in infos:
                yield wire.commit_info_to_wire(info)

    async def SubscribeCommit(
        self, request: pfs_pb2.SubscribeCommitRequest, _: Context
    ) -> AsyncIterator[pfs_pb2.CommitInfo]:
        branch = Branch(need(wire.repo_from_wire(request.repo), "repo"), need(request.branch or None, "branch"))
        since = wire.commit_from_wire(getattr(request, "from"), of=branch.repo)
        told = await self._look(lambda tx: resolve_commit(tx, since).number) if since is not None else None
        kind = origin(request.origin_kind, all=request.all)
        wanted = state(request.state)

        async def newer() -> tuple[int, list[int]] | None:
            found = await self._look(lambda tx: commits.line_of_branch(tx, branch, told))
            return found if found[1] else None

        while True:
            told, line = await self._changes.until(newer)
            for at in range(0, len(line), PAGE):
                for info in await self._look(partial(commits.numbered, numbers=line[at : at + PAGE])):
                    if kind is None or info.origin == kind:
                        reached = info if info.state >= wanted else await self._reached(info.commit, wanted)
                        yield wire.commit_info_to_wire(reached)

    async def FindCommits(
        self, request: pfs_pb2.FindCommitsRequest, _: Context
    ) -> AsyncIterator[pfs_pb2.FindCommitsResponse]:
        start = need(wire.commit_from_wire(request.start), "commit")
        found = lambda: history.find(self._store, start, request.file_path, request.limit)  # noqa: E731 -- short
        async for batch in self._bridge.batches(found, 1):
            for each in batch:
                commit = wire.commit_to_wire(each.commit)
                yield pfs_pb2.FindCommitsResponse(
                    found_commit=commit if each.is_found else None,
                    last_searched_commit=None if each.is_found else commit,
                    commits_searched=each.searched,
                )

    async def _reached(self, commit: Commit, state: int) -> CommitInfo:
        """The commit as soon as it is at least in `state`; a commit with an error counts as any other."""

        async def look() -> CommitInfo | None:
            info = await self._look(lambda tx: commits.inspect(tx, commit))
            return info if info.state >= state else None

        return await self._changes.until(look)
