"""Which store is worked on, and how its token and certificates are found."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from howdah.errors import Invalid
from howdah.launch import stores
from howdah.launch.stores import Outside
from howdah.testing.launched import Launched, get
from howdah.testing.servers import StoreServer

CAS = base64.b64encode(b"-----BEGIN CERTIFICATE-----").decode()
CLUSTER = {"pachd_address": "grpcs://pachd.example:443", "session_token": "secret", "server_cas": CAS}
FOUND = Outside("grpcs://pachd.example:443", "secret", CAS)


def _environ(folder: Path, active: str = "", **contexts: object) -> dict[str, str]:
    """An environment whose configuration has these contexts."""
    file = folder / "config.json"
    file.write_text(json.dumps({"v2": {"active_context": active, "contexts": contexts}}))
    return {"PACH_CONFIG": str(file)}


def test_active_context_is_found_with_token_and_certificates(tmp_path: Path) -> None:
    found = stores.chosen("context", _environ(tmp_path, "cluster", cluster=CLUSTER))
    assert found == FOUND
    assert found.environ() == {"HOWDAH_TOKEN": "secret", "HOWDAH_SERVER_CAS": CAS}


def test_without_a_context_the_store_is_our_own(tmp_path: Path) -> None:
    assert stores.chosen("context", {"HOME": str(tmp_path)}) is None
    assert stores.chosen("context", _environ(tmp_path, "", cluster=CLUSTER)) is None
    assert (
        stores.chosen("context", _environ(tmp_path, "howdah", howdah={"pachd_address": "grpc://127.0.0.1:1"})) is None
    )


def test_own_store_reads_no_configuration(tmp_path: Path) -> None:
    environ = _environ(tmp_path)
    Path(environ["PACH_CONFIG"]).write_text("broken")
    assert stores.chosen("own", environ) is None


def test_address_takes_what_its_context_tells(tmp_path: Path) -> None:
    environ = _environ(tmp_path, "", cluster=CLUSTER)
    assert stores.chosen("grpcs://pachd.example:443", environ) == FOUND
    assert stores.chosen("grpc://other:30650", environ) == Outside("grpc://other:30650")


@pytest.mark.parametrize("where", ["ftp://x", "not an address", "grpc://"])
def test_what_is_no_address_is_refused(tmp_path: Path, where: str) -> None:
    with pytest.raises(Invalid, match="address"):
        stores.chosen(where, {"HOME": str(tmp_path)})


def test_broken_certificates_are_told_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="base64"):
        stores.chosen("context", _environ(tmp_path, "cluster", cluster=CLUSTER | {"server_cas": "%"}))


@pytest.mark.skipif(os.geteuid() != 0, reason="platform: only root can give a file away")
def test_configuration_of_another_user_is_told_with_the_remedy() -> None:
    # Not in pytest's own folder, which the other user could not even look into.
    with tempfile.TemporaryDirectory() as open_to_all:
        os.chmod(open_to_all, 0o755)
        environ = _environ(Path(open_to_all), "cluster", cluster=CLUSTER)
        file = Path(environ["PACH_CONFIG"])
        os.chown(file, 4321, 4321)
        file.chmod(0o600)
        script = (
            "import os, sys; from howdah.launch import stores; os.setuid(1234); stores.chosen('context', os.environ)"
        )
        done = subprocess.run([sys.executable, "-c", script], check=False, env=environ, capture_output=True, text=True)
    assert "it belongs to user 4321. In a container, add to docker run: --user 4321" in done.stderr


@pytest.fixture
def server(tmp_path: Path) -> Iterator[StoreServer]:
    """A store that runs elsewhere."""
    with StoreServer(tmp_path / "elsewhere") as server:
        yield server


def test_launched_on_another_store_starts_none_and_works_there(tmp_path: Path, server: StoreServer) -> None:
    environ = _environ(tmp_path, "cluster", cluster={"pachd_address": server.address, "session_token": "secret"})
    before = Path(environ["PACH_CONFIG"]).read_text()
    with Launched(tmp_path / "data", "--port", "0", "--store", "context", environ=environ) as launched:
        assert get(f"{launched.url}/user/login/").status == 200
        assert set(launched.children()) == {"label-studio"}
        assert launched.store == server.address
        told = Path(f"/proc/{launched.children()['label-studio']}/environ").read_bytes().split(b"\0")
        assert {f"HOWDAH_ADDRESS={server.address}".encode(), b"HOWDAH_TOKEN=secret"} <= set(told)
    assert Path(environ["PACH_CONFIG"]).read_text() == before


def test_bad_store_ends_the_start_in_one_line(tmp_path: Path) -> None:
    with Launched(tmp_path / "data", "--store", "ftp://x") as launched:
        assert launched.process.wait(60) == 1
        assert launched.printed.startswith("error: address (ftp://x) invalid")
        assert launched.printed.count("\n") == 1
