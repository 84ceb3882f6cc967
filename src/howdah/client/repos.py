"""Verbs on repos."""

from __future__ import annotations

from collections.abc import Iterator

from howdah.client.channel import Connection
from howdah.infos import RepoInfo
from howdah.names import USER_TYPE, Project, Repo
from howdah.wire import pfs
from howdah.wire.gen import pfs_pb2


def create(conn: Connection, repo: Repo, description: str = "", *, update: bool = False) -> None:
    """Create the repo; with `update`, change the description of one that exists."""
    request = pfs_pb2.CreateRepoRequest(repo=pfs.repo_to_wire(repo), description=description, update=update)
    conn.call(conn.pfs.CreateRepo, request)


def list(conn: Connection, *, project: Project | None = None, type: str = USER_TYPE) -> Iterator[RepoInfo]:
    """The repos of `project`, or of all projects, by project and name; an empty `type` gives all types."""
    projects = [] if project is None else [pfs.project_to_wire(project)]
    request = pfs_pb2.ListRepoRequest(type=type, projects=projects)
    yield from map(pfs.repo_info_from_wire, conn.stream(conn.pfs.ListRepo, request))


def inspect(conn: Connection, repo: Repo) -> RepoInfo:
    """The repo, with its exact size; raises `NotFound`."""
    request = pfs_pb2.InspectRepoRequest(repo=pfs.repo_to_wire(repo))
    return pfs.repo_info_from_wire(conn.call(conn.pfs.InspectRepo, request))


def delete(conn: Connection, repo: Repo, *, force: bool = False) -> bool:
    """Delete the repo with all its branches and commits; False where there was none."""
    request = pfs_pb2.DeleteRepoRequest(repo=pfs.repo_to_wire(repo), force=force)
    return conn.call(conn.pfs.DeleteRepo, request).deleted


def delete_all(conn: Connection, project: Project | None = None, *, force: bool = False) -> tuple[Repo, ...]:
    """Delete all repos, of one project or of all, or none where one is a pipeline's; which they were."""
    projects = [] if project is None else [pfs.project_to_wire(project)]
    request = pfs_pb2.DeleteReposRequest(projects=projects, all=project is None, force=force)
    gone = map(pfs.repo_from_wire, conn.call(conn.pfs.DeleteRepos, request).repos)
    return tuple(each for each in gone if each is not None)
