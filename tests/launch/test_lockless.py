"""A home on a file system that knows no locks, as some network ones do: all works, one launch at a time."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from pathlib import Path

import pytest

from howdah.testing.launched import Launched, get

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="platform: Linux's kernel can be told to refuse locks")
LOCKLESS = (sys.executable, str(Path(__file__).with_name("lockless.py")))
LAUNCH = (*LOCKLESS, sys.executable, "-I", "-m", "howdah.launch.main")


def _run(text: str, *arguments: str) -> str:
    command = [*LOCKLESS, sys.executable, "-c", text, *arguments]
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.stdout


def test_locks_are_refused() -> None:
    assert "No locks available" in _run(f"import fcntl; fcntl.flock(1, {fcntl.LOCK_EX})")


def test_installer_goes_on_and_says_so(tmp_path: Path) -> None:
    text = "import sys; from pathlib import Path; from howdah.launch import install\n"
    text += "with install.turn(Path(sys.argv[1]), print): print('in turn')"
    told = _run(text, str(tmp_path)).splitlines()
    assert "start no other launch here" in told[0]
    assert told[1:] == ["in turn"]


def test_howdah_runs_and_a_second_launch_finds_it(tmp_path: Path) -> None:
    with Launched(tmp_path / "data", "--port", "0", command=LAUNCH) as first:
        assert get(f"{first.url}/user/login/").status == 200
        with Launched(tmp_path / "data", "--port", "0", command=LAUNCH) as second:
            assert second.process.wait(60) == 0
            assert "already runs" in second.printed
            assert second.url == first.url
        assert first.stop() == 0
