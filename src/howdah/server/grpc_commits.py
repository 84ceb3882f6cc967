"""pfs_v2.API: commits."""

from __future__ import annotations

from collections.abc import AsyncIterator

from google.protobuf.empty_pb2 import Empty

from howdah.infos import CommitInfo
from howdah.names import Branch, Commit
from howdah.pfs import commits, writing
from howdah.pfs.resolve import commit as resolve_commit
from howdah.server.bridge import Bridge, Changes
from howdah.server.methods import Context
from howdah.server.requests import need, origin, state
from howdah.store.store import Store
from howdah.wire import pfs as wire
from howdah.wire.gen import pfs_pb2


class CommitCalls:
    """Answers for commits. Waiting calls hold neither a thread nor a transaction."""

    _store: Store
    _bridge: Bridge
    _changes: Changes

    async def StartCommit(self, request: pfs_pb2.StartCommitRequest, _: Context) -> pfs_pb2.Commit:
        def verb() -> Commit:
            branch = need(wire.branch_from_wire(request.branch), "branch")
            parent = wire.commit_from_wire(request.parent, of=branch.repo)
            with self._store.database.write() as tx:
                return commits.start(tx, branch, request.description, now=self._store.now(), parent=parent)

        return wire.commit_to_wire(await self._bridge.run(verb))

    async def FinishCommit(self, request: pfs_pb2.FinishCommitRequest, _: Context) -> Empty:
        commit = need(wire.commit_from_wire(request.commit), "commit")
        await self._bridge.run(writing.finish, self._store, commit, request.description, error=request.error)
        return Empty()

    async def InspectCommit(self, request: pfs_pb2.InspectCommitRequest, _: Context) -> pfs_pb2.CommitInfo:
        named = need(wire.commit_from_wire(request.commit), "commit")
        found = await self._bridge.run(self._inspect, named)
        # A wait is for the commit that was meant when it began, wherever the branch goes meanwhile.
        return wire.commit_info_to_wire(await self._reached(found.commit, state(request.wait)))

    async def ListCommit(self, request: pfs_pb2.ListCommitRequest, _: Context) -> AsyncIterator[pfs_pb2.CommitInfo]:
        def verb() -> list[pfs_pb2.CommitInfo]:
            kind = origin(request.origin_kind, all=request.all)
            before = wire.time_from_wire(request.started_time) if request.HasField("started_time") else None
            repo = need(wire.repo_from_wire(request.repo), "repo")
            with self._store.database.read() as tx:
                found = commits.list(
                    tx,
                    repo,
                    to=wire.commit_from_wire(request.to, of=repo),
                    since=wire.commit_from_wire(getattr(request, "from"), of=repo),
                    number=request.number,
                    reverse=request.reverse,
                    origin=kind,
                    started_before=before,
                )
                return [wire.commit_info_to_wire(info) for info in found]

        for message in await self._bridge.run(verb):
            yield message

    async def SubscribeCommit(
        self, request: pfs_pb2.SubscribeCommitRequest, _: Context
    ) -> AsyncIterator[pfs_pb2.CommitInfo]:
        branch = Branch(need(wire.repo_from_wire(request.repo), "repo"), need(request.branch or None, "branch"))
        since = wire.commit_from_wire(getattr(request, "from"), of=branch.repo)
        told = await self._bridge.run(self._number, since) if since is not None else None
        kind = origin(request.origin_kind, all=request.all)
        wanted = state(request.state)

        async def newer() -> tuple[int, tuple[CommitInfo, ...]] | None:
            found = await self._bridge.run(self._line, branch, told)
            return found if found[1] else None

        while True:
            told, line = await self._changes.until(newer)
            for info in line:
                if kind is None or info.origin == kind:
                    yield wire.commit_info_to_wire(await self._reached(info.commit, wanted))

    async def _reached(self, commit: Commit, state: int) -> CommitInfo:
        """The commit as soon as it is at least in `state`; a commit with an error counts as any other."""

        async def look() -> CommitInfo | None:
            info = await self._bridge.run(self._inspect, commit)
            return info if info.state >= state else None

        return await self._changes.until(look)

    def _inspect(self, commit: Commit) -> CommitInfo:
        with self._store.database.read() as tx:
            return commits.inspect(tx, commit)

    def _number(self, commit: Commit) -> int:
        with self._store.database.read() as tx:
            return resolve_commit(tx, commit).number

    def _line(self, branch: Branch, since: int | None) -> tuple[int, tuple[CommitInfo, ...]]:
        with self._store.database.read() as tx:
            return commits.line_of_branch(tx, branch, since)
