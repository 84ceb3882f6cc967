"""Datums of jobs from the command line."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from howdah.cli.main import main
from howdah.client import jobs
from howdah.testing.pipelines import Mill, pfs
from howdah.testing.servers import StoreServer
from tests.pipelines.test_datums import until_running


def call(server: StoreServer, *words: str) -> Result:
    return CliRunner().invoke(main, [*words, "--address", server.address])


def test_datums_of_a_job_are_listed_and_shown(server: StoreServer, mill: Mill) -> None:
    repo = mill.repo({"/a": b"1", "/b": b"22"})
    job = str(mill.wait(mill.pipeline(pfs(repo, name="in"), "cp /pfs/in/* /pfs/out")).job)

    listed = call(server, "list", "datum", job, "--state", "success")
    raw = [json.loads(line) for line in call(server, "list", "datum", job, "--raw").stdout.splitlines()]
    id = raw[0]["datum"]["id"]
    shown = call(server, "inspect", "datum", job, id[:8])

    assert [line.split()[1] for line in listed.stdout.splitlines()] == ["STATE", "success", "success"]
    assert call(server, "list", "datum", job, "--state", "failed").stdout.splitlines()[1:] == []
    assert shown.stdout.splitlines()[0] == f"Datum: {id}"
    assert "State: success" in shown.stdout
    assert call(server, "inspect", "datum", job, "f" * 64).exit_code != 0


def test_datums_are_restarted_by_their_files(server: StoreServer, mill: Mill) -> None:
    repo = mill.repo({"/a": b"1"})
    pipeline = mill.pipeline(pfs(repo, name="in"), "sleep 60")
    job = mill.jobs(pipeline)[0].job
    until_running(mill, job)

    assert call(server, "restart", "datum", str(job), "/a").exit_code == 0
    refused = call(server, "restart", "datum", str(job), "/nowhere")
    jobs.stop(mill.conn, job)

    assert refused.exit_code != 0
    assert "/nowhere" in refused.stderr


@pytest.mark.parametrize("words", [(), ("pipeline@x",), ("-f", "spec.json", "--state", "failed")])
def test_what_names_no_datums_is_refused(server: StoreServer, words: tuple[str, ...]) -> None:
    assert call(server, "list", "datum", *words).exit_code != 0
