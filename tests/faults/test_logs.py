"""Logs on a disk that is full, or fails: they lose lines and say how many, and nobody is kept from anything."""

from __future__ import annotations

import json
import time
from pathlib import Path

from howdah.infos import LogLine
from howdah.names import Pipeline, Project
from howdah.pps.logreading import Reading, Wanted
from howdah.pps.logs import Bounds, Logs, segments
from tests.faults.disks import small_disk

EDGES = Pipeline(Project(), "edges")
ROOM = Bounds(free=0)


def now() -> int:
    return int(time.time() * 1_000_000)


def write(logs: Logs, *messages: str) -> None:
    logs.write(EDGES, [LogLine(message, user=True) for message in messages])


def read(logs: Logs) -> list[str]:
    reading = Reading(logs.place(EDGES), Wanted(EDGES))
    found: list[str] = []
    is_end = False
    while not is_end:
        lines, is_end = reading.take()
        found += [line.message for line in lines]
    return found


def test_full_disk_loses_lines_and_tells_how_many(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "1m") as disk:
        logs = Logs(disk.folder / "logs", now, ROOM)
        write(logs, "first")
        disk.leave(20_000)
        for number in range(10):
            write(logs, *(f"{number} {'x' * 1000}" for _ in range(8)))
        [(_, path)] = segments(logs.place(EDGES))
        whole = [json.loads(line) for line in path.read_text().splitlines()]
        kept = len(whole)
        assert 1 < kept < 81
        disk.clear()
        write(logs, "last")
        found = read(logs)
        assert found[0] == "first"
        assert found[kept:] == [f"({81 - kept} lines could not be kept here)", "last"]


def test_disk_that_is_read_only_for_a_while_loses_what_came_meanwhile(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "1m") as disk:
        logs = Logs(disk.folder / "logs", now, ROOM)
        write(logs, "first")
        disk.be("ro")
        write(logs, "second", "third")
        assert read(Logs(disk.folder / "logs", now, ROOM)) == ["first"]
        disk.be("rw")
        write(logs, "fourth")
        assert read(logs) == ["first", "(2 lines could not be kept here)", "fourth"]


def test_last_of_a_disk_is_left_to_the_store(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "1m") as disk:
        logs = Logs(disk.folder / "logs", now)
        write(logs, "first")
        assert read(logs) == []
