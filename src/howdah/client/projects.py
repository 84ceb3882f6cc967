"""Verbs on projects."""

from __future__ import annotations

from collections.abc import Iterator

from howdah.client.channel import Connection
from howdah.infos import ProjectInfo
from howdah.names import Project
from howdah.wire import pfs
from howdah.wire.gen import pfs_pb2


def create(conn: Connection, project: Project, description: str = "", *, update: bool = False) -> None:
    """Create the project; with `update`, change the description of one that exists."""
    request = pfs_pb2.CreateProjectRequest(project=pfs.project_to_wire(project), description=description, update=update)
    conn.call(conn.pfs.CreateProject, request)


def list(conn: Connection) -> Iterator[ProjectInfo]:
    """All projects, by name."""
    yield from map(pfs.project_info_from_wire, conn.stream(conn.pfs.ListProject, pfs_pb2.ListProjectRequest()))


def inspect(conn: Connection, project: Project) -> ProjectInfo:
    """The project; raises `NotFound`."""
    request = pfs_pb2.InspectProjectRequest(project=pfs.project_to_wire(project))
    return pfs.project_info_from_wire(conn.call(conn.pfs.InspectProject, request))


def delete(conn: Connection, project: Project, *, force: bool = False) -> None:
    """Delete the project; one that still has repos raises `WrongState` unless `force`."""
    conn.call(conn.pfs.DeleteProject, pfs_pb2.DeleteProjectRequest(project=pfs.project_to_wire(project), force=force))
