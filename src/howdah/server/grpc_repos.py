"""pfs_v2.API: projects, repos and branches."""

from __future__ import annotations

from collections.abc import AsyncIterator

from google.protobuf.empty_pb2 import Empty

from howdah.pfs import branches, projects, repos
from howdah.server.bridge import Bridge
from howdah.server.methods import Context
from howdah.server.requests import need, refuse
from howdah.store.store import Store
from howdah.wire import pfs as wire
from howdah.wire.gen import pfs_pb2


class RepoCalls:
    """Answers for projects, repos and branches; each call is one transaction."""

    _store: Store
    _bridge: Bridge

    async def CreateProject(self, request: pfs_pb2.CreateProjectRequest, _: Context) -> Empty:
        def verb() -> None:
            project = wire.project_from_wire(request.project)
            with self._store.database.write() as tx:
                projects.create(tx, project, request.description, now=self._store.now(), update=request.update)

        await self._bridge.run(verb)
        return Empty()

    async def InspectProject(self, request: pfs_pb2.InspectProjectRequest, _: Context) -> pfs_pb2.ProjectInfo:
        def verb() -> pfs_pb2.ProjectInfo:
            with self._store.database.read() as tx:
                return wire.project_info_to_wire(projects.inspect(tx, wire.project_from_wire(request.project)))

        return await self._bridge.run(verb)

    async def InspectProjectV2(
        self, request: pfs_pb2.InspectProjectV2Request, context: Context
    ) -> pfs_pb2.InspectProjectV2Response:
        info = await self.InspectProject(pfs_pb2.InspectProjectRequest(project=request.project), context)
        return pfs_pb2.InspectProjectV2Response(info=info, defaults_json="{}")

    async def ListProject(self, _: pfs_pb2.ListProjectRequest, __: Context) -> AsyncIterator[pfs_pb2.ProjectInfo]:
        def verb() -> list[pfs_pb2.ProjectInfo]:
            with self._store.database.read() as tx:
                return [wire.project_info_to_wire(info) for info in projects.list(tx)]

        for message in await self._bridge.run(verb):
            yield message

    async def DeleteProject(self, request: pfs_pb2.DeleteProjectRequest, _: Context) -> Empty:
        def verb() -> None:
            with self._store.database.write() as tx:
                projects.delete(tx, wire.project_from_wire(request.project), force=request.force)

        await self._bridge.run(verb)
        return Empty()

    async def CreateRepo(self, request: pfs_pb2.CreateRepoRequest, _: Context) -> Empty:
        def verb() -> None:
            repo = need(wire.repo_from_wire(request.repo), "repo")
            with self._store.database.write() as tx:
                repos.create(tx, repo, request.description, now=self._store.now(), update=request.update)

        await self._bridge.run(verb)
        return Empty()

    async def InspectRepo(self, request: pfs_pb2.InspectRepoRequest, _: Context) -> pfs_pb2.RepoInfo:
        def verb() -> pfs_pb2.RepoInfo:
            repo = need(wire.repo_from_wire(request.repo), "repo")
            with self._store.database.read() as tx:
                return wire.repo_info_to_wire(repos.inspect(tx, repo))

        return await self._bridge.run(verb)

    async def ListRepo(self, request: pfs_pb2.ListRepoRequest, _: Context) -> AsyncIterator[pfs_pb2.RepoInfo]:
        def verb() -> list[pfs_pb2.RepoInfo]:
            chosen = [wire.project_from_wire(project) for project in request.projects]
            with self._store.database.read() as tx:
                found = [*repos.list(tx, type=request.type, projects=chosen)]
            page = repos.page(found, request.page.page_size, request.page.page_index)
            return [wire.repo_info_to_wire(info) for info in page]

        for message in await self._bridge.run(verb):
            yield message

    async def DeleteRepo(self, request: pfs_pb2.DeleteRepoRequest, _: Context) -> pfs_pb2.DeleteRepoResponse:
        def verb() -> bool:
            repo = need(wire.repo_from_wire(request.repo), "repo")
            with self._store.database.write() as tx:
                return repos.delete(tx, repo)

        return pfs_pb2.DeleteRepoResponse(deleted=await self._bridge.run(verb))

    async def CreateBranch(self, request: pfs_pb2.CreateBranchRequest, _: Context) -> Empty:
        def verb() -> None:
            refuse("provenance of branches", when=bool(request.provenance))
            refuse("the trigger of a branch", when=request.HasField("trigger"))
            branch = need(wire.branch_from_wire(request.branch), "branch")
            head = wire.commit_from_wire(request.head, of=branch.repo)
            with self._store.database.write() as tx:
                branches.create(tx, branch, head, now=self._store.now())

        await self._bridge.run(verb)
        return Empty()

    async def InspectBranch(self, request: pfs_pb2.InspectBranchRequest, _: Context) -> pfs_pb2.BranchInfo:
        def verb() -> pfs_pb2.BranchInfo:
            branch = need(wire.branch_from_wire(request.branch), "branch")
            with self._store.database.read() as tx:
                return wire.branch_info_to_wire(branches.inspect(tx, branch))

        return await self._bridge.run(verb)

    async def ListBranch(self, request: pfs_pb2.ListBranchRequest, _: Context) -> AsyncIterator[pfs_pb2.BranchInfo]:
        def verb() -> list[pfs_pb2.BranchInfo]:
            repo = wire.repo_from_wire(request.repo)
            with self._store.database.read() as tx:
                return [wire.branch_info_to_wire(info) for info in branches.list(tx, repo, reverse=request.reverse)]

        for message in await self._bridge.run(verb):
            yield message

    async def DeleteBranch(self, request: pfs_pb2.DeleteBranchRequest, _: Context) -> Empty:
        def verb() -> None:
            branch = need(wire.branch_from_wire(request.branch), "branch")
            with self._store.database.write() as tx:
                branches.delete(tx, branch)

        await self._bridge.run(verb)
        return Empty()
