"""Logs of pipelines: what is written is read, within bounds, whatever happens to the disk in between."""

from __future__ import annotations

import base64
import logging
import os
import threading
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from howdah.infos import LogLine
from howdah.names import Pipeline, Project
from howdah.pfs import clock
from howdah.pps.logreading import Reading, Wanted
from howdah.pps.logs import Bounds, Logs, segments
from howdah.pps.striking import Strike

EDGES, COUNT = (Pipeline(Project(), name) for name in ("edges", "count"))
JOB, OTHER = "11" * 16, "22" * 16
DATUM = "ab" * 32
FILES = (("/1.png", b"1" * 32), ("/deep/", b"2" * 32))
HOUR = 3600_000_000
ROOM = Bounds(free=0)


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000_000_000

    def __call__(self) -> int:
        self.now += 1
        return self.now


@pytest.fixture
def time() -> Clock:
    return Clock()


@pytest.fixture
def logs(tmp_path: Path, time: Clock) -> Logs:
    return Logs(tmp_path / "logs", time, ROOM)


def read(logs: Logs, pipeline: Pipeline = EDGES, **wanted: object) -> list[LogLine]:
    reading = Reading(logs.place(pipeline), replace(Wanted(pipeline), **wanted))  # type: ignore[arg-type]
    return rest(reading)


def rest(reading: Reading) -> list[LogLine]:
    found: list[LogLine] = []
    is_end = False
    while not is_end:
        lines, is_end = reading.take()
        found += lines
    return found


def texts(lines: Iterable[LogLine]) -> list[str]:
    return [line.message for line in lines]


def printed(*messages: str, job: str = JOB, datum: str = DATUM) -> list[LogLine]:
    return [LogLine(message, job=job, datum=datum, user=True, inputs=FILES) for message in messages]


def test_what_is_written_is_read_whole(logs: Logs, time: Clock) -> None:
    line = LogLine("hello", job=JOB, datum=DATUM, worker="w1", user=True, inputs=FILES)
    at = time.now + 1
    logs.write(EDGES, [line])
    [found] = read(logs)
    assert found == replace(line, pipeline=EDGES, time=clock.moment(at))
    assert read(logs, COUNT) == []


def test_lines_keep_their_order_and_their_own_times(logs: Logs, time: Clock) -> None:
    at = clock.moment(time.now - HOUR)
    logs.write(EDGES, [LogLine("first", time=at), *printed("second")])
    logs.write(EDGES, printed("third"))
    assert texts(read(logs)) == ["first", "second", "third"]
    assert read(logs)[0].time == at


def test_lines_are_chosen_by_job_datum_driver_and_age(logs: Logs, time: Clock) -> None:
    logs.write(EDGES, [*printed("a"), *printed("b", job=OTHER), *printed("c", datum="cd" * 32)])
    logs.write(EDGES, [LogLine("taken up", job=JOB, master=True)])
    late = time.now
    logs.write(EDGES, printed("d"))
    assert texts(read(logs)) == ["a", "b", "c", "d"]
    assert texts(read(logs, job=JOB)) == ["a", "c", "d"]
    assert texts(read(logs, job=JOB, datum="abab")) == ["a", "d"]
    assert texts(read(logs, master=True)) == ["taken up"]
    assert texts(read(logs, since=late)) == ["d"]


@pytest.mark.parametrize(
    ("data", "count"),
    [
        (("/1.png",), 1),
        (("1.png", "/deep"), 1),
        (((b"1" * 32).hex(),), 1),
        ((base64.b64encode(b"2" * 32).decode(),), 1),
        (("/1.png", "/2.png"), 0),
        (("/2.png",), 0),
    ],
)
def test_lines_are_chosen_by_the_files_of_their_datum(logs: Logs, data: tuple[str, ...], count: int) -> None:
    logs.write(EDGES, [*printed("x"), LogLine("of no datum", job=JOB)])
    assert len(read(logs, data=data)) == count


