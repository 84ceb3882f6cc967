"""A client that is killed in the middle of a block of changes: nothing of the block is written."""

import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from howdah.client import channel, commits, files, repos
from howdah.names import Commit, Project, Repo
from howdah.testing.servers import StoreServer

REPO = Repo(Project(), "images")
HEAD = Commit(REPO, "master")
TIMES = 20
CLIENT = """
import itertools, sys, threading
from howdah.client import channel, files
from howdah.names import Commit, Project, Repo

pause = threading.Event()
with channel.connect(sys.argv[1]) as conn, files.modify(conn, Commit(Repo(Project(), "images"), "master")) as changes:
    for number in itertools.count():
        changes.put(f"/{number}", bytes(5000))
        if number == 20:
            print("under way", flush=True)
        if number >= 20:
            pause.wait(0.001)
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[StoreServer]:
    with StoreServer(tmp_path / "data") as server:
        yield server


def kill_in_the_middle(address: str, seconds: float) -> None:
    client = subprocess.Popen([sys.executable, "-c", CLIENT, address], stdout=subprocess.PIPE)
    assert client.stdout is not None
    with client.stdout:
        assert client.stdout.readline() == b"under way\n"
        threading.Event().wait(seconds)
        client.kill()
        client.wait(10)


def test_a_killed_client_leaves_no_part_of_its_block(server: StoreServer) -> None:
    moments = random.Random(7)
    with channel.connect(server.address) as conn:
        repos.create(conn, REPO)
        for _ in range(TIMES):
            kill_in_the_middle(server.address, moments.uniform(0, 0.1))
        with files.modify(conn, HEAD) as changes:
            changes.put("/whole", b"")
        assert len(list(commits.list(conn, REPO))) == 1
