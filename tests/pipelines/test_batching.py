"""Code that is started once and asks for one datum after the other, with the published client's own helper."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import grpc
import pytest

from howdah.client import jobs, logs, pipelines
from howdah.client.nextdatum import Ask, Door
from howdah.errors import Invalid
from howdah.infos import JobInfo, JobState
from howdah.testing.launched import until
from howdah.testing.pipelines import Mill, pfs
from howdah.wire.gen import worker_pb2, worker_pb2_grpc
from howdah.worker import peers
from tests.worker.conftest import running

_HEAD = """
import os, pathlib, sys
from pachyderm_sdk import batch_all_datums
started = open("/proc/self/stat").read().split()[21]
out = pathlib.Path("/pfs/out")
@batch_all_datums
def work():
    given = pathlib.Path(os.environ["given"])
"""
_COPY = '    (out / given.name).write_text(f"{started} {given.read_text()} {sorted(os.listdir(out))}")'


def _pipeline(mill: Mill, repo: str, *lines: str, head: str = _HEAD, **spec: Any) -> str:
    given = pfs(repo, name="given", **spec.pop("given", {}))
    transform = {"cmd": [sys.executable, "-"], "datum_batching": True, **spec.pop("transform", {})}
    script = [*head.splitlines(), *lines, "", "work()"]
    sets = {"datum_set_spec": {"number": 100}, "datum_tries": 1, **spec}
    return mill.pipeline(given, *script, transform=transform, **sets)


def _lines(mill: Mill, told: JobInfo) -> list[tuple[str, str]]:
    """What the code of a job printed, each with the datum's first characters."""
    found = logs.read(mill.conn, job=told.job)
    return [(line.datum, line.message) for line in found if line.user]


def test_all_datums_are_worked_on_in_one_process(mill: Mill) -> None:
    repo = mill.repo({f"/{name}": name.encode() for name in "abcdef"})
    pipeline = _pipeline(mill, repo, _COPY)

    told = mill.wait(pipeline)
    again = mill.wait(pipeline, mill.put(repo, {"/g": b"g"}))

    assert (told.state, told.processed, again.processed, again.skipped) == (JobState.JOB_SUCCESS, 6, 1, 6)
    found = {path: content.decode().split(" ", 2) for path, content in mill.read(pipeline).items()}
    assert [found[f"/{name}"][1:] for name in "abcdefg"] == [[name, "[]"] for name in "abcdefg"]
    assert len({found[f"/{name}"][0] for name in "abcdef"}) == 1
    assert told.stats.upload_bytes == sum(len(" ".join(found[f"/{name}"])) for name in "abcdef")


def test_inputs_and_outputs_are_each_datums_own(mill: Mill) -> None:
    repo = mill.repo({"/a/x": b"1", "/a/y": b"2", "/b/z": b"3"})
    script = """
    (out / "deep/er").mkdir(parents=True)
    for file in given.iterdir():
        (out / "deep/er" / file.name).symlink_to(file)
        (out / "deep" / file.name).write_bytes(file.read_bytes())
    print(sorted(map(str, pathlib.Path("/pfs").rglob("*"))))
"""
    pipeline = _pipeline(mill, repo, script)

    told = mill.wait(pipeline)

    assert told.state is JobState.JOB_SUCCESS
    expected = {"x": b"1", "y": b"2", "z": b"3"}
    assert mill.read(pipeline) == {f"/deep/{at}{name}": data for at in ("", "er/") for name, data in expected.items()}
    printed = _lines(mill, told)
    assert len({datum for datum, _ in printed}) == 2
    assert sum("/pfs/given/a/x" in line for _, line in printed) == 1
    assert not any("/a/" in line and "/b/" in line for _, line in printed)


def test_lazy_files_are_fed_and_left_behind(mill: Mill) -> None:
    repo = mill.repo({"/a": b"a" * 300_000, "/b": b"b" * 300_000})
    script = """
    file = open(given)
    (out / given.name).write_text(file.read(3))
    globals()[given.name] = file  # stays open, with most of it unread
"""
    pipeline = _pipeline(mill, repo, script, given={"lazy": True})

    assert mill.wait(pipeline).state is JobState.JOB_SUCCESS
    assert mill.read(pipeline) == {"/a": b"aaa", "/b": b"bbb"}


def test_an_error_fails_its_datum_which_is_tried_again_in_a_new_process(mill: Mill) -> None:
    repo = mill.repo({"/a": b"a", "/b": b"b", "/c": b"c"})
    script = """
    (out / given.name).write_text(started)
    import time
    if given.name == "b" and time.time_ns() // 1000 % 2:
        raise ValueError("not yet")
"""
    pipeline = _pipeline(mill, repo, script, datum_tries=40)

    told = mill.wait(pipeline)

    assert (told.state, told.processed, told.failed) == (JobState.JOB_SUCCESS, 3, 0)
    assert sorted(mill.read(pipeline)) == ["/a", "/b", "/c"]


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("    raise ValueError('no')", "its code told of an error"),
        ("    sys.exit()", "ended before it asked for the next datum (exit code 0)"),
        ("    os.kill(os.getpid(), 9)", "ended by SIGKILL"),
        ("    import time; time.sleep(60)", "longer than 3 seconds"),
        ("    (out / 'x').symlink_to('/etc/passwd')", "outside of /pfs"),
    ],
)
def test_what_goes_wrong_is_told_of_its_datum(mill: Mill, script: str, why: str) -> None:
    repo = mill.repo({"/a": b"a", "/b": b"b"})
    limit = {"datum_timeout": "3s"} if "sleep" in script else {}
    pipeline = _pipeline(mill, repo, "    if given.name == 'a': return", script, **limit)

    told = mill.wait(pipeline)

    assert (told.state, told.failed) == (JobState.JOB_FAILURE, 1)
    said = [line.message for line in logs.read(mill.conn, job=told.job) if why in line.message]
    assert said, [line.message for line in logs.read(mill.conn, job=told.job)]