def test_inputs_of_a_datum_are_kept_once_in_each_segment(tmp_path: Path, time: Clock) -> None:
    logs = Logs(tmp_path / "logs", time, replace(ROOM, segment=2000))
    for number in range(100):
        logs.write(EDGES, printed(str(number)))
    found = segments(logs.place(EDGES))
    assert len(found) > 3
    assert all(path.read_text().count('"inputs"') == 1 for _, path in found)
    assert texts(read(logs, data=("/1.png",))) == [str(number) for number in range(100)]


def test_files_of_a_datum_need_come_with_its_first_line_alone(tmp_path: Path, time: Clock) -> None:
    logs = Logs(tmp_path / "logs", time, replace(ROOM, segment=1000))
    logs.write(EDGES, printed("begins"))
    for line in printed(*"abcdef" * 10):
        logs.write(EDGES, [replace(line, inputs=())])
    assert len(segments(logs.place(EDGES))) > 1
    for number in range(100):  # other pipelines, for which this one is forgotten
        logs.write(Pipeline(Project(), str(number)), printed("x"))
    logs.write(EDGES, printed("ends"))
    assert len(read(logs, data=("/1.png",))) == 62


@pytest.mark.parametrize("tail", [1, 2, 7, 50, 60])
def test_last_lines_are_found_across_segments(tmp_path: Path, time: Clock, tail: int) -> None:
    logs = Logs(tmp_path / "logs", time, replace(ROOM, segment=1500))
    for number in range(50):
        logs.write(EDGES, [*printed(str(number)), *printed("else", job=OTHER)])
    found = read(logs, job=JOB, tail=tail)
    assert texts(found) == [str(number) for number in range(50)][-tail:]
    assert all(line.inputs == FILES for line in found)


def test_who_reads_on_finds_what_was_written_meanwhile(tmp_path: Path, time: Clock) -> None:
    logs = Logs(tmp_path / "logs", time, replace(ROOM, segment=1000))
    reading = Reading(logs.place(EDGES), Wanted(EDGES, tail=1))
    assert rest(reading) == []
    for number in range(30):
        logs.write(EDGES, printed(str(number)))
        assert texts(rest(reading)) == [str(number)]


def test_log_goes_on_after_a_restart_and_after_a_torn_line(logs: Logs, tmp_path: Path, time: Clock) -> None:
    logs.write(EDGES, printed("before"))
    [(_, path)] = segments(logs.place(EDGES))
    with path.open("ab") as file:
        file.write(b'{"time": "2026-11-21T00:00:00+00:00", "mess')
    assert texts(read(logs)) == ["before"]
    after = Logs(tmp_path / "logs", time, ROOM)
    after.write(EDGES, printed("after"))
    assert texts(read(after, data=("/1.png",))) == ["before", "after"]
    assert len(segments(logs.place(EDGES))) == 1


@pytest.mark.parametrize(
    "garbage",
    [
        b"\n\n",
        b"\0" * 5000 + b"\n",
        b"\xff\xfe\x00\n",
        b"[1, 2]\n",
        b"{}\n",
        b'{"time": 5, "message": "x"}\n',
        b'{"time": "2026-01-01", "message": "x"}\n',
        b'{"inputs": 7}\n',
        os.urandom(3 << 20).replace(b"{", b"") + b"\n",
    ],
    ids=range(9),
)
def test_what_is_no_record_is_passed_over(logs: Logs, garbage: bytes) -> None:
    logs.write(EDGES, printed("one"))
    [(_, path)] = segments(logs.place(EDGES))
    with path.open("ab") as file:
        file.write(garbage)
    logs.write(EDGES, printed("two"))
    assert texts(read(logs)) == ["one", "two"]
    assert texts(read(logs, tail=1)) == ["two"]


def test_odd_messages_come_back_as_text(logs: Logs) -> None:
    odd = ["", "a\u2028b\x85c", "tab\tbell\x07\x00", "züri 🐘", "two\nlines", "x" * 2_000_000]
    logs.write(EDGES, printed(*odd))
    assert texts(read(logs)) == odd
    logs.write(COUNT, printed("half \udc80", "end\r\n"))
    assert texts(read(logs, COUNT)) == ["half \\udc80", "end"]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=20))
