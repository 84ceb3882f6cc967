from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bench.fence import run


@pytest.mark.skipif(sys.platform != "linux", reason="platform: fences are Linux's")
def test_each_way_by_hand_has_a_line(tmp_path: Path) -> None:
    lines = [line.split("|")[1:] for line in run(tmp_path, 2, 1).splitlines()[2:]]

    peers = [cells[2].strip() for cells in lines]
    assert [peer for peer in peers if peer != "bubblewrap"] == ["unshare by hand", "plain by hand", "plain by hand"]
