"""Pieces of a file as fast and slow readers get them, from a real store."""

from __future__ import annotations

import os

import pytest

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


@pytest.mark.parametrize("slow", [-1.0, 0.0005, 60.0])
@pytest.mark.parametrize("span", SPANS)
def test_every_reader_gets_exactly_the_part(
    shelf: Shelf, file: File, monkeypatch: pytest.MonkeyPatch, span: Span, slow: float
) -> None:
    monkeypatch.setattr(sending, "SLOW", slow)  # in seconds: all readers are slow, some are, none is
    found = list(sending.pieces(connections.get(shelf.address), file, span))
    assert b"".join(found) == CONTENT[span.start : span.end]
    assert max(map(len, found)) <= sending.PIECE


def test_a_file_that_ends_early_is_told(shelf: Shelf, file: File) -> None:
    with pytest.raises(Corrupt, match="3 bytes early"):
        list(sending.pieces(connections.get(shelf.address), file, Span(len(CONTENT) - 2, len(CONTENT) + 3)))


def test_a_reader_may_leave_at_any_time(shelf: Shelf, file: File) -> None:
    for _ in range(20):
        pieces = sending.pieces(connections.get(shelf.address), file, SPANS[0])
        assert next(pieces) == CONTENT[: sending.PIECE]
        pieces.close()
