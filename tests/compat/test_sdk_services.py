"""Pachyderm's published client on the smaller services: debug, enterprise, and searches through history."""

from __future__ import annotations

import io
import tarfile
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from pachyderm_sdk.api import enterprise, pfs

from howdah.testing.servers import StoreServer
from tests.compat.conftest import head, refused


def texts(archive: bytes) -> dict[str, str]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        found = {}
        for member in opened:
            file = opened.extractfile(member)
            assert file is not None
            found[member.name] = file.read().decode()
        return found


def test_dump_tells_progress_first_and_no_names(client: Any, branch: Any) -> None:
    client.pfs.put_file_from_bytes(commit=head(branch), path="/secret-name.jpg", data=b"secret content")
    first, *rest = client.debug.dump()
    assert first.progress.progress > 0
    found = texts(b"".join(chunk.content.content for chunk in rest))

    assert set(found) == {f"howdah/{name}.txt" for name in ("version", "rows", "threads", "log")}
    assert "commits " in found["howdah/rows.txt"]
    assert not [name for name, text in found.items() if "secret" in text]


@pytest.mark.parametrize(("call", "file"), [("profile", "threads"), ("binary", "version")])
def test_profile_and_binary_are_archives(client: Any, call: str, file: str) -> None:
    parts = [message.value for message in getattr(client.debug, call)()]
    assert set(texts(b"".join(parts))) == {f"howdah/{file}.txt"}


def test_enterprise_is_active(client: Any) -> None:
    assert client.enterprise.get_state().state == enterprise.State.ACTIVE
    assert client.enterprise.pause_status().status == enterprise.PauseStatusResponsePauseStatus.UNPAUSED
    with refused(grpc.StatusCode.UNIMPLEMENTED, "enterprise_v2.API.Deactivate is not offered"):
        client.enterprise.deactivate()


def test_probes_ask_how_the_server_is_and_tools_what_it_answers(server: StoreServer) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        health = health_pb2_grpc.HealthStub(channel)
        for service in ("", "pfs_v2.API"):
            answer = health.Check(health_pb2.HealthCheckRequest(service=service))
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        services = set(ProtoReflectionDescriptorDatabase(channel).get_services())
    assert {"pfs_v2.API", "metadata.API", "debug_v2.Debug", "grpc.health.v1.Health"} <= services


def found(client: Any, branch: Any, path: str, limit: int = 0) -> tuple[list[str], int]:
    *some, last = client.pfs.find_commits(start=head(branch), file_path=path, limit=limit)
    assert last.last_searched_commit.id
    return [each.found_commit.id for each in some], last.commits_searched


def test_commits_that_changed_a_path_are_found(client: Any, branch: Any) -> None:
    ids = []
    for path, data in (("/a/x", b"1"), ("/b", b"2"), ("/a/x", b"3"), ("/a/y", b"4")):
        client.pfs.put_file_from_bytes(commit=head(branch), path=path, data=data)
        ids.append(client.pfs.inspect_branch(branch=branch).head.id)
    with client.pfs.commit(branch=branch) as commit:
        commit.delete_file(path="/b")
    ids.append(commit.id)

    assert found(client, branch, "/a/x") == ([ids[2], ids[0]], 6)
    assert found(client, branch, "/b") == ([ids[4], ids[1]], 6)
    assert found(client, branch, "/a") == ([ids[3], ids[2], ids[0]], 6)
    assert found(client, branch, "/a/x", limit=1) == ([ids[2]], 3)
    assert found(client, branch, "/none") == ([], 6)


def test_search_begins_at_a_finished_commit(client: Any, branch: Any) -> None:
    with client.pfs.commit(branch=branch), refused(grpc.StatusCode.UNAVAILABLE, "commit .* not finished"):
        list(client.pfs.find_commits(start=head(branch), file_path="/a"))


def test_small_calls_that_clients_make_are_answered(client: Any, branch: Any) -> None:
    client.pfs.activate_auth()
    client.pfs.put_file_from_bytes(commit=head(branch), path="/a", data=b"x")
    assert client.pfs.check_storage().chunk_object_count > 0
    assert list(client.pfs.list_task()) == []


def test_project_default_stays(client: Any) -> None:
    with refused(grpc.StatusCode.FAILED_PRECONDITION, "cannot delete project default"):
        client.pfs.delete_project(project=pfs.Project(name="default"), force=True)


def test_everything_is_deleted_but_the_project_default(tmp_path: Any) -> None:
    from pachyderm_sdk import Client  # noqa: PLC0415

    with StoreServer(tmp_path / "data") as own:
        client = Client(host="127.0.0.1", port=own.port)
        client.pfs.create_project(project=pfs.Project(name="other"))
        branch = pfs.Branch.from_uri("other/a@master")
        client.pfs.create_repo(repo=branch.repo)
        client.pfs.put_file_from_bytes(commit=head(branch), path="/a", data=b"x")
        client.pfs.delete_all()
        assert [info.project.name for info in client.pfs.list_project()] == ["default"]
        assert list(client.pfs.list_repo(type="")) == []
