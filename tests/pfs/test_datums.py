"""Contents that different datums wrote to one path."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from howdah.errors import NotFound
from howdah.names import File
from howdah.pfs import files, writing
from howdah.store.store import Store
from tests.pfs.stores import HEAD, new_store, start


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store with an open commit that holds /a of two datums."""
    with new_store(tmp_path / "data") as store:
        start(store)
        session = writing.Session(store, HEAD)
        session.put("/a", b"1", "first")
        session.put("/a", b"2", "second")
        session.close()
        yield store


def test_a_copy_takes_every_datum(store: Store) -> None:
    session = writing.Session(store, HEAD)
    session.put("/b", b"goes")
    session.copy(File(HEAD, "/a"), "/b")
    session.close()
    assert b"".join(files.get(store, File(HEAD, "/b"))) == b"12"


def test_a_file_is_read_for_one_datum_alone(store: Store) -> None:
    assert b"".join(files.get(store, File(HEAD, "/a", "second"))) == b"2"


def test_a_datum_that_wrote_nothing_there_is_not_found(store: Store) -> None:
    with pytest.raises(NotFound, match="file /a not found"):
        files.get(store, File(HEAD, "/a", "third"))
