"""Code that harms, by mistake or not: its job tells why it failed and what to do, and the next one runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from howdah.client import files, jobs, logs
from howdah.infos import JobInfo, JobState
from howdah.names import Commit, File, Project, Repo
from howdah.testing.launched import until
from howdah.testing.pipelines import Mill, pfs
from howdah.testing.servers import StoreServer
from tests.pipelines import processes

COPY = "cp /pfs/in/* /pfs/out"


@pytest.fixture(autouse=True)
def next_job_runs(mill: Mill) -> Iterator[None]:
    """Whatever a test did, what follows is worked on."""
    yield
    told = mill.wait(mill.pipeline(pfs(mill.repo({"/a": b"1"}), name="in"), COPY))
    assert told.state is JobState.JOB_SUCCESS


def run(mill: Mill, *script: str, **spec: Any) -> JobInfo:
    """The job of a pipeline on one file."""
    repo = mill.repo({"/a": b"1"})
    return mill.wait(mill.pipeline(pfs(repo, name="in"), *script, **{"datum_tries": 1, **spec}))


def said(mill: Mill, told: JobInfo, text: str, *, user: bool = False) -> None:
    """Wait for a line with this text in a job's log: of the worker, or of the code; lines may come behind the job."""

    def is_there() -> bool:
        return any(text in line.message and line.user == user for line in logs.read(mill.conn, job=told.job, tail=9))

    until(is_there, what=f"a line with {text!r}")


def python(program: str) -> str:
    return f"python3 -c '{program}'"


FORKS = "import os, time; [os.fork() for _ in range(3)]; b = bytearray(30 << 20); time.sleep(60)"
MANY = "i=0; while true; do i=$((i + 1)); head -c 1000000 /dev/zero > /pfs/out/$i; done"
LIMITS = {"memory": {"resource_limits": {"memory": "100Mi"}}, "disk": {"resource_limits": {"disk": "8Mi"}}}


@pytest.mark.parametrize(
    ("script", "spec", "why"),
    [
        ("f() { f | f & }; f; sleep 60", {"datum_timeout": "1s"}, "datum_timeout"),
        ("trap '' TERM INT HUP; while true; do sleep 1; done", {"datum_timeout": "0.3s"}, "datum_timeout"),
        (python(FORKS), LIMITS["memory"], "resource_limits.memory"),
        ("head -c 99000000 /dev/zero > /pfs/out/large", LIMITS["disk"], "resource_limits.disk"),
        (MANY, LIMITS["disk"], "resource_limits.disk"),
        (MANY.replace("/pfs/out", "/tmp"), LIMITS["disk"], "resource_limits.disk"),
        ("ln -s /etc/passwd /pfs/out/users", {}, "output /users"),
        ("ln -s nowhere /pfs/out/lost", {}, "write a file"),
        ("mkfifo /pfs/out/pipe", {}, "output /pipe is a named pipe"),
        (r"touch /pfs/out/$(printf '\377')", {}, "is not valid UTF-8"),
        ("exit 3", {}, "exit code 3"),
        ("kill -9 $$", {}, "SIGKILL"),
    ],
)  # fmt: skip
def test_what_code_does_wrong_is_told_with_what_to_do(
    mill: Mill, script: str, spec: dict[str, object], why: str
) -> None:
    told = run(mill, script, **spec)

    assert told.state is JobState.JOB_FAILURE
    assert told.reason.startswith("datum ")
    said(mill, told, why)


def test_memory_is_refused_to_one_process(mill: Mill) -> None:
    told = run(mill, python("b = bytearray(400 << 20)"), **LIMITS["memory"])

    assert told.state is JobState.JOB_FAILURE
    said(mill, told, "MemoryError", user=True)


def test_a_program_that_is_not_there_is_named(mill: Mill) -> None:
    repo = mill.repo({"/a": b"1"})

    told = mill.wait(mill.pipeline(repo, transform={"cmd": ["no-such-program"], "stdin": []}, datum_tries=1))

    assert told.state is JobState.JOB_FAILURE
    said(mill, told, "no-such-program is not there: name a program")


