"""Logs from the command line. The tests write the lines, as a driver would."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest

from howdah.client import channel, jobs
from howdah.infos import LogLine
from howdah.names import Job, Pipeline, Project
from howdah.pps.logs import Bounds, Logs
from howdah.testing.servers import StoreServer
from tests.cli.conftest import Howdah, in_process

DATUM = "ab" * 32
WHEN = datetime(2040, 1, 2, 3, 4, 5, 678, tzinfo=timezone.utc)  # later than the pipeline that it is told of


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreServer]:
    with StoreServer(tmp_path_factory.mktemp("logged") / "data") as store:
        yield store


@pytest.fixture(scope="module")
def job(store: StoreServer) -> Job:
    """A job with lines, of a pipeline that is one of two."""
    for command in (("create", "repo", "images"), ("create", "pipeline", "-f", "-")):
        told = {
            "pipeline": {"name": "edges"},
            "transform": {"cmd": ["true"]},
            "input": {"pfs": {"repo": "images", "glob": "/"}},
        }
        assert in_process(*command, "--address", store.address, stdin=json.dumps(told).encode()).code == 0
    edges = Pipeline(Project(), "edges")
    with channel.connect(store.address) as conn:
        job = next(jobs.list(conn, pipeline=edges)).job
    log = Logs(store.data / "logs", lambda: int(time.time() * 1_000_000), Bounds(free=0))
    files = (("/1.png", b"1" * 32), ("/a,b.png", b"2" * 32))
    lines = [
        LogLine("2 datums", job=job.id, master=True, time=WHEN),
        LogLine("begun", job=job.id, datum=DATUM, inputs=files, time=WHEN),
        LogLine("\x1b[31mred\ttab é", job=job.id, datum=DATUM, user=True, inputs=files, time=WHEN),
        LogLine("other", job=job.id, datum="cd" * 32, user=True, time=WHEN),
    ]
    log.write(edges, lines)
    return job


@pytest.fixture
def on(plain: Howdah, store: StoreServer, monkeypatch: pytest.MonkeyPatch) -> Howdah:
    """The command line on that store."""
    monkeypatch.setenv("HOWDAH_ADDRESS", store.address)
    return plain


def ended(result: tuple[int, bytes, str]) -> list[str]:
    code, out, errors = result
    assert (code, errors) == (0, "")
    return [line for line in out.decode().splitlines() if line.startswith("2040")]


def test_lines_tell_when_and_where(on: Howdah, job: Job) -> None:
    assert ended(on("logs", "-p", "edges")) == [
        f"2040-01-02T03:04:05Z  {job.id[:8]}  abababab  begun",
        f"2040-01-02T03:04:05Z  {job.id[:8]}  abababab  \\x1b[31mred        tab é",
        f"2040-01-02T03:04:05Z  {job.id[:8]}  cdcdcdcd  other",
    ]
    assert ended(on("logs", "-j", str(job), "-t", "1", "--full-timestamps")) == [
        "2040-01-02T03:04:05.000678Z  cdcdcdcd  other"
    ]
    assert ended(on("logs", "-j", str(job), "--master"))[0].endswith("  -  2 datums")


def test_lines_are_chosen(on: Howdah, job: Job) -> None:
    for options in (
        ("--datum", "abababab"),
        ("--inputs", "/1.png"),
        ("--inputs", f"1.png,{(b'2' * 32).hex()}"),
        ("--datum", DATUM, "--since", "1h30m"),
    ):
        assert [line.split()[-1] for line in ended(on("logs", "-p", "edges", *options))] == ["begun", "é"]
    assert ended(on("logs", "-p", "edges", "--inputs", "/2.png")) == []


def test_documents_tell_everything(on: Howdah, job: Job) -> None:
    lines = [json.loads(line) for line in on("logs", "-p", "edges", "--raw").stdout.splitlines()]
    [line] = [line for line in lines if line["message"] == "begun"]
    assert (line["pipeline_name"], line["job_id"], line["datum_id"]) == ("edges", job.id, DATUM)
    assert (line["user"], line["master"], line["data"][0]["path"]) == (False, False, "/1.png")


def test_following_ends_with_the_job(on: Howdah, job: Job) -> None:
    assert on("stop", "job", str(job)).code == 0
    assert len(ended(on("logs", "-j", str(job), "-f"))) == 3


def test_store_tells_its_own_log_without_a_pipeline(on: Howdah) -> None:
    done = on("logs")
    assert (done.code, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("options", "code", "text"),
    [
        (("-p", "nothing"), 3, 'pipeline "default/nothing" not found'),
        (("-j", "edges"), 2, "PIPELINE@ID names one"),
        (("-p", "edges", "--since", "yesterday"), 2, "write it like 90s, 10m, 1h30m or 7d"),
        (("--datum", DATUM), 2, "pipeline must be specified"),
        (("-f",), 8, "following the store's own log is not offered"),
        (("-p", "edges", "--since", "99999999999999d", "-t", "-1"), 2, "Invalid value"),
    ],
)
def test_what_cannot_be_told_is_refused(on: Howdah, job: Job, options: tuple[str, ...], code: int, text: str) -> None:
    done = on("logs", *options)
    assert text in done.stderr
    assert done.code == code


def test_log_lies_in_the_data_folder(job: Job, store: StoreServer) -> None:
    [folder] = [path for path in Path(store.data / "logs").iterdir() if path.name.startswith("default.edges.")]
    assert re.search(r'"message": "begun"', next(folder.glob("*.jsonl")).read_text())
