from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bench import measure
from bench.measure import Row, Sample, Series, Side


def test_ratio_is_of_the_pairs_so_one_slow_minute_does_not_count() -> None:
    ours = Series("ours", (Sample(2), Sample(20), Sample(2)))
    peer = Series("peer", (Sample(1), Sample(10), Sample(1)))
    assert ours.ratio(peer) == 2
    assert ours.seconds == 2


def test_sides_take_turns_and_each_round_goes_the_other_way() -> None:
    order: list[str] = []

    def side(name: str) -> Side:
        def run() -> Sample:
            order.append(name)
            return Sample(1.0)

        return Side(name, run)

    found = measure.alternate([side("a"), side("b")], 2, warm=True)
    assert order == ["a", "b", "a", "b", "b", "a"]
    assert [len(series.samples) for series in found.values()] == [2, 2]


def test_command_is_measured_with_its_processor_time_and_memory() -> None:
    sample = measure.command([sys.executable, "-c", "sum(range(3_000_000))"])
    assert sample.cpu > 0
    # Linux lets a new program begin with its parent's most, and this process may have grown with the tests before.
    assert 1 < sample.memory < 1000 + measure.measure(lambda: None).memory


def test_failed_command_is_no_figure() -> None:
    with pytest.raises(subprocess.CalledProcessError):
        measure.command([sys.executable, "-c", "raise SystemExit(3)"])


def test_processor_time_of_ended_children_counts() -> None:
    burn = "import time\nwhile time.process_time() < 0.3: pass"
    assert measure.measure(lambda: subprocess.run([sys.executable, "-c", burn], check=True)).cpu >= 0.29


def test_row_names_both_sides_their_ratio_and_whether_the_aim_is_met() -> None:
    ours, peer, never = (
        Series("ours", (Sample(3, 1),)),
        Series("peer", (Sample(1.5, 0.5),)),
        Series("never", (Sample(300),)),
    )
    rows = [
        Row("start", ours, peer, measure.at_most(1.9)),
        Row("end", peer, ours, measure.ahead(2)),
        Row("x", ours, never),
    ]
    assert measure.table(rows).splitlines()[2:] == [
        "| start | 3.0 s (1.0 s) | peer | 1.5 s (500 ms) | 2.00 (2.00) |  | at most 1.9: no |",
        "| end | 1.5 s (500 ms) | ours | 3.0 s (1.0 s) | 0.50 (0.50) | 2.0x | 2x ahead: yes |",
        "| x | 3.0 s (1.0 s) | never | 300 s | 0.01 | 100.0x |  |",
    ]


def test_section_replaces_its_own_last_run_alone(tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    document.write_text("# Figures\n")
    for name, text in (("one", "first"), ("two", "second"), ("one", "again")):
        measure.publish(name, text, document)
    assert document.read_text() == (
        "# Figures\n\n<!-- begin one -->\nagain\n<!-- end one -->\n\n<!-- begin two -->\nsecond\n<!-- end two -->\n"
    )


def test_machine_is_told_without_names_and_paths(tmp_path: Path) -> None:
    told = measure.machine(tmp_path)
    assert "cores" in told
    assert "/" not in told