def test_code_that_never_asks_fails(mill: Mill) -> None:
    repo = mill.repo({"/a": b"a"})

    assert mill.wait(_pipeline(mill, repo, head="def work(): pass")).state is JobState.JOB_FAILURE


def test_what_is_printed_is_told_of_its_datum(mill: Mill) -> None:
    repo = mill.repo({f"/{number}": b"" for number in range(20)})
    pipeline = _pipeline(mill, repo, "    print(os.environ['PACH_DATUM_ID'])")

    printed = _lines(mill, mill.wait(pipeline))

    assert len(printed) == 20
    assert all(datum == line for datum, line in printed)


def test_a_job_that_is_stopped_ends_its_process(mill: Mill) -> None:
    repo = mill.repo({"/a": b"60"})
    script = "    import time; time.sleep(int(given.read_text()))"
    pipeline = _pipeline(mill, repo, script, "    (out / 'a').touch()")
    first = mill.jobs(pipeline)[0].job
    id = mill.put(repo, {"/a": b"0"})

    jobs.stop(mill.conn, first)

    assert mill.wait(pipeline, first.id).state is JobState.JOB_KILLED
    assert mill.wait(pipeline, id).state is JobState.JOB_SUCCESS


def test_code_that_never_asks_ends_with_its_job(mill: Mill) -> None:
    transform = {"datum_batching": True}
    pipeline = mill.pipeline(mill.repo({"/a": b""}), "echo begun; sleep 600.25", transform=transform)
    job = mill.jobs(pipeline)[0]
    until(lambda: bool(_lines(mill, job)), what="the code")

    jobs.stop(mill.conn, job.job)

    assert mill.wait(pipeline, job.job.id).state is JobState.JOB_KILLED
    until(lambda: not running("600.25"), what="the end of the code")


def test_err_cmd_is_refused(mill: Mill) -> None:
    document = {
        "pipeline": {"name": "mends"},
        "input": pfs(mill.repo()),
        "transform": {"cmd": ["true"], "err_cmd": ["true"], "datum_batching": True},
    }

    with pytest.raises(Invalid, match="err_cmd cannot be had with datum_batching"):
        pipelines.create(mill.conn, json.dumps(document))


def test_names_with_quotes_are_told(mill: Mill) -> None:
    names = ["it's", 'say "x"', "a b", "back\\slash", "$HOME"]
    repo = mill.repo({f"/{name}": name.encode() for name in names})
    pipeline = _pipeline(mill, repo, "    (out / given.name).write_bytes(given.read_bytes())")

    assert mill.wait(pipeline).state is JobState.JOB_SUCCESS
    assert mill.read(pipeline) == {f"/{name}": name.encode() for name in names}


def _until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_calls_of_others_are_refused_and_who_waits_at_the_end_is_sent_away() -> None:
    asks: list[Ask] = []
    allowed = True
    with ExitStack() as stack:
        door = stack.enter_context(Door(asks.append, lambda caller, door: allowed and caller != door))
        channel = stack.enter_context(grpc.insecure_channel(f"127.0.0.1:{door.port}"))
        stub = worker_pb2_grpc.WorkerStub(channel)
        waiting = stub.NextDatum.future(worker_pb2.NextDatumRequest(error="x"))
        _until(lambda: len(asks) == 1)
        asks[0].answer(["A=1"])
        assert (asks[0].error, list(waiting.result().env)) == ("x", ["A=1"])
        last = stub.NextDatum.future(worker_pb2.NextDatumRequest())
        _until(lambda: len(asks) == 2)
        allowed = False
        with pytest.raises(grpc.RpcError, match="the code of one pipeline"):
            stub.NextDatum(worker_pb2.NextDatumRequest())
        door.__exit__(None, None, None)
        assert last.exception() is not None


def test_the_user_at_the_other_end_is_known(tmp_path: Path) -> None:
    head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    rest = "01 00000000:00000000 00:00000000 00000000"
    old, new = tmp_path / "tcp", tmp_path / "tcp6"
    old.write_text(
        f"{head}   0: 0100007F:1F90 0100007F:0050 {rest}  1000        0 1\n"
        f"   1: 0100007F:1F90 0100007F:0051 {rest} 61184        0 2\n"
    )
    mapped = "0000000000000000FFFF00000100007F"
    new.write_text(f"{head}   0: {mapped}:1F90 {mapped}:0052 {rest} 61185        0 3\n")

    found = [peers.owner(0x1F90, port, [tmp_path / "none", new, old]) for port in (0x51, 0x52, 0x53)]

    assert found == [61184, 61185, None]
