"""Pieces of a file as fast and slow readers get them, from a real store."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from howdah.client import files
from howdah.digest import of_bytes
from howdah.errors import Corrupt
from howdah.labelstudio import connections, sending
from howdah.labelstudio.ranges import Span
from howdah.names import Commit, File, parse_repo
from tests.labelstudio.conftest import Shelf

CONTENT = os.urandom(5 << 20)
SPANS = [Span(0, len(CONTENT)), Span(1, 2), Span(1_000_001, 4_000_003), Span(len(CONTENT) - 1, len(CONTENT))]


@pytest.fixture(scope="module")
def file(shelf: Shelf) -> File:
    name = shelf.repo(film=CONTENT)
    return File(Commit(parse_repo(name), "master"), "/film")


def elsewhere(address: str) -> str:
    """The same store by an address that is not known to be this machine's: it sends its files."""
    return address.replace("127.0.0.1", "0.0.0.0")


@pytest.mark.parametrize("by", [str, elsewhere])
@pytest.mark.parametrize("slow", [-1.0, 0.0005, 60.0])
@pytest.mark.parametrize("span", SPANS)
def test_every_reader_gets_exactly_the_part(
    shelf: Shelf, file: File, monkeypatch: pytest.MonkeyPatch, span: Span, slow: float, by: Callable[[str], str]
) -> None:
    monkeypatch.setattr(sending, "SLOW", slow)  # in seconds: all readers are slow, some are, none is
    found = list(sending.Content(connections.get(by(shelf.address)), file).pieces(span))
    assert b"".join(found) == CONTENT[span.start : span.end]
    assert max(map(len, found)) <= sending.PIECE


def test_a_file_that_ends_early_is_told(shelf: Shelf, file: File) -> None:
    with pytest.raises(Corrupt, match="3 bytes early"):
        list(sending.Content(connections.get(shelf.address), file).pieces(Span(len(CONTENT) - 2, len(CONTENT) + 3)))


def test_a_reader_may_leave_at_any_time(shelf: Shelf, file: File) -> None:
    for _ in range(20):
        pieces = sending.Content(connections.get(shelf.address), file).pieces(SPANS[0])
        assert next(pieces) == CONTENT[: sending.PIECE]
        pieces.close()


def test_bytes_that_are_gone_or_others_are_asked_of_the_store(shelf: Shelf, file: File, tmp_path: Path) -> None:
    info, skip, places = files.locate(connections.get(shelf.address), file, 3_000_000, 1)
    assert info == files.inspect(connections.get(shelf.address), file)
    assert skip < places[0].size
    assert Path(places[0].path).is_file()
    assert files.locate(connections.get(elsewhere(shelf.address)), file, 0, 1) == files.Located()
    pack = tmp_path / "pack"
    pack.write_bytes(b"abc")
    assert sending._read(files.Place(str(pack), 1, 2, of_bytes(b"bc"))) == b"bc"
    assert sending._read(files.Place(str(pack), 1, 2, of_bytes(b"xx"))) is None
    assert sending._read(files.Place(str(pack), 1, 9, of_bytes(b"bc...."))) is None
    assert sending._read(files.Place(str(tmp_path / "none"), 1, 2, of_bytes(b"bc"))) is None
