"""pfs_v2.API: projects, repos and branches."""

from __future__ import annotations

from collections.abc import AsyncIterator

from google.protobuf.empty_pb2 import Empty

from howdah.errors import Corrupt
from howdah.pfs import branches, check, projects, repos
from howdah.pfs.paging import PAGE
from howdah.pps import defaults
from howdah.server import queueable
from howdah.server.calls import Calls
from howdah.server.methods import Context
from howdah.server.requests import need
from howdah.wire import pfs as wire
from howdah.wire import pickers
from howdah.wire.gen import pfs_pb2, taskapi_pb2


class RepoCalls(Calls):
    """Answers for projects, repos and branches; each call is one transaction."""

    async def CreateProject(self, request: pfs_pb2.CreateProjectRequest, _: Context) -> Empty:
        project = wire.project_from_wire(request.project)
        await self._step(
            lambda made: projects.create(made.tx, project, request.description, now=made.now, update=request.update)
        )
        return Empty()

    async def InspectProject(self, request: pfs_pb2.InspectProjectRequest, _: Context) -> pfs_pb2.ProjectInfo:
        project = wire.project_from_wire(request.project)
        return wire.project_info_to_wire(await self._look(lambda tx: projects.inspect(tx, project)))

    async def InspectProjectV2(
        self, request: pfs_pb2.InspectProjectV2Request, context: Context
    ) -> pfs_pb2.InspectProjectV2Response:
        info = await self.InspectProject(pfs_pb2.InspectProjectRequest(project=request.project), context)
        told = await self._look(lambda tx: defaults.of_project(tx, wire.project_from_wire(request.project)))
        return pfs_pb2.InspectProjectV2Response(info=info, defaults_json=told)

    async def ListProject(self, _: pfs_pb2.ListProjectRequest, __: Context) -> AsyncIterator[pfs_pb2.ProjectInfo]:
        async for info in self._all(projects.list):
            yield wire.project_info_to_wire(info)

    async def DeleteProject(self, request: pfs_pb2.DeleteProjectRequest, _: Context) -> Empty:
        project = wire.project_from_wire(request.project)
        await self._step(lambda made: projects.delete(made.tx, project, force=request.force))
        return Empty()

    async def DeleteAll(self, _: Empty, __: Context) -> Empty:
        await self._step(lambda made: projects.delete_all(made.tx, now=made.now))
        return Empty()

    async def ActivateAuth(self, _: pfs_pb2.ActivateAuthRequest, __: Context) -> pfs_pb2.ActivateAuthResponse:
        return pfs_pb2.ActivateAuthResponse()  # what is called so prepares rows for auth, and there are none to prepare

    async def CheckStorage(self, request: pfs_pb2.CheckStorageRequest, _: Context) -> pfs_pb2.CheckStorageResponse:
        if request.read_chunk_data:
            found = await self._bridge.run_patiently(check.fsck, self._store)
            if found:
                raise Corrupt(f"{found[0].text} (and {len(found) - 1} faults more; `howdah fsck` names them all)")
        rows = await self._look(lambda tx: tx.one("SELECT count(*) FROM packs"))
        return pfs_pb2.CheckStorageResponse(chunk_object_count=rows[0] if rows else 0)

    async def ListTask(self, _: taskapi_pb2.ListTaskRequest, __: Context) -> AsyncIterator[taskapi_pb2.TaskInfo]:
        waiting: tuple[taskapi_pb2.TaskInfo, ...] = ()  # nothing is handed out to workers as tasks
        for info in waiting:
            yield info

    async def CreateRepo(self, request: pfs_pb2.CreateRepoRequest, context: Context) -> Empty:
        return await self._queueable(queueable.create_repo, request, context)

    async def InspectRepo(self, request: pfs_pb2.InspectRepoRequest, _: Context) -> pfs_pb2.RepoInfo:
        repo = need(wire.repo_from_wire(request.repo), "repo")
        return wire.repo_info_to_wire(await self._look(lambda tx: repos.inspect(tx, repo)))

    async def ListRepo(self, request: pfs_pb2.ListRepoRequest, _: Context) -> AsyncIterator[pfs_pb2.RepoInfo]:
        chosen = [wire.project_from_wire(project) for project in request.projects]
        found = await self._look(lambda tx: [*repos.list(tx, type=request.type, projects=chosen)])
        for info in repos.page(found, request.page.page_size, request.page.page_index):
            yield wire.repo_info_to_wire(info)

    async def DeleteRepo(self, request: pfs_pb2.DeleteRepoRequest, context: Context) -> pfs_pb2.DeleteRepoResponse:
        return await self._queueable(queueable.delete_repo, request, context)

    async def DeleteRepos(self, request: pfs_pb2.DeleteReposRequest, _: Context) -> pfs_pb2.DeleteReposResponse:
        chosen = [wire.project_from_wire(project) for project in request.projects]
        gone = await self._step(
            lambda made: repos.delete_all(made.tx, chosen, everywhere=request.all, force=request.force)
        )
        return pfs_pb2.DeleteReposResponse(repos=map(wire.repo_to_wire, gone))

    async def ReposSummary(self, request: pfs_pb2.ReposSummaryRequest, _: Context) -> pfs_pb2.ReposSummaryResponse:
        chosen = [*map(pickers.project_from_wire, request.projects)]
        found = await self._look(lambda tx: repos.summaries(tx, chosen))
        summaries = [
            pfs_pb2.ReposSummary(project=wire.project_to_wire(project), user_repo_count=count, size_bytes=size)
            for project, count, size in found
        ]
        return pfs_pb2.ReposSummaryResponse(summaries=summaries)

    async def CreateBranch(self, request: pfs_pb2.CreateBranchRequest, context: Context) -> Empty:
        return await self._queueable(queueable.create_branch, request, context)

    async def InspectBranch(self, request: pfs_pb2.InspectBranchRequest, _: Context) -> pfs_pb2.BranchInfo:
        branch = need(wire.branch_from_wire(request.branch), "branch")
        return wire.branch_info_to_wire(await self._look(lambda tx: branches.inspect(tx, branch)))

    async def ListBranch(self, request: pfs_pb2.ListBranchRequest, _: Context) -> AsyncIterator[pfs_pb2.BranchInfo]:
        repo = wire.repo_from_wire(request.repo)
        found = lambda: branches.list(self._store.database, repo, reverse=request.reverse)  # noqa: E731 -- in a thread
        async for infos in self._bridge.batches(found, PAGE):
            for info in infos:
                yield wire.branch_info_to_wire(info)

    async def DeleteBranch(self, request: pfs_pb2.DeleteBranchRequest, context: Context) -> Empty:
        return await self._queueable(queueable.delete_branch, request, context)
