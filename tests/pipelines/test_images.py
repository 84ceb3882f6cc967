"""Code in the image that its pipeline names, by a real Podman; and on the machine, where no engine is or is wanted."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from howdah.cli.main import main
from howdah.client import channel, jobs, logs, secrets
from howdah.infos import JobInfo, JobState
from howdah.testing.launched import until
from howdah.testing.pipelines import Mill, pfs
from howdah.testing.servers import StoreServer
from tests.pipelines import podman, processes
from tests.pipelines.podman import Podman

BOX = "localhost/box"
IN_BOX: dict[str, Any] = {"image": BOX}
ONCE: dict[str, Any] = {"datum_tries": 1}

needs_root = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="platform: Podman without root is tried by hand"
)


@contextmanager
def serving(folder: Path, programs: Path, *options: str) -> Iterator[tuple[StoreServer, Mill]]:
    """A store whose worker finds the programs of that folder first."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
        server = StoreServer(folder / "store", *options, workers=2)
    with server, channel.connect(server.address) as conn:
        yield server, Mill(conn)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A short path, as sockets need it, that everybody can enter."""
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="howdah-") as made:
        os.chmod(made, 0o755)
        yield Path(made)


@pytest.fixture(scope="module")
def engine(folder: Path) -> Iterator[Podman]:
    for name in ("podman", "runc"):
        if shutil.which(name) is None:
            pytest.skip(f"{name} is not installed")
    made = Podman(folder)
    made.make(BOX, podman.tools(), "ENV OF=box")
    yield made
    made.close()


@pytest.fixture(scope="module")
def served(folder: Path, engine: Podman) -> Iterator[tuple[StoreServer, Mill]]:
    with serving(folder, engine.programs, "--engine", "podman") as served:
        yield served


@pytest.fixture
def mill(served: tuple[StoreServer, Mill]) -> Mill:
    return served[1]


def said(mill: Mill, told: JobInfo) -> list[str]:
    return [line.message for line in logs.read(mill.conn, job=told.job)]


@needs_root
def test_code_runs_in_its_image(served: tuple[StoreServer, Mill], engine: Podman) -> None:
    server, mill = served
    repo = mill.repo({"/a": b"one", "/b": b"two"})
    secrets.create(mill.conn, json.dumps({"metadata": {"name": f"of-{repo}"}, "stringData": {"word": "tell nobody"}}))
    transform = {
        **IN_BOX,
        "env": {"MINE": "of mine"},
        "secrets": [{"name": f"of-{repo}", "key": "word", "env_var": "WORD"}],
        "working_dir": "/pfs",
    }
    script = (
        'name=$(basename $in); cat in/* > out/$name; echo " $MINE $WORD $PWD $OF $TMPDIR" >> out/$name',
        "test $(id -u) -ge 61184; touch /tmp/own; mkdir -p out/closed; touch out/closed/$name; chmod 0 out/closed",
        "if touch /pfs/own in/$name /own 2> /dev/null; then exit 1; fi; cat /sys/fs/cgroup/memory/memory.limit_in_bytes"
        " /sys/fs/cgroup/memory.max || true",
    )
    limits = {"memory": "100Mi"}
    pipeline = mill.pipeline(pfs(repo, name="in"), *script, transform=transform, resource_limits=limits, **ONCE)

    told = mill.wait(pipeline)

    assert told.state is JobState.JOB_SUCCESS, said(mill, told)
    rest = b" of mine tell nobody /pfs box /tmp\n"
    assert mill.read(pipeline) == {
        **{"/a": b"one" + rest, "/b": b"two" + rest},
        **{"/closed/a": b"", "/closed/b": b""},
    }
    assert str(100 << 20) in said(mill, told)
    assert not any("tell nobody" in line for line in engine.asked)
    until(lambda: not engine.running, what="no container")
    until(lambda: not [*server.data.glob("work/slot-*-image/[0-9]*")], what="no folder of a run")


@needs_root
def test_an_image_has_a_command_and_a_folder_of_its_own(mill: Mill, engine: Podman) -> None:
    own = ('ENTRYPOINT ["sh", "-c", "touch ../pfs/out/$WHAT"]', "WORKDIR /bin", "ENV WHAT=told")
    engine.make("localhost/own", podman.tools(), *own)
    transform = {"image": "localhost/own", "cmd": [], "stdin": []}

    pipeline = mill.pipeline(mill.repo({"/a": b""}), transform=transform, **ONCE)

    told = mill.wait(pipeline)
    assert told.state is JobState.JOB_SUCCESS, said(mill, told)
    assert mill.read(pipeline) == {"/told": b""}


@needs_root
def test_a_container_ends_with_its_job(mill: Mill, engine: Podman) -> None:
    repo = mill.repo({"/a": b"600"})
    script = ("echo begun; sleep $(cat /pfs/in/a)", "touch /pfs/out/a")
    pipeline = mill.pipeline(pfs(repo, name="in"), *script, transform=IN_BOX)
    first = mill.jobs(pipeline)[0]
    until(lambda: "begun" in said(mill, first), what="the container")
    id = mill.put(repo, {"/a": b"0"})

    jobs.stop(mill.conn, first.job)

    assert mill.wait(pipeline, first.job.id).state is JobState.JOB_KILLED
    assert mill.wait(pipeline, id).state is JobState.JOB_SUCCESS
    late = mill.pipeline(repo, "sleep 600", transform=IN_BOX, datum_timeout="2s", **ONCE)
    assert mill.wait(late).state is JobState.JOB_FAILURE
    until(lambda: not engine.running, what="no container")


@needs_root
def test_an_image_that_does_not_come_is_waited_for_until_its_job_is_stopped(mill: Mill) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(60)
        image = f"localhost:{silent.getsockname()[1]}/box"
        pipeline = mill.pipeline(mill.repo({"/a": b""}), "true", transform={"image": image})
        asking, _ = silent.accept()
        with asking:
            job = mill.jobs(pipeline)[0].job
            jobs.stop(mill.conn, job)

            assert mill.wait(pipeline, job.id).state is JobState.JOB_KILLED
            asking.settimeout(60)
            until(lambda: not asking.recv(1 << 16), what="the end of the pull")


@needs_root
def test_code_in_an_image_fails_as_other_code_does(mill: Mill) -> None:
    repo = mill.repo({"/a": b"1"})
    large = "head -c 300000000 /dev/zero | tail -c 300000000 > /dev/null"
    wrong: list[tuple[str, dict[str, Any], str]] = [
        ("true", {"image": "none/such"}, "image none/such could not be pulled: what is wrong is in the log"),
        ("true", {"image": "none/such"}, "image none/such is not here yet: docker.io/none/such is pulled"),
        ("exit 3", IN_BOX, "exit code 3"),
        ("true", {**IN_BOX, "cmd": ["nothing"]}, "exit code 127"),
        (large, IN_BOX, "it was killed (exit code 137), as what uses more than 50000000 bytes of memory is"),
        ("true", {**IN_BOX, "env": {"CONTAINER_HOST": "x"}}, "CONTAINER_HOST is the container engine's own"),
        ("true", {**IN_BOX, "user": "nobody-here"}, "unable to find user nobody-here"),
    ]
    limits = {"memory": "50M"}
    made = [mill.pipeline(repo, script, transform=t, resource_limits=limits, **ONCE) for script, t, _ in wrong]

    ended = [mill.wait(pipeline) for pipeline in made]

    assert {told.state for told in ended} == {JobState.JOB_FAILURE}
    for told, (*_, why) in zip(ended, wrong, strict=True):
        assert any(why in line for line in said(mill, told)), said(mill, told)


@needs_root
def test_one_container_has_many_datums(mill: Mill, engine: Podman) -> None:
    engine.make("localhost/python", {**podman.tools(), **podman.python()}, "ENV OF=python", podman.PACKAGES)
    repo = mill.repo({f"/{name}": name.encode() for name in "abc"})
    code = """
