"""Each of the smaller benchmarks runs, and tells what it is to tell."""

from __future__ import annotations

from pathlib import Path

from bench import crowd, dags, growth, million, pipelines, sdk
from howdah.client import channel
from howdah.testing.servers import StoreServer


def _firsts(text: str) -> list[str]:
    """The first cells of the lines of its tables."""
    lines = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| ")]
    return [first for first in lines if first != "---"]


def test_repo_of_very_many_files(tmp_path: Path) -> None:
    text = million.run(2000, tmp_path)
    assert len(_firsts(text)) == 8
    assert "A commit of one file puts" in text


def test_published_client(tmp_path: Path) -> None:
    firsts = _firsts(sdk.run(20, tmp_path))
    assert len(firsts) == 6
    assert "does nothing" in firsts[-1]


def test_many_at_once(tmp_path: Path) -> None:
    firsts = _firsts(crowd.run(crowd.Size(64, 1, 100, 2), tmp_path))
    assert {"32 writers, a branch each", "8 writers to one branch", "100 files of 10 KB are put"} <= set(firsts)


def test_growth_with_the_repo(tmp_path: Path) -> None:
    found = growth.measured(tmp_path, (200, 1000))
    assert len(_firsts(growth.section(found, "nowhere"))) == 1 + len(found[200])
    assert "polyline" in growth.draw(found)


def test_pipelines_beside_code_by_hand(tmp_path: Path) -> None:
    firsts = _firsts(pipelines.run(tmp_path, pipelines.Size(2, 4, 4)))
    assert len(firsts) == 5


def test_stages_beside_other_runners_of_stages(tmp_path: Path) -> None:
    with StoreServer(tmp_path / "data", workers=2) as server, channel.connect(server.address) as conn:
        first, again = dags.Runs(tmp_path, 20).ours(conn)
    assert first.seconds > 0
    assert again.seconds > 0