def test_neither_inputs_nor_the_store_s_files_can_be_written(mill: Mill, server: StoreServer) -> None:
    places = ["/pfs/in/a", "/pfs/in/b", "/pfs/in", f"{server.data}/x"]
    tries = [f"if {word} {place}; then exit 1; fi" for word in ("touch", "rm -r") for place in places]

    told = run(mill, *tries, "cp /pfs/in/a /pfs/out", f"ls -A {server.data} > /pfs/out/seen")

    assert told.state is JobState.JOB_SUCCESS
    found = mill.read(told.job.pipeline.name)
    assert found["/a"] == b"1"
    assert {*found["/seen"].split()} <= {b"work"}, "the folder is empty but for what the worker shows"
    assert not (server.data / "x").exists()


def test_code_that_ignores_signals_ends_with_its_job(mill: Mill, server: StoreServer) -> None:
    repo = mill.repo({"/a": b"1"})
    pipeline = mill.pipeline(repo, "trap '' TERM INT HUP", "while true; do sleep 1; done")
    job = mill.jobs(pipeline)[0].job
    until(lambda: bool(processes.runs(server.process.pid)), what="the run")

    jobs.stop(mill.conn, job)

    assert mill.wait(pipeline).state is JobState.JOB_KILLED
    until(lambda: not processes.runs(server.process.pid), what="the end of the run")


def test_what_is_printed_without_end_is_bounded_in_the_log(mill: Mill, server: StoreServer) -> None:
    def written() -> int:
        return sum(file.stat().st_size for file in (server.data / "logs").rglob("*") if file.is_file())

    before = written()

    told = run(mill, "yes abcdefghij | head -c 100000000; echo; echo last")

    assert told.state is JobState.JOB_SUCCESS
    said(mill, told, "last", user=True)
    assert written() - before < 32 << 20


def test_ten_thousand_files_are_an_output(mill: Mill) -> None:
    told = run(mill, "cd /pfs/out; seq 10000 | split -l 1 -a 4 - f")

    assert told.state is JobState.JOB_SUCCESS
    head = Commit(Repo(Project(), told.job.pipeline.name), "master")
    infos = [info for info in files.walk(mill.conn, File(head, "/")) if not info.file.path.endswith("/")]
    assert len(infos) == 10_000
    assert sum(info.size for info in infos) == sum(len(f"{n}\n") for n in range(1, 10_001))


def test_paths_may_be_deep_and_of_any_letters(mill: Mill) -> None:
    deep = "/".join(["d" * 50] * 40)
    names = "äöü €.txt", "日本 語", "👩‍💻", "a'b\"c", "new\nline", "-rf", ".hidden", "*", "x" * 255

    told = run(
        mill,
        "cd /pfs/out",
        f"mkdir -p {deep}; echo 1 > {deep}/file",
        *(f"echo 1 > ./'{name}'" for name in names if "'" not in name and "\n" not in name),
        'echo 1 > "a\'b\\"c"',
        "echo 1 > \"$(printf 'new\\nline')\"",
    )

    assert told.state is JobState.JOB_SUCCESS
    assert {*mill.read(told.job.pipeline.name)} == {f"/{name}" for name in (f"{deep}/file", *names)}


def test_links_to_inputs_are_their_content(mill: Mill) -> None:
    told = run(mill, "ln -s /pfs/in/a /pfs/out/one; ln -s /pfs/in /pfs/out/all; ln -s one /pfs/out/two")

    assert told.state is JobState.JOB_SUCCESS
    assert mill.read(told.job.pipeline.name) == dict.fromkeys(["/one", "/two", "/all/a"], b"1")


def test_no_output_is_an_output(mill: Mill) -> None:
    told = run(mill, "mkdir -p /pfs/out/a/b")

    assert told.state is JobState.JOB_SUCCESS
    assert mill.read(told.job.pipeline.name) == {}
