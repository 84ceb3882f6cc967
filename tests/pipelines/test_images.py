"""Code in the image that its pipeline names, by a stand-in for an engine; and on the machine, where there is none."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from howdah.client import channel, jobs, logs, secrets
from howdah.infos import JobInfo, JobState
from howdah.testing.pipelines import Mill, pfs
from howdah.testing.servers import StoreServer
from tests.pipelines.engine import Daemon, program

_IMAGE = "python:3.11"


@contextmanager
def _serving(folder: Path) -> Iterator[Mill]:
    """A store whose workers find the programs of the folder first."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        server = StoreServer(folder / "store/data", workers=2)
    with server, channel.connect(server.address) as conn:
        yield Mill(conn)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A short path, as sockets need it, that everybody can enter."""
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="howdah-") as made:
        os.chmod(made, 0o755)
        yield Path(made)


@pytest.fixture(scope="module")
def daemon(folder: Path) -> Daemon:
    (folder / "roots").mkdir()
    return Daemon(folder / "socket", folder / "roots")


@pytest.fixture(scope="module")
def mill(folder: Path, daemon: Daemon) -> Iterator[Mill]:
    program(folder, "docker", folder / "socket")
    with _serving(folder) as mill:
        yield mill


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Mill]:
    """Engines are installed there, and do not answer."""
    for name in ("docker", "podman"):
        (tmp_path / name).write_text("#!/bin/sh\nexit 1\n")
        (tmp_path / name).chmod(0o755)
    with _serving(tmp_path) as mill:
        yield mill


def _said(mill: Mill, told: JobInfo) -> list[str]:
    return [line.message for line in logs.read(mill.conn, job=told.job)]


def test_code_runs_in_its_image(mill: Mill, daemon: Daemon) -> None:
    repo = mill.repo({"/a": b"one", "/b": b"two"})
    secrets.create(mill.conn, json.dumps({"metadata": {"name": f"of-{repo}"}, "stringData": {"word": "tell nobody"}}))
    transform = {
        "image": _IMAGE,
        "env": {"MINE": "of mine"},
        "secrets": [{"name": f"of-{repo}", "key": "word", "env_var": "WORD"}],
        "working_dir": "/pfs",
    }
    script = 'cat in/* > out/$(basename $in); echo " $IMAGE $MINE $WORD $PWD" >> out/$(basename $in); echo $WORD'
    pipeline = mill.pipeline(pfs(repo, name="in"), script, transform=transform, resource_limits={"memory": "100M"})

    told = mill.wait(pipeline)

    assert told.state is JobState.JOB_SUCCESS, _said(mill, told)
    rest = f" {_IMAGE} of mine tell nobody /pfs\n".encode()
    assert mill.read(pipeline) == {"/a": b"one" + rest, "/b": b"two" + rest}
    run = next(words for words in daemon.asked if words[0] == "run")
    assert run[run.index("--memory") + 1] == "100000000"
    assert run[run.index("--network") + 1] == "host"
    assert not any("tell nobody" in word for words in daemon.asked for word in words)
    assert not daemon.running


def test_a_container_ends_with_its_job(mill: Mill, daemon: Daemon) -> None:
    repo = mill.repo({"/a": b"60"})
    script = ("sleep $(cat /pfs/in/a)", "touch /pfs/out/a")
    pipeline = mill.pipeline(pfs(repo, name="in"), *script, transform={"image": _IMAGE})
    first = mill.jobs(pipeline)[0].job
    id = mill.put(repo, {"/a": b"0"})

    jobs.stop(mill.conn, first)

    assert mill.wait(pipeline, first.id).state is JobState.JOB_KILLED
    assert mill.wait(pipeline, id).state is JobState.JOB_SUCCESS
    late = mill.pipeline(repo, "sleep 600", transform={"image": _IMAGE}, datum_timeout="1s", datum_tries=1)
    assert mill.wait(late).state is JobState.JOB_FAILURE
    end = time.monotonic() + 60
    while daemon.running:
        assert time.monotonic() < end
        time.sleep(0.02)


def test_code_in_an_image_fails_as_other_code_does(mill: Mill) -> None:
    repo = mill.repo({"/a": b"1"})
    missing = mill.wait(mill.pipeline(repo, "true", transform={"image": "none/such"}, datum_tries=1))
    failing = mill.wait(mill.pipeline(repo, "exit 3", transform={"image": _IMAGE}, datum_tries=1))
    refused = {"image": _IMAGE, "env": {"DOCKER_HOST": "x"}}
    engines = mill.wait(mill.pipeline(repo, "true", transform=refused, datum_tries=1))

    assert {told.state for told in (missing, failing, engines)} == {JobState.JOB_FAILURE}
    assert "Unable to find image 'none/such' locally" in _said(mill, missing)
    assert any("image none/such could not be run" in line for line in _said(mill, missing))
    assert any("exit code 3" in line for line in _said(mill, failing))


def test_one_container_has_many_datums(mill: Mill, daemon: Daemon) -> None:
    repo = mill.repo({f"/{name}": name.encode() for name in "abc"})
    code = """
import os, pathlib
from pachyderm_sdk import batch_all_datums
@batch_all_datums
def work():
    given = pathlib.Path(os.environ["given"])
    pathlib.Path("/pfs/out", given.name).write_text(f"{os.environ['IMAGE']} {given.read_text()}")
work()
"""
    transform = {"cmd": [sys.executable, "-"], "image": _IMAGE, "datum_batching": True, "user": "root"}
    before = len(daemon.asked)
    pipeline = mill.pipeline(
        pfs(repo, name="given"), *code.splitlines(), transform=transform, datum_set_spec={"number": 100}
    )

    told = mill.wait(pipeline)

    assert told.state is JobState.JOB_SUCCESS, _said(mill, told)
    assert mill.read(pipeline) == {f"/{name}": f"{_IMAGE} {name}".encode() for name in "abc"}
    assert sum(words[0] == "run" for words in daemon.asked[before:]) == 1


def test_without_an_engine_code_runs_on_the_machine_and_that_is_said_once(bare: Mill) -> None:
    repo = bare.repo({f"/{number}": b"" for number in range(5)})
    script = "touch /pfs/out/$(basename /pfs/*/?*)"
    sets: dict[str, Any] = {"datum_set_spec": {"number": 1}}
    named = bare.pipeline(repo, script, transform={"image": _IMAGE}, **sets)
    default = bare.pipeline(repo, script, transform={"image": "ubuntu:20.04"}, **sets)

    told, other = bare.wait(named), bare.wait(default)

    assert (told.state, len(bare.read(named)), other.state) == (JobState.JOB_SUCCESS, 5, JobState.JOB_SUCCESS)
    said = [line for line in _said(bare, told) if "is not used" in line]
    assert len(said) == 1
    assert f"image {_IMAGE} is not used: no container engine answers here (docker, podman)" in said[0]
    assert not any("is not used" in line for line in _said(bare, other))
