from __future__ import annotations

from pathlib import Path

from bench.store import Scale, run


def test_every_workload_runs_and_has_a_line_beside_each_peer(tmp_path: Path) -> None:
    text = run(Scale(files=200, megabytes=1, commits=5, tree=2000), 1, tmp_path)
    lines = [line for line in text.splitlines() if line.startswith("| W")]

    assert {line[2:4] for line in lines} == {f"W{number}" for number in range(1, 9)}
    assert {"cp -r, sync", "git", "find -ls"} <= {line.split("|")[3].strip() for line in lines}
