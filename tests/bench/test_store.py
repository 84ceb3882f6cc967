from __future__ import annotations

from pathlib import Path

from bench.ground import Scale
from bench.store import NAMES, run

_TINY = Scale(files=200, megabytes=1, commits=5, tree=2000)


def test_every_workload_runs_and_has_a_line_beside_what_every_machine_has(tmp_path: Path) -> None:
    lines = [line.split("|")[1:] for line in run(_TINY, 2, tmp_path, NAMES, slow=0).splitlines() if line[:3] == "| W"]

    assert sorted({cells[0].strip()[:2] for cells in lines}) == NAMES
    assert {"cp -r, sync", "cp, sync", "git", "find -ls"} <= {cells[2].strip() for cells in lines}
    assert all(cells[6].strip() for cells in lines), "each has an aim"


def test_chosen_workloads_are_told_alone_though_others_come_before_them(tmp_path: Path) -> None:
    text = run(_TINY, 1, tmp_path, ["W5"], slow=0)
    assert {line[2:4] for line in text.splitlines() if line.startswith("| W")} == {"W5"}
