"""Pachyderm's published client as its users set it up: configuration, compression, several clients, restarts."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import grpc
import pytest
from pachyderm_sdk import Client
from pachyderm_sdk.api import auth, pfs
from pachyderm_sdk.api.version import ApiStub as VersionStub
from pachyderm_sdk.errors import AuthServiceNotActivated

from howdah.client import config
from howdah.testing.servers import StoreServer
from tests.compat.conftest import head, listed, read

SECONDS = 60


def test_client_finds_the_store_through_the_configuration_that_we_write(server: StoreServer, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    config.add_store(path, "howdah", server.address)

    assert Client.from_config(path).get_version().major == 2


def test_client_finds_the_store_by_its_address(server: StoreServer) -> None:
    assert Client.from_pachd_address(server.address).get_version().major == 2


def test_compressed_requests_are_understood(server: StoreServer) -> None:
    options = [("grpc.enable_http_proxy", 0)]
    with grpc.insecure_channel(f"127.0.0.1:{server.port}", options, grpc.Compression.Gzip) as channel:
        assert VersionStub(channel).get_version().major == 2


@pytest.mark.parametrize(
    "call",
    [
        lambda api: api.who_am_i(),
        lambda api: api.get_role_binding(resource=auth.Resource(type=auth.ResourceType.CLUSTER)),
        lambda api: api.authenticate(id_token="x"),
        lambda api: api.get_oidc_login(),
    ],
)
def test_every_auth_call_says_that_auth_is_off(client: Any, call: Any) -> None:
    with pytest.raises(AuthServiceNotActivated, match="the auth service is not activated"):
        call(client.auth)


def test_writers_at_once_each_make_their_commit(server: StoreServer, client: Any, repo: Any, branch: Any) -> None:
    failures: list[Exception] = []

    def write(number: int) -> None:
        own = Client(host="127.0.0.1", port=server.port)
        try:
            own.pfs.put_file_from_bytes(commit=head(branch), path=f"/{number}", data=b"x" * number)
        except grpc.RpcError as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)

    assert failures == []
    assert listed(client, head(branch)) == [f"/{number}" for number in range(8)]
    assert len(list(client.pfs.list_commit(repo=repo))) == 9


def test_store_killed_after_a_finish_holds_what_was_finished_and_what_was_begun(tmp_path: Path) -> None:
    branch = pfs.Branch.from_uri("kept@master")
    with StoreServer(tmp_path / "data") as server:
        client = Client(host="127.0.0.1", port=server.port)
        client.pfs.create_repo(repo=branch.repo)
        with client.pfs.commit(branch=branch) as done:
            done.put_file_from_bytes("/a", b"a" * 3_000_000)
        begun = client.pfs.start_commit(branch=branch)
        client.pfs.put_file_from_bytes(commit=begun, path="/b", data=b"b")
        ids = client.admin.inspect_cluster()
        server.kill()
    with StoreServer(tmp_path / "data") as server:
        client = Client(host="127.0.0.1", port=server.port)

        assert read(client, done, "/a") == b"a" * 3_000_000
        client.pfs.finish_commit(commit=begun)
        assert listed(client, head(branch)) == ["/a", "/b"]
        assert client.admin.inspect_cluster().deployment_id == ids.deployment_id
