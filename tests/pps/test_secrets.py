from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from howdah.errors import AlreadyExists, Invalid, NotFound
from howdah.pps import secrets
from howdah.store.store import Store
from tests.pfs.stores import new_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with new_store(tmp_path / "data") as opened:
        yield opened


def create(store: Store, text: str) -> None:
    with store.database.write() as tx:
        secrets.create(tx, text, now=store.now())


def test_secrets_are_kept_and_their_values_are_for_code_alone(store: Store) -> None:
    told = {
        "kind": "Secret",
        "metadata": {"name": "db.prod"},
        "data": {"word": "aG93ZHk="},
        "stringData": {"user": "me"},
    }
    create(store, json.dumps(told))
    with store.database.write() as tx:
        assert [(info.name, info.type) for info in secrets.list(tx)] == [("db.prod", "Opaque")]
        assert "howdy" not in repr(secrets.inspect(tx, "db.prod"))
        assert secrets.values(tx, "db.prod") == {"word": b"howdy", "user": b"me"}
        secrets.delete(tx, "db.prod")
        assert secrets.list(tx) == []
        for verb in (secrets.inspect, secrets.delete, secrets.values):
            with pytest.raises(NotFound, match='secret "db.prod" not found'):
                verb(tx, "db.prod")


def test_nobody_else_can_read_them(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "rows.db").touch(0o644)
    with new_store(tmp_path / "data") as store:
        create(store, '{"metadata": {"name": "a"}, "stringData": {"b": "howdy"}}')
        for file in (tmp_path / "data").glob("rows.db*"):
            assert file.stat().st_mode & 0o077 == 0


def test_names_are_taken_once(store: Store) -> None:
    create(store, '{"metadata": {"name": "a"}}')
    with pytest.raises(AlreadyExists, match='secret "a" already exists: delete it first'):
        create(store, '{"metadata": {"name": "a"}}')


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"metadata": {}}',
        '{"metadata": {"name": 1}}',
        '{"metadata": {"name": "a b"}}',
        '{"metadata": {"name": "a"}, "data": {"b": 1}}',
        '{"metadata": {"name": "a"}, "data": {"b": "no base64"}}',
        '{"metadata": {"name": "a"}, "data": [1]}',
        '{"metadata": {"name": "a"}, "type": 1}',
        r'{"metadata": {"name": "a\ud800"}}',
        r'{"metadata": {"name": "a"}, "type": "\ud800"}',
        r'{"metadata": {"name": "a"}, "stringData": {"b": "\ud800"}}',
        r'{"metadata": {"name": "a"}, "stringData": {"\ud800": "b"}}',
        "[" * 100_000,
        " " * (1 << 21),
    ],
)
def test_what_is_no_secret_is_refused(store: Store, text: str) -> None:
    with pytest.raises(Invalid):
        create(store, text)
