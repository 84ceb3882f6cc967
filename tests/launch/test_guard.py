"""A guarded command does not outlive the launcher, in the way of Linux and in the way of every other system."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from howdah.launch.processes import identify
from howdah.testing.launched import until

WAYS = {
    "kernel": "sys.exit(guard.main([str(os.getppid()), *command]))",
    "watching": "sys.exit(guard._watch(os.getppid(), command))",
}
GUARD = """
import os, sys
from howdah.launch import guard
command = [sys.executable, "-c", "import os, sys; open(sys.argv[1], 'w').write(str(os.getpid())); input()", {file!r}]
{way}
"""
LAUNCHER = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdin=subprocess.PIPE, start_new_session=True)
print(child.pid, flush=True)
input()
"""


def _way(name: str) -> str:
    if name == "kernel" and sys.platform != "linux":
        pytest.skip("platform: this way is Linux's")
    return WAYS[name]


def _pid(file: Path) -> int:
    until(lambda: file.exists() and file.read_text() != "", what="the command")
    return int(file.read_text())


@pytest.mark.parametrize("way", WAYS)
def test_command_ends_when_the_launcher_is_killed(tmp_path: Path, way: str) -> None:
    file = tmp_path / "pid"
    guard = GUARD.format(file=str(file), way=_way(way))
    with subprocess.Popen([sys.executable, "-c", LAUNCHER, guard], stdin=subprocess.PIPE) as launcher:
        pid = _pid(file)
        launcher.kill()
    until(lambda: identify(pid) is None, what="the command's end")


@pytest.mark.parametrize("way", WAYS)
def test_request_to_end_reaches_the_command(tmp_path: Path, way: str) -> None:
    file = tmp_path / "pid"
    guard = GUARD.format(file=str(file), way=_way(way))
    with subprocess.Popen([sys.executable, "-c", guard], stdin=subprocess.PIPE) as guarded:
        pid = _pid(file)
        os.kill(guarded.pid, signal.SIGTERM)
        assert guarded.wait(30) in {-signal.SIGTERM, 128 + signal.SIGTERM}
    assert identify(pid) is None


def test_command_is_not_started_when_the_launcher_is_already_gone(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "howdah.launch.guard", "1", sys.executable, "-c", "raise SystemExit(0)"]
    if sys.platform != "linux":
        pytest.skip("platform: elsewhere the watching ends it")
    assert subprocess.run(command, check=False, cwd=tmp_path).returncode == 1
