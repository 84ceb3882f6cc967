from __future__ import annotations

from pathlib import Path

import pytest

from bench import peers
from bench.peers import GIT, PEERS, Peer, Place


def test_peer_that_is_not_installed_is_named_with_the_way_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = Peer("nowhere", "no-such-program", "just find-it", {})
    monkeypatch.setattr(peers, "PEERS", (GIT, nowhere))
    assert peers.there() == [GIT]
    assert peers.absent() == "nowhere (`just find-it`)"


def test_peer_works_on_a_copy_where_it_changes_its_folder(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "a").write_text("a")
    place = Place.new(GIT, tmp_path / "source", tmp_path / "git")
    assert place.run("put").seconds > 0
    assert place.files != tmp_path / "source"
    assert {path.name for path in (tmp_path / "source").iterdir()} == {"a"}


def test_every_peer_can_be_made_ready_and_put() -> None:
    assert all(peer.steps.keys() >= {"ready", "put"} for peer in PEERS)
