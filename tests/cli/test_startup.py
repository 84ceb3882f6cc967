"""What a command loads is what it waits for: modules that it does not need are not among them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_RUN = """
import atexit, sys
from howdah.cli.main import main
atexit.register(lambda: print("\\nloaded:", *sys.modules))
main(prog_name="howdah")
"""
# Others load at most a few milliseconds; each of these is more, or leads to one that is.
_NEVER = {
    "blake3",
    "croniter",
    "google.protobuf.json_format",
    "grpc_health.v1",
    "grpc_reflection.v1alpha",
    "howdah.client.config",
    "howdah.db",
    "howdah.pfs",
    "howdah.postgres",
    "howdah.server",
    "howdah.store",
    "howdah.wire.document",
    "http.client",
    "importlib.metadata",
    "msgpack",
    "pyfastcdc",
    "sqlite3",
    "tqdm",
}
_FOR_A_CALL = {"asyncio", "google", "grpc", "howdah.client", "howdah.infos", "howdah.wire", "json", "logging", "ssl"}


def _loaded(*args: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", _RUN, *args], capture_output=True, text=True, timeout=60, check=True
    ).stdout
    return set(done.rpartition("\nloaded: ")[2].split())


@pytest.mark.usefixtures("home")
def test_help_loads_no_client_and_nothing_of_the_store() -> None:
    assert (_NEVER | _FOR_A_CALL) & _loaded("--help") == set()
    assert (_NEVER | _FOR_A_CALL) & _loaded("put", "--help") == set()


def test_one_call_loads_the_client_alone(home: Path, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOWDAH_ADDRESS", address)
    loaded = _loaded("version")
    assert loaded >= {"grpc", "howdah.client"}
    assert _NEVER & loaded == set()
