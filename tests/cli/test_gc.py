"""`howdah gc`, as users run it."""

from __future__ import annotations

import json
import os
from pathlib import Path

from howdah import holds
from howdah.backup.make import Source, make
from howdah.backup.restore import restore
from howdah.testing.servers import StoreServer
from tests.cli.conftest import Howdah


def packs(data: Path) -> list[Path]:
    return list((data / "bytes" / "packs").glob("*/*"))


def test_gc_gives_back_the_room_of_a_deleted_repo(plain: Howdah, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with StoreServer(data) as server:
        store = ("--address", server.address)
        for repo in ("kept", "gone"):
            assert plain("create", "repo", repo, *store).code == 0
            assert plain("put", "file", f"{repo}@master:/a", *store, stdin=os.urandom(3_000_000)).code == 0
        kept = plain("get", "file", "kept@master:/a", *store).bytes
        assert plain("delete", "repo", "gone", *store).code == 0
        done = plain("gc", *store)
        assert done.code == 0
        assert done.stdout.startswith("2.9 MiB freed; ")
        assert done.stdout.endswith("packs: 2 before, 1 after\n")
        assert len(packs(data)) == 1
        again = json.loads(plain("gc", "-o", "json", *store).stdout)
        assert again == {"blobs": 0, "packs_before": 1, "packs_after": 1, "freed_bytes": 0, "is_held": False}
        assert plain("get", "file", "kept@master:/a", *store).bytes == kept


def test_a_backup_under_way_keeps_the_packs_that_it_reads(plain: Howdah, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with StoreServer(data) as server:
        store = ("--address", server.address)
        plain("create", "repo", "images", *store)
        plain("put", "file", "images@master:/a", *store, stdin=b"a" * 100_000)
        with holds.reading(data):
            plain("delete", "repo", "images", *store)
            assert "A backup is being made" in plain("gc", *store).stdout
            assert packs(data)
        assert "backup" not in plain("gc", *store).stdout
        assert not packs(data)
        plain("create", "repo", "images", *store)
        plain("put", "file", "images@master:/a", *store, stdin=b"a" * 100_000)
        seen: list[bool] = []

        def look(_: int, __: int) -> None:
            with holds.unread(data) as is_unread:
                seen.append(is_unread)

        make(Source(data), tmp_path / "backup.tar", progress=look)
        assert seen
        assert not any(seen)
        restore(tmp_path / "backup.tar", tmp_path / "restored")
        assert not (tmp_path / "restored" / holds.NAME).exists()


def test_a_store_that_is_not_there_is_told(plain: Howdah) -> None:
    assert plain("gc", "--address", "grpc://127.0.0.1:1").code == 7
