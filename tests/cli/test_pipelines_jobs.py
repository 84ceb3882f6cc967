"""Jobs from the command line. The tests themselves tell the store how far jobs are, as who works on them would."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import struct
import subprocess
import termios
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from howdah.cli import jobs as commands
from howdah.client import channel, jobs
from howdah.client.channel import Connection
from howdah.infos import JobState
from howdah.names import Job, Pipeline, Project
from howdah.wire import pps
from howdah.wire.gen import pps_pb2
from tests.cli.conftest import HOWDAH, SECONDS, Howdah
from tests.cli.test_pipelines import create, lines, spec

ALSO = ("--project",)


@pytest.fixture
def vision(howdah: Howdah, images: str, project: str) -> Iterator[str]:
    """A project with two pipelines, one behind the other."""
    create(howdah, project, spec("edges"), spec("count", "edges"))
    yield project
    howdah("delete", "pipeline", "--all", "-f", "--project", project)


@pytest.fixture
def conn(address: str) -> Iterator[Connection]:
    with channel.connect(address) as conn:
        yield conn


def newest(conn: Connection, project: str, name: str = "edges") -> Job:
    return next(jobs.list(conn, pipeline=Pipeline(Project(project), name))).job


def tell(conn: Connection, job: Job, state: JobState, total: int = 0, processed: int = 0, reason: str = "") -> None:
    request = pps_pb2.UpdateJobStateRequest(
        job=pps.job_to_wire(job),
        state=pps_pb2.JobState.ValueType(state),
        data_total=total,
        data_processed=processed,
        reason=reason,
    )
    conn.call(conn.pps.UpdateJobState, request)


def put(howdah: Howdah, project: str, name: str = "1.png") -> None:
    assert howdah("put", "file", f"{project}/images@master:/{name}", stdin=b"x").code == 0


def test_sets_and_jobs_are_listed(either: Howdah, vision: str, conn: Connection) -> None:
    put(either, vision)
    id = newest(conn, vision).id
    sets = either("list", "job", "--project", vision).stdout.splitlines()
    assert sets[0].split() == ["SET", "JOBS", "CREATED", "STATES"]
    assert sets[1].split()[:2] == [id, "2"]
    assert sets[1].endswith("2 created")
    assert len(sets) == 3
    listed = either("list", "job", id).stdout.splitlines()
    assert listed[0].split() == ["PIPELINE", "JOB", "STARTED", "DURATION", "DATUMS", "STATE"]
    assert [line.split()[0] for line in listed[1:]] == [f"{vision}/edges", f"{vision}/count"]
    assert listed[1].split()[1:] == [id, "-", "-", "0", "of", "0", "created"]


def some(howdah: Howdah, *words: str) -> list[tuple[str, str]]:
    done = howdah("list", "job", *words, "--raw")
    assert done.code == 0, done.stderr
    return [(each["job"]["pipeline"]["name"], each["job"]["id"]) for each in lines(done.stdout)]


def test_jobs_are_chosen_by_pipeline_input_state_and_number(howdah: Howdah, vision: str, conn: Connection) -> None:
    old = newest(conn, vision)
    put(howdah, vision)
    new = newest(conn, vision)
    here = ("--project", vision)
    assert some(howdah, "-p", f"{vision}/edges") == [("edges", new.id), ("edges", old.id)]
    assert some(howdah, "-p", f"{vision}/edges", "-n", "1") == [("edges", new.id)]
    assert some(howdah, "-i", "images@master", *here) == [("count", new.id), ("edges", new.id)]
    assert len(some(howdah, "-x", *here)) == 4
    tell(conn, old, JobState.JOB_RUNNING)
    assert some(howdah, "--state", "running", *here) == [("edges", old.id)]
    assert some(howdah, "--state", "running", "--state", "created", "-n", "3", *here)[-1] == ("count", old.id)
    create(howdah, vision, spec("edges"), verb="update")
    assert old.id not in [id for _, id in some(howdah, "-p", f"{vision}/edges")]
    assert ("edges", old.id) in some(howdah, "-p", f"{vision}/edges", "--history", "all")
    (told,) = lines(howdah("inspect", "job", str(new), "--raw").stdout)
    assert told["details"]["input"]["pfs"]["commit"] == new.id


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("inspect", "job", "edges"), "job (edges) invalid: PIPELINE@ID names one, with the 32 digits of its id"),
        (("stop", "job", "edges@master"), "job (edges@master) invalid: PIPELINE@ID names one"),
        (("list", "job", "edges"), "job set (edges) invalid: its 32 digits name it, and -p PIPELINE lists"),
        (("list", "job", "4" * 32, "-p", "edges"), "a set and -p or -i do not go together"),
        (("list", "job", "--state", "lost"), "'lost' is not one of"),
    ],
)
def test_names_that_can_be_no_jobs_are_refused(howdah: Howdah, words: tuple[str, ...], told: str) -> None:
    refused = howdah(*words)
    assert refused.code == 2
    assert told in refused.stderr


def test_what_is_not_there_is_not_found(howdah: Howdah, vision: str) -> None:
    assert howdah("inspect", "job", f"{vision}/edges@{'4' * 32}").code == 3
    assert howdah("wait", "job", "4" * 32).code == 3
    assert howdah("list", "job", "-p", f"{vision}/nothing").code == 3


def test_set_that_is_stopped_has_no_job_that_could_not_be_run(howdah: Howdah, vision: str, conn: Connection) -> None:
    job = newest(conn, vision)
    assert howdah("stop", "job", job.id) == (0, b"", "")
    shown = howdah("inspect", "job", job.id).stdout
    assert shown.count("State: killed\nReason: job stopped\n") == 2
    assert howdah("stop", "job", str(job)).code == 0
    assert howdah("delete", "job", str(job)) == (0, b"", "")
    assert howdah("inspect", "job", str(job)).code == 3


def test_waiting_tells_of_success_and_of_failure_by_its_exit_code(
    either: Howdah, vision: str, conn: Connection
) -> None:
    job = newest(conn, vision)
    tell(conn, job, JobState.JOB_SUCCESS, total=3, processed=3)
    done = either("wait", "job", str(job))
    assert (done.code, done.stderr) == (0, "")
    assert "Datums: 3 of 3\nState: success\n" in done.stdout
    behind = newest(conn, vision, "count")
    tell(conn, behind, JobState.JOB_FAILURE, total=3, processed=1, reason=f"datum {'ab' * 32} failed")
    failed = either("wait", "job", job.id)
    logs = f"howdah logs -j {behind} --datum abababababab"
    assert failed.code == 5
    assert failed.stdout.count("Pipeline: ") == 2
    assert f"\nReason: datum {'ab' * 32} failed\nSee: {logs}\n" in failed.stdout
    assert failed.stderr.startswith(f"howdah: job {behind} is over without success, failure: datum abab")
    assert failed.stderr.endswith(f"…: see `{logs}`\n")


def test_jobs_without_success_tell_the_command_that_tells_more(howdah: Howdah, vision: str, conn: Connection) -> None:
    job = newest(conn, vision)
    tell(conn, job, JobState.JOB_FAILURE, reason="no such branch")
    assert "See: " not in howdah("inspect", "job", str(job)).stdout
    behind = howdah("inspect", "job", str(newest(conn, vision, "count"))).stdout
    assert "State: unrunnable\n" in behind
    assert f"See: howdah list job {job.id}\n" in behind


def test_waiting_ends_with_the_job_and_shows_how_far_it_is(howdah: Howdah, vision: str, conn: Connection) -> None:
    job = newest(conn, vision)
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, 120, 0, 0))
    with subprocess.Popen(
        [HOWDAH, "wait", "job", str(job), "--raw"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=theirs
    ) as process:
        os.close(theirs)
        _read_until(ours, b"edges: created")
        tell(conn, job, JobState.JOB_RUNNING, total=4, processed=2)
        assert b"running" in _read_until(ours, b"2/4")
        tell(conn, job, JobState.JOB_SUCCESS, total=4, processed=4)
        told, _ = process.communicate(timeout=SECONDS)
    os.close(ours)
    assert process.returncode == 0
    assert json.loads(told)["state"] == "JOB_SUCCESS"


def _read_until(terminal: int, text: bytes) -> bytes:
    seen = b""
    while text not in seen:
        seen += os.read(terminal, 1 << 16)
    return seen


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(-1, "0.0s"), (0.44, "0.4s"), (12.7, "12s"), (123, "2m 03s"), (3900, "1h 05m"), (100_000, "27h 46m")],
)
def test_lengths_of_time_are_told_in_two_units(seconds: float, told: str) -> None:
    assert commands.duration(timedelta(seconds=seconds)) == told


def test_reasons_are_short_in_lists(howdah: Howdah, vision: str, conn: Connection) -> None:
    tell(conn, newest(conn, vision), JobState.JOB_FAILURE, reason="a" * 100 + "\nb")
    listed = howdah("list", "job", "-p", f"{vision}/edges").stdout.splitlines()
    assert listed[1].endswith(f"failure: {'a' * 60}…")
    assert f"Reason: {'a' * 100}\n  b\n" in howdah("inspect", "job", newest(conn, vision).id).stdout


def test_jobs_of_all_projects(howdah: Howdah, vision: str, conn: Connection) -> None:
    id = newest(conn, vision).id

    def sets(*words: str) -> list[Any]:
        return [each["job_set"]["id"] for each in lines(howdah("list", "job", "--raw", *words).stdout)]

    assert id in sets("-A")
    assert id not in sets()
