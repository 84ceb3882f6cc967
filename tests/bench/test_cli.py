from __future__ import annotations

from pathlib import Path

from bench.cli import run


def test_each_command_has_a_line_with_its_aim(tmp_path: Path) -> None:
    lines = [line for line in run(tmp_path, 1).splitlines() if line.startswith("| `")]
    assert [line.split("`")[1] for line in lines] == ["howdah --help", "howdah version"]
    assert all("at most" in line for line in lines)
