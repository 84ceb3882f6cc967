from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from howdah.launch import instance, processes
from howdah.launch.instance import AlreadyRunning, Instance
from howdah.launch.paths import DataFolder
from howdah.launch.processes import Process


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    """A data folder."""
    folder = DataFolder(tmp_path / "data")
    folder.make()
    return folder


@pytest.fixture
def other() -> Iterator[Process]:
    """Some process that only waits."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as running:
        known = processes.identify(running.pid)
        assert known is not None
        yield known
        running.kill()


def _record(folder: DataFolder, launcher: Process, **children: Process) -> Instance:
    found = Instance(launcher, "http://127.0.0.1:1", "grpc://127.0.0.1:2", children)
    instance.write(folder, found)
    return found


def test_record_reads_back(folder: DataFolder) -> None:
    written = _record(folder, Process(1, "a"), store=Process(2, "b"))
    assert instance.read(folder) == written


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"launcher": 3}', '{"launcher": {"pid": 1}}'])
def test_unreadable_record_is_no_record(folder: DataFolder, text: str) -> None:
    folder.instance.write_text(text)
    assert instance.read(folder) is None


def test_folder_is_held_by_one(folder: DataFolder) -> None:
    with instance.held(folder), pytest.raises(AlreadyRunning), instance.held(folder):
        pass
    with instance.held(folder):
        pass


def test_living_launcher_holds_the_folder_where_locks_do_not_reach(folder: DataFolder, other: Process) -> None:
    _record(folder, other)
    with pytest.raises(AlreadyRunning), instance.held(folder):
        pass


def test_reused_process_id_is_not_mistaken_for_the_launcher(folder: DataFolder, other: Process) -> None:
    _record(folder, Process(other.pid, "at another time"))
    with instance.held(folder):
        pass


def test_leftover_is_ended(folder: DataFolder, other: Process) -> None:
    _record(folder, Process(1, "gone"), store=other)
    assert instance.end_leftovers(folder, 5.0) == ["store"]
    assert not processes.is_alive(other)


def test_stranger_with_a_leftovers_id_is_left_alone(folder: DataFolder, other: Process) -> None:
    _record(folder, Process(1, "gone"), store=Process(other.pid, "at another time"))
    assert instance.end_leftovers(folder, 5.0) == []
    assert processes.is_alive(other)


def test_process_that_ignores_the_request_is_forced() -> None:
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", deaf], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        running.stdout.readline()
        known = processes.identify(running.pid)
        assert known is not None
        assert processes.end(known, 0.2)


def test_own_process_is_identified_the_same_each_time() -> None:
    assert processes.identify(os.getpid()) == processes.identify(os.getpid())


def test_data_folder_is_for_its_owner_alone(folder: DataFolder) -> None:
    assert folder.root.stat().st_mode & 0o777 == 0o700


def test_large_logs_are_put_aside_at_start(folder: DataFolder) -> None:
    log = folder.log("store")
    with log.open("wb") as file:
        file.truncate(11 * 1024 * 1024)
    folder.make()
    assert not log.exists()
    assert log.with_suffix(".log.1").exists()
