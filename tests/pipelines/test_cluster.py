"""Code of a pipeline reaches the store that runs it, as Pachyderm's clients do inside of a cluster."""

from __future__ import annotations

import sys

from howdah.infos import JobState
from howdah.testing.pipelines import Mill, pfs
from howdah.worker import environment

_CODE = """
import os
from pathlib import Path
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs
client = Client.new_in_cluster()
repo = pfs.Repo.from_uri(os.environ["OTHER"])
with client.pfs.pfs_file(pfs.File.from_uri(f"{repo}@master:/word")) as file:
    Path("/pfs/out/word").write_bytes(file.read())
Path("/pfs/out/told").write_text(" ".join(os.environ[name] for name in ("PACH_IN_WORKER", "PACH_NAMESPACE")))
assert os.environ["PEER_PORT"] == os.environ["PACHD_PEER_SERVICE_PORT"]
assert os.environ["PPS_POD_NAME"].startswith("worker-")
"""


def test_the_published_client_finds_the_store(mill: Mill) -> None:
    repo, other = mill.repo({"/a": b""}), mill.repo({"/word": b"from beside"})
    transform = {"cmd": [sys.executable, "-"], "env": {"OTHER": f"default/{other}"}}
    pipeline = mill.pipeline(pfs(repo), *_CODE.splitlines(), transform=transform, datum_tries=1)

    assert mill.wait(pipeline).state is JobState.JOB_SUCCESS
    assert mill.read(pipeline) == {"/word": b"from beside", "/told": b"true default"}


def test_addresses_are_told_as_clients_put_them_together() -> None:
    found = [environment.cluster(f"grpc://{host}:30650") for host in ("127.0.0.1", "[::1]", "store.example")]

    hosts = [each["PACHD_PEER_SERVICE_HOST"] for each in found]
    assert hosts == ["127.0.0.1", "[::1]", "store.example"]
    assert {each["PACHD_PEER_SERVICE_PORT"] for each in found} == {"30650"}