def test_any_text_comes_back(tmp_path_factory: pytest.TempPathFactory, messages: list[str]) -> None:
    logs = Logs(tmp_path_factory.mktemp("any"), Clock(), ROOM)
    logs.write(EDGES, printed(*messages))
    assert texts(read(logs)) == [message.rstrip("\r\n") for message in messages]


def test_many_writers_at_once_lose_and_mix_nothing(logs: Logs) -> None:
    def work(name: str) -> None:
        for number in range(100):
            logs.write(EDGES, printed(*(f"{name} {number} {each}" for each in range(5)), datum=name))

    threads = [threading.Thread(target=work, args=(name,)) for name in ("aa", "bb", "cc", "dd")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = read(logs)
    assert len(found) == 2000
    for name in ("aa", "bb", "cc", "dd"):
        own = [line.message for line in found if line.datum == name]
        assert own == [f"{name} {number} {each}" for number in range(100) for each in range(5)]


def test_names_of_any_length_and_case_have_logs_of_their_own(logs: Logs) -> None:
    pipelines = [Pipeline(Project("p"), name) for name in ("Edges", "edges", "e" * 5000, "e" * 5001, "-")]
    for number, pipeline in enumerate(pipelines):
        logs.write(pipeline, printed(str(number)))
    assert [texts(read(logs, pipeline)) for pipeline in pipelines] == [["0"], ["1"], ["2"], ["3"], ["4"]]
    assert len({logs.place(pipeline).name.lower() for pipeline in pipelines}) == 5


def test_very_many_files_and_datums_are_not_all_remembered(logs: Logs) -> None:
    many = tuple((f"/{number}", b"1" * 32) for number in range(5000))
    for number in range(50):
        logs.write(EDGES, [LogLine("x", job=JOB, datum=f"{number:02x}", user=True, inputs=many)])
    assert len(read(logs, data=("/0", "/999"))) == 50
    assert read(logs, data=("/1000",)) == []


def test_datum_prints_only_so_much_and_others_go_on(tmp_path: Path, time: Clock) -> None:
    logs = Logs(tmp_path / "logs", time, replace(ROOM, datum=100))
    for _ in range(3):
        logs.write(EDGES, printed("x" * 45))
    logs.write(EDGES, [*printed("y"), LogLine("failed", job=JOB, datum=DATUM), *printed("z", datum="cd")])
    assert texts(read(logs)) == [
        *("x" * 45, "x" * 45),
        "(what this datum prints from here on is left out: it is more than 100 bytes)",
        *("failed", "z"),
    ]


def test_oldest_lines_go_when_a_log_is_too_large(tmp_path: Path, time: Clock) -> None:
    logs = Logs(tmp_path / "logs", time, replace(ROOM, segment=1000, pipeline=5000))
    for number in range(200):
        logs.write(EDGES, printed(str(number)))
    kept = texts(read(logs))
    assert kept == [str(number) for number in range(200)][-len(kept) :]
    assert 10 < len(kept) < 100
    assert sum(path.stat().st_size for _, path in segments(logs.place(EDGES))) < 7000


def test_largest_log_gives_way_when_all_are_too_large(tmp_path: Path, time: Clock) -> None:
    logs = Logs(tmp_path / "logs", time, replace(ROOM, segment=1000, total=8000))
    logs.write(COUNT, printed("quiet"))
    for number in range(200):
        logs.write(EDGES, printed(str(number)))
    assert texts(read(logs, COUNT)) == ["quiet"]
    assert texts(read(logs))[-1] == "199"
    assert sum(path.stat().st_size for path in (tmp_path / "logs").rglob("*.jsonl")) < 11_000


def test_old_logs_go_with_their_folder(tmp_path: Path, time: Clock) -> None:
    logs = Logs(tmp_path / "logs", time, ROOM)
    logs.write(COUNT, printed("old"))
    [(_, path)] = segments(logs.place(COUNT))
    os.utime(path, (0, 0))
    Logs(tmp_path / "logs", time, ROOM)
    assert not logs.place(COUNT).exists()
    logs.write(COUNT, printed("new"))  # by one who knew the segment that has gone
    assert [line.inputs for line in read(logs, COUNT)] == [FILES]


def test_log_begins_a_segment_each_day(logs: Logs, time: Clock) -> None:
    for _ in range(3):
        logs.write(EDGES, printed("x"))
        time.now += 25 * HOUR
    assert len(segments(logs.place(EDGES))) == 3
    assert texts(read(logs, since=time.now - 26 * HOUR)) == ["x"]


def test_clock_that_is_set_back_changes_no_order(tmp_path: Path, time: Clock) -> None:
    logs = Logs(tmp_path / "logs", time, replace(ROOM, segment=100))
    for number in range(5):
        logs.write(EDGES, printed(str(number)))
        time.now -= 2 * HOUR
    assert texts(read(logs)) == ["0", "1", "2", "3", "4"]


def test_full_disk_costs_lines_that_are_counted_and_nothing_else(
    tmp_path: Path, time: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    full = Logs(tmp_path / "logs", time, Bounds(free=1 << 62))
    with caplog.at_level(logging.WARNING):
        full.write(EDGES, printed("one", "two"))
        full.write(EDGES, printed("three"))
    assert len(caplog.records) == 1
    assert "nearly full" in caplog.text
    assert read(full) == []


def test_lost_lines_are_told_with_the_first_that_is_kept(logs: Logs) -> None:
    folder = logs.place(EDGES)
    folder.parent.mkdir()
    folder.write_text("in the way")
    logs.write(EDGES, printed("one", "two"))
    logs.write(EDGES, printed("three"))
    folder.unlink()
    logs.write(EDGES, printed("four"))
    logs.write(EDGES, printed("five"))
    assert texts(read(logs)) == ["(3 lines could not be kept here)", "four", "five"]


def test_nobody_else_may_read_logs(logs: Logs) -> None:
    logs.write(EDGES, printed("private"))
    [(_, path)] = segments(logs.place(EDGES))
    assert path.stat().st_mode & 0o777 == 0o600
    assert logs.place(EDGES).stat().st_mode & 0o777 == 0o700


def test_who_watches_is_told_of_each_write_until_the_end(logs: Logs) -> None:
    told: list[str] = []
    stop = logs.watch(lambda: told.append("woken"))
    logs.write(EDGES, printed("one", "two"))
    logs.write(EDGES, [])
    stop()
    logs.write(EDGES, printed("three"))
    assert told == ["woken"]


def test_values_of_secrets_are_struck_out(logs: Logs) -> None:
    strike = Strike(
        [b"pass/word 1", b"-----BEGIN-----\nAbCdEf123\n", b"", b"abc", b"\xff\xfe\xfd\xfc", b'quo"ted\xc3\xbc']
    )
    lines = [
        *("login with pass/word 1, twice: pass/word 1", "https://me:pass%2Fword%201@host", "AbCdEf123 abc"),
        *(base64.b64encode(b"pass/word 1").decode(), "\\xff\\xfe\\xfd\\xfc", 'quo"tedü', 'quo\\"ted\\u00fc', "nothing"),
    ]
    logs.write(EDGES, printed(*lines), strike)
    assert texts(read(logs)) == [
        *("login with ***, twice: ***", "https://me:***@host", "*** abc"),
        *("***", "***", "***", "***", "nothing"),
    ]
    [(_, path)] = segments(logs.place(EDGES))
    assert b"word 1" not in path.read_bytes()


def test_longer_secrets_are_struck_out_whole() -> None:
    assert Strike([b"secret", b"secret-and-more"])("a secret-and-more b secret") == "a *** b ***"
    assert Strike()("as it is") == "as it is"
