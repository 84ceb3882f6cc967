from __future__ import annotations

import shutil
from pathlib import Path

from howdah.launch import suite


def test_nothing_is_missing_where_everything_is_found() -> None:
    assert suite.missing(lambda command: f"/usr/bin/{command}", "linux") == []


def test_any_of_a_tools_commands_will_do() -> None:
    found = {"google-chrome", "ffmpeg", "fc-list", "git", "nginx", "caddy", "initdb"}
    assert suite.missing(lambda command: command if command in found else None, "darwin") == []


def test_command_in_a_folder_of_its_version_is_found(tmp_path: Path) -> None:
    for version in ("14", "15"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "initdb").touch()
    assert suite.find(f"{tmp_path}/*/initdb") == f"{tmp_path}/15/initdb"
    assert suite.find(f"{tmp_path}/*/postgres") is None
    assert suite.find("sh") == shutil.which("sh")


def test_what_is_missing_is_named_in_one_line() -> None:
    line = suite.advice(suite.missing(lambda command: None if command == "ffmpeg" else command, "linux"))
    assert line == "Tests that need FFmpeg will not run. On Debian or Ubuntu: sudo apt-get install ffmpeg"


def test_pytest_comes_last_and_gets_the_arguments() -> None:
    names, commands = zip(*suite.steps(Path("/venv/bin"), "python", ["-k", "one"]), strict=True)
    assert names[-1] == "pytest"
    assert commands[-1][-2:] == ["-k", "one"]
    assert {"ruff check", "ruff format", "mypy", "import contracts"} <= set(names)
