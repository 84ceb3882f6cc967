from __future__ import annotations

from pathlib import Path

from bench.datums import INPUTS, run


def test_each_way_to_combine_has_a_line_with_its_datums(tmp_path: Path) -> None:
    lines = [line.split("|")[1:] for line in run(tmp_path, 300).splitlines()[2:]]

    assert [cells[0].strip() for cells in lines] == [*INPUTS]
    assert [cells[1].strip() for cells in lines] == ["300", "300", "300", "100", "300"]
