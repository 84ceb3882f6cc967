import json
import subprocess
import sys
from pathlib import Path


def doctor(tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "howdah.cli.main", "doctor", *words]
    return subprocess.run(
        command, env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False
    )


def test_each_line_says_how_it_is_and_what_to_do(tmp_path: Path) -> None:
    done = doctor(tmp_path, "--data", str(tmp_path / "data"))
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert any(line.startswith("ok") and "data folder" in line for line in lines)
    after_warnings = [lines[at + 1] for at, line in enumerate(lines) if line.startswith("warning")]
    assert all(line.strip().startswith("-> ") for line in after_warnings)


def test_a_failure_is_the_exit_code_also_as_json(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = doctor(tmp_path, "--data", str(tmp_path / "file"), "-o", "json")
    assert done.returncode == 1
    found = {line["check"]: line for line in map(json.loads, done.stdout.splitlines())}
    assert found["data folder"]["state"] == "failure"
    assert "--data" in found["data folder"]["remedy"]
