"""What a newcomer does: clone, one command, open the URL. The only test that installs for real."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from howdah.testing.launched import Launched, get

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project as a newcomer gets it."""
    clone = tmp_path_factory.mktemp("fresh") / "howdah"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    return clone


def _environ(folder: Path) -> dict[str, str]:
    """A machine on which everything is set up for something else."""
    (folder / "trap").mkdir(exist_ok=True)
    (folder / "trap" / "django.py").write_text("raise SystemExit('the wrong django')\n")
    cache = os.environ.get("UV_CACHE_DIR") or str(Path.home() / ".cache" / "uv")
    return {
        "PIP_USER": "1",
        "PIP_TARGET": str(folder / "trap"),
        "VIRTUAL_ENV": "/no/such/environment",
        "PYTHONPATH": str(folder / "trap"),
        "CI": "true",
        "DEBUG": "not a truth value",
        "UV_CACHE_DIR": cache,  # the packages are the same; only the way to them is under test
    }


@pytest.mark.timeout(900)
def test_clone_and_one_command_lead_to_the_login_page(clone: Path) -> None:
    python = shutil.which("python3", path=os.defpath) or sys.executable
    command = (python, str(clone / "launch.py"))
    environ = _environ(clone.parent)
    data = clone.parent / "data"
    with Launched(data, "--port", "0", environ=environ, command=command) as first:
        assert get(f"{first.url}/user/login/").status == 200
        assert "Installing" in first.printed
        assert first.stop() == 0
    with Launched(data, "--port", "0", environ=environ, command=command) as second:
        assert get(f"{second.url}/user/login/").status == 200
        assert second.printed.startswith("Starting on")
    version = subprocess.run([clone / ".venv/bin/howdah", "--version"], check=True, capture_output=True, text=True)
    assert version.stdout.strip()
    assert list((clone.parent / "trap").iterdir()) == [clone.parent / "trap" / "django.py"]


def test_options_are_explained_without_an_installation(clone: Path) -> None:
    told = subprocess.run(
        [sys.executable, str(clone / "launch.py"), "--help"], check=True, capture_output=True, text=True
    )
    assert "--data DIR" in told.stdout