import os, pathlib, grpc
channel = grpc.insecure_channel(f"localhost:{os.environ['PPS_WORKER_GRPC_PORT']}")
ask = channel.unary_unary("/pachyderm.worker.Worker/NextDatum")
while ask(b"") is not None:
    given = next(pathlib.Path("/pfs/given").iterdir())
    pathlib.Path("/pfs/out", given.name).write_text(f"{os.environ['OF']} {given.read_text()}")
"""
    transform = {"cmd": [podman.PYTHON, "-"], "image": "localhost/python", "datum_batching": True}
    before = len(engine.asked)
    pipeline = mill.pipeline(
        pfs(repo, name="given"), *code.splitlines(), transform=transform, datum_set_spec={"number": 100}, **ONCE
    )

    told = mill.wait(pipeline)

    assert told.state is JobState.JOB_SUCCESS, said(mill, told)
    assert mill.read(pipeline) == {f"/{name}": f"python {name}".encode() for name in "abc"}
    assert sum(line.startswith("run ") for line in engine.asked[before:]) == 1


@needs_root
def test_containers_of_a_killed_worker_are_removed(served: tuple[StoreServer, Mill], engine: Podman) -> None:
    server, mill = served
    until(lambda: not engine.running, what="no container of others")
    first, second = ({"/a": word} for word in (b"600", b"0"))
    repo = mill.repo(first)
    pipeline = mill.pipeline(pfs(repo, name="in"), "echo begun; sleep $(cat /pfs/in/a)", transform=IN_BOX)
    job = mill.jobs(pipeline)[0]
    until(lambda: "begun" in said(mill, job), what="the container")
    left = engine.running
    worker = processes.worker(server.process.pid)
    assert worker is not None

    fences = processes.fences(server.process.pid)
    for fence in fences:
        os.kill(fence.number, signal.SIGSTOP)  # or they would end what runs when the worker is gone
    for process in (worker, *fences):
        process.kill()
    jobs.stop(mill.conn, job.job)
    id = mill.put(repo, second)

    assert mill.wait(pipeline, id).state is JobState.JOB_SUCCESS
    assert len(left) == 1
    assert f"rm --force {left[0]}" in engine.asked
    until(lambda: not engine.running, what="no container")


@pytest.mark.parametrize(
    ("engine_option", "why"),
    [
        ("auto", "no container engine answers here (docker, podman)"),
        ("none", "the store was told to use no container engine (--engine, HOWDAH_ENGINE)"),
    ],
)
def test_without_an_engine_code_runs_on_the_machine_and_that_is_said_once(
    tmp_path: Path, engine_option: str, why: str
) -> None:
    with serving(tmp_path, _deaf(tmp_path), "--engine", engine_option) as (_, mill):
        repo = mill.repo({f"/{number}": b"" for number in range(5)})
        script = "touch /pfs/out/$(basename /pfs/*/?*)"
        sets: dict[str, Any] = {"datum_set_spec": {"number": 1}}
        named = mill.pipeline(repo, script, transform=IN_BOX, **sets)
        default = mill.pipeline(repo, script, transform={"image": "ubuntu:20.04"}, **sets)

        told, other = mill.wait(named), mill.wait(default)

        assert (told.state, len(mill.read(named)), other.state) == (JobState.JOB_SUCCESS, 5, JobState.JOB_SUCCESS)
        found = [line for line in said(mill, told) if "is not used" in line]
        assert found == [f"image {BOX} is not used: {why}, and the code runs on this machine"]
        assert not any("is not used" in line for line in said(mill, other))


def test_an_engine_that_is_to_be_used_and_does_not_answer_is_told(tmp_path: Path) -> None:
    with serving(tmp_path, _deaf(tmp_path), "--engine", "docker") as (_, mill):
        told = mill.wait(mill.pipeline(mill.repo({"/a": b""}), "true", transform=IN_BOX, **ONCE))

        assert told.state is JobState.JOB_FAILURE
        remedy = "start it, or the store with another engine than docker (--engine, HOWDAH_ENGINE)"
        assert any(f"docker does not answer here (`docker info`): {remedy}" in line for line in said(mill, told))


def test_a_store_does_not_start_with_an_engine_that_is_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    told = CliRunner().invoke(main, ["serve", "--data", str(tmp_path / "store"), "--engine", "docker"])
    assert (told.exit_code, (tmp_path / "store").exists()) == (2, False)
    assert "--engine: there is no docker on the path: install it, or name another engine" in told.stderr


def _deaf(folder: Path) -> Path:
    """Engines that are installed there, and do not answer."""
    for name in ("docker", "podman"):
        (folder / name).write_text("#!/bin/sh\nexit 1\n")
        (folder / name).chmod(0o755)
    return folder
