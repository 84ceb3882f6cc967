"""What people do with Pachyderm's older clients, which run in environments of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from howdah.launch import environment
from howdah.launch.install import Place, find_pip
from howdah.testing.servers import StoreServer

ROOT = Path(__file__).parents[2]
PINS = Path(__file__).parent / "older"


def installed(folder: Path, client: str) -> Path:
    """The Python of an environment made in `folder`, in which the client is as `older/CLIENT.txt` pins it."""
    place, environ = Place(folder), environment.clean(os.environ)
    subprocess.run([sys.executable, "-I", "-m", "venv", "--without-pip", place.venv], check=True, env=environ)
    pins = PINS / f"{client}.txt"
    subprocess.run([*find_pip(place, environ), "install", "--quiet", "-r", pins], check=True, env=environ)
    return place.python


def use(python: Path, script: str, folder: Path) -> None:
    """Play every scene of a script against a store of its own."""
    with StoreServer(folder / "data") as server:
        command = [str(python), "-m", f"tests.compat.older.{script}", "127.0.0.1", str(server.port)]
        environ = environment.clean(os.environ)
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=environ, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed deleting" in done.stdout


@pytest.mark.parametrize("client", ["pachyderm-sdk", "python-pachyderm"])
def test_all_that_people_do_with_an_older_client_works(tmp_path: Path, client: str) -> None:
    use(installed(tmp_path / "environment", client), f"use_{client.replace('-', '_')}", tmp_path)


def test_the_same_works_with_the_newest_client(tmp_path: Path) -> None:
    use(Path(sys.executable), "use_pachyderm_sdk", tmp_path)
