from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

from howdah.launch import cloudera

ROOT = Path(__file__).resolve().parents[2]
SESSION = {"CDSW_APP_PORT": "8100", "CDSW_ENGINE_ID": "e1", "CDSW_DOMAIN": "cml.example.com"}


@dataclass
class App:
    name: str
    script: str
    subdomain: str


@pytest.mark.parametrize(
    ("there", "name"),
    [
        ([App("Other", "o.py", "o"), App("Howdah", "x.py", "howdah-7x")], "howdah-7x"),
        ([App("Labels", "launch.py", "labels"), App("Howdah", "launch.py", "howdah")], "howdah"),
        ([App("Labels", "amps/launch.py", "labels")], "labels"),
    ],
)
def test_application_is_found_by_its_name_and_else_by_its_script(there: list[App], name: str) -> None:
    assert cloudera.application_url(SESSION, there) == f"https://{name}.cml.example.com"


def test_application_of_another_kind_is_not_taken_for_ours() -> None:
    assert not cloudera.application_url(SESSION, [App("Other", "other.py", "other"), App("Howdah", "launch.py", "")])


def test_session_has_a_name_of_its_own() -> None:
    assert cloudera.session_url(SESSION) == "https://e1.cml.example.com"
    assert not cloudera.session_url({"CDSW_APP_PORT": "8100"})


def test_only_the_given_port_of_loopback_is_used_and_data_stay_in_the_project() -> None:
    told = cloudera.arguments(SESSION, Path("/home/cdsw"), "https://howdah.cml.example.com")
    options = dict(zip(told, [*told[1:], ""], strict=True))
    assert (options["--host"], options["--port"]) == ("127.0.0.1", "8100")
    assert "--exact-port" in told
    assert options["--data"] == "/home/cdsw/label_studio_data"
    assert options["--public-url"] == "https://howdah.cml.example.com"


def test_forms_are_accepted_from_the_sessions_own_name_too() -> None:
    told = cloudera.settings(SESSION, "https://howdah.cml.example.com")
    assert told == {"LABEL_STUDIO_CSRF_TRUSTED_ORIGINS": "https://e1.cml.example.com"}
    assert not cloudera.settings(SESSION, "https://e1.cml.example.com")
    assert not cloudera.settings({**SESSION, **told}, "https://howdah.cml.example.com")


def test_terminal_of_a_session_takes_the_options_and_tells_a_failure_in_one_line(tmp_path: Path) -> None:
    for name in ("launch.py", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "src").symlink_to(ROOT / "src")
    for words, code, told in (
        (["--bundle", "none.tar"], 1, "none.tar cannot be read: No such file or directory."),
        (["--exact-prot"], 2, "unrecognized arguments: --exact-prot"),
        (["--help"], 0, "--bundle FILE"),
    ):
        command, environ = [sys.executable, "launch.py", *words], {**os.environ, **SESSION}
        done = subprocess.run(command, check=False, cwd=tmp_path, env=environ, capture_output=True, text=True)
        assert (done.returncode, "Traceback" in done.stderr) == (code, False)
        assert told in done.stdout + done.stderr


def test_prototype_installs_and_then_starts_the_application() -> None:
    told = yaml.safe_load((ROOT / ".project-metadata.yaml").read_text("utf-8"))
    assert {"name", "description", "author", "specification_version", "prototype_version"} <= told.keys()
    assert {runtime["kernel"] for runtime in told["runtimes"]} == {"Python 3.10"}
    install, start = told["tasks"]
    assert (install["type"], start["type"]) == ("run_session", "start_application")
    for task in told["tasks"]:
        assert (ROOT / task["script"]).is_file()
        assert (task["cpu"], task["memory"]) == (4, 8)
    assert start["name"] == cloudera.APPLICATION
    assert start["script"] == cloudera.SCRIPT
