"""The suite judges its own skips: under CI one is a failure."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).resolve().parents[1] / "conftest.py"
TEST = "import pytest\ndef test_it():\n    pytest.skip({reason!r})\n"
MODULE = "import pytest\npytest.skip({reason!r}, allow_module_level=True)\n"


def _code(folder: Path, text: str, ci: str) -> int:
    shutil.copy(CONFTEST, folder / "conftest.py")
    (folder / "test_it.py").write_text(text)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--rootdir={folder}", str(folder)]
    return subprocess.run(command, check=False, env={"CI": ci, "PATH": ""}, stdout=subprocess.DEVNULL).returncode


@pytest.mark.parametrize("text", [TEST, MODULE])
def test_skip_for_want_of_a_tool_fails_under_ci_only(tmp_path: Path, text: str) -> None:
    assert _code(tmp_path, text.format(reason="no Chromium"), "true") != 0
    assert _code(tmp_path, text.format(reason="no Chromium"), "") in {0, 5}


@pytest.mark.parametrize("text", [TEST, MODULE])
def test_skip_on_another_platform_is_well_under_ci(tmp_path: Path, text: str) -> None:
    assert _code(tmp_path, text.format(reason="platform: macOS only"), "true") in {0, 5}
