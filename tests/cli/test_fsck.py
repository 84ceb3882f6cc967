"""`howdah fsck`, on a running store and on a folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from howdah.testing.servers import StoreServer
from tests.cli.conftest import Howdah


@pytest.fixture
def data(plain: Howdah, tmp_path: Path) -> Path:
    """The folder of a stopped store, as the launcher lays it out, with one file in a repo."""
    data = tmp_path / "howdah-data"
    with StoreServer(data / "store") as server:
        plain("create", "repo", "images", "--address", server.address)
        plain("put", "file", "images@master:/a", "--address", server.address, stdin=b"a" * 100_000)
    return data


def damage(data: Path) -> None:
    [pack] = (data / "store" / "bytes" / "packs").glob("*/*")
    pack.write_bytes(pack.read_bytes().replace(b"a" * 100_000, b"b" * 100_000))


def test_a_folder_is_checked_while_it_is_not_served_and_only_then(plain: Howdah, data: Path) -> None:
    assert plain("fsck", "--data", str(data)).stdout == "No faults.\n"
    assert plain("fsck", "--data", str(data / "store")).stdout == "No faults.\n"
    damage(data)
    found = plain("fsck", "--data", str(data))
    assert found.code == 9
    assert ":/a cannot be read: blob " in found.stdout
    with StoreServer(data / "store") as server:
        refused = plain("fsck", "--data", str(data))
        assert refused.code == 5
        assert f"in use by process {server.process.pid}" in refused.stderr
        assert plain("fsck", "--address", server.address).stdout == found.stdout


def test_a_folder_without_a_store_is_told_and_not_made(plain: Howdah, tmp_path: Path) -> None:
    assert plain("fsck", "--data", str(tmp_path / "nowhere")).code == 3
    assert not (tmp_path / "nowhere").exists()


def test_putting_a_damaged_file_again_after_fix_heals_it(plain: Howdah, data: Path) -> None:
    damage(data)
    with StoreServer(data / "store") as server:
        store = ("--address", server.address)
        fixed = plain("fsck", "--fix", "-o", "json", *store)
        told = [json.loads(line) for line in fixed.stdout.splitlines()]
        assert [next(iter(line)) for line in told] == ["fix", "fix", "error"]
        assert plain("get", "file", "images@master:/a", *store).code == 9
        plain("put", "file", "images@master:/b", *store, stdin=b"a" * 100_000)
        assert plain("get", "file", "images@master:/a", *store).bytes == b"a" * 100_000
        assert plain("fsck", *store).stdout == "No faults.\n"
