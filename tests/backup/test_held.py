"""A store on a network file system holds its rows for itself; a backup asks it for a copy, and for no other's."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from howdah.backup.make import Source, make, running_store
from howdah.backup.restore import restore
from howdah.client import channel, files, repos
from howdah.errors import Unavailable
from howdah.names import Commit, File, Project, Repo
from howdah.testing.servers import StoreServer

HEAD = Commit(Repo(Project(), "images"), "master")
# The server as it is, on a machine whose table of mounts says that everything is on NFS.
ON_NFS = (
    "import sys; from pathlib import Path; from howdah import filesystems;"
    "filesystems.MOUNTS = Path(sys.argv.pop(1)); from howdah.cli.main import main; main()"
)


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """A store in `folder/store` that believes to be on NFS; its address."""
    (folder / "mounts").write_text("server:/export / nfs4 rw 0 0\n")
    words = [str(folder / "mounts"), "serve", "--data", str(folder / "store"), "--port", "0"]
    command = [sys.executable, "-c", ON_NFS, *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().split()[1]
    finally:
        process.terminate()
        process.communicate(timeout=60)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def test_running_store_that_holds_its_rows_is_backed_up(data: Path, tmp_path: Path) -> None:
    with serving(data) as address:
        with channel.connect(address) as connection:
            repos.create(connection, HEAD.repo)
            with files.modify(connection, HEAD) as changes:
                changes.put("/a", b"1" * 3_000_000)
        (data / "instance.json").write_text(json.dumps({"store": address}))
        make(Source(data, store=running_store(data)), tmp_path / "backup.tar")
        assert list((data / "store" / "tmp").iterdir()) == []
        with channel.connect(address) as connection, files.modify(connection, HEAD) as changes:
            changes.put("/later", b"2")
    restore(tmp_path / "backup.tar", tmp_path / "back")
    with StoreServer(tmp_path / "back" / "store") as server, channel.connect(server.address) as connection:
        assert b"".join(files.get(connection, File(HEAD, "/a"))) == b"1" * 3_000_000
        assert [info.file.path for info in files.list(connection, File(HEAD, "/"))] == ["/a"]


def test_backup_of_rows_that_are_held_is_refused_without_their_store(data: Path, tmp_path: Path) -> None:
    with serving(data), StoreServer(tmp_path / "other") as other:
        for store, reason in (("grpc://127.0.0.1:1", "does not answer"), (other.address, "by another store than")):
            with pytest.raises(Unavailable, match=reason) as told:
                make(Source(data, store=store), tmp_path / "backup.tar")
            assert "--address" in told.value.message
    assert not (tmp_path / "backup.tar").exists()


def test_copies_that_nobody_took_away_go_at_the_next_start(data: Path) -> None:
    left = data / "store" / "tmp" / "rows-left.db"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"")
    with serving(data):
        assert not left.exists()
