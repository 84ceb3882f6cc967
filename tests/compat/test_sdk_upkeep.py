"""Upkeep by Pachyderm's client."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs

from howdah.testing.servers import StoreServer
from tests.compat.conftest import refused


def test_fsck_of_a_sound_store_tells_nothing(client: Any, repo: Any) -> None:
    with client.pfs.commit(branch=pfs.Branch(repo=repo, name="master")) as commit:
        commit.put_file_from_bytes("/a", b"1")
    assert list(client.pfs.fsck()) == []
    assert list(client.pfs.fsck(fix=True)) == []
    assert client.pfs.check_storage(read_chunk_data=True).chunk_object_count > 0


def test_fsck_tells_what_is_damaged_and_what_was_done(tmp_path: Path) -> None:
    with StoreServer(tmp_path / "data") as server:
        client: Any = Client(host="127.0.0.1", port=server.port)
        branch = pfs.Branch.from_uri("images@master")
        client.pfs.create_repo(repo=branch.repo)
        with client.pfs.commit(branch=branch) as commit:
            commit.put_file_from_bytes("/a", b"a" * 1000)
        for pack in (tmp_path / "data" / "bytes" / "packs").glob("*/*"):
            pack.write_bytes(pack.read_bytes().replace(b"a" * 1000, b"b" * 1000))
        assert any(f"{commit.id}:/a cannot be read" in told.error for told in client.pfs.fsck())
        with refused(grpc.StatusCode.DATA_LOSS, "`howdah fsck` names them all"):
            client.pfs.check_storage(read_chunk_data=True)
        assert any("forgotten" in told.fix for told in client.pfs.fsck(fix=True))
