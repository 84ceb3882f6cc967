"""Bytes that are not what was written are never handed out, and harm nobody else."""

import os
import shutil
from pathlib import Path

import pytest

from howdah.errors import Corrupt, HowdahError, WrongState
from howdah.names import Commit, File, Project, Repo
from howdah.pfs import files, repos
from howdah.server.folder import open_store
from howdah.store.store import Store
from howdah.testing.servers import StoreServer
from tests.pfs.stores import HEAD, content, new_store, write


def newest_pack(data: Path) -> Path:
    return max((data / "bytes" / "packs").glob("*/*"), key=lambda path: path.stat().st_mtime_ns)


def read_all(store: Store) -> dict[str, bytes]:
    return content(store)


def test_a_flipped_bit_in_a_file_is_corrupt_and_other_repos_are_well(tmp_path: Path) -> None:
    data = tmp_path / "data"
    other = Repo(Project(), "other")
    with new_store(data) as store:
        with store.database.write() as tx:
            repos.create(tx, other, "", now=store.now())
        write(store, {"/other": b"fine"}, Commit(other, "master"))
        write(store, {"/photo": b"p" * 100_000})
    pack = newest_pack(data)
    broken = bytearray(pack.read_bytes())
    broken[50_000] ^= 4
    pack.write_bytes(broken)
    with open_store(data) as store:
        with pytest.raises(Corrupt, match="damaged"):
            read_all(store)
        assert content(store, Commit(other, "master")) == {"/other": b"fine"}


def test_a_missing_pack_is_corrupt_and_named(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with new_store(data) as store:
        write(store, {"/photo": b"p" * 100})
    pack = newest_pack(data)
    pack.unlink()
    with open_store(data) as store, pytest.raises(Corrupt, match=pack.name):
        list(files.walk(store, File(HEAD, "/")))


def test_a_second_server_on_one_folder_is_refused_with_the_first_ones_process(tmp_path: Path) -> None:
    refused = pytest.raises(WrongState, match=f"in use by process {os.getpid()}")
    with new_store(tmp_path / "data"), refused, open_store(tmp_path / "data"):
        pass


def test_a_read_only_folder_is_named_by_the_command(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(HowdahError, match="cannot be used"), open_store(tmp_path / "file"):
        pass


def test_the_server_starts_again_on_the_data_of_a_copy(tmp_path: Path) -> None:
    with new_store(tmp_path / "data") as store:
        write(store, {"/a": b"1"})
    shutil.copytree(tmp_path / "data", tmp_path / "copy")
    with StoreServer(tmp_path / "copy") as server:
        assert server.address.startswith("grpc://127.0.0.1:")
