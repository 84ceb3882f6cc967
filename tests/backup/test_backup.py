"""A backup made while everything is in use is one consistent moment, and comes back whole or not at all."""

import os
import shutil
import sqlite3
import subprocess
import sys
import tarfile
import threading
from pathlib import Path

import pytest

from howdah.backup.make import Source, make
from howdah.backup.restore import restore
from howdah.client import channel, files, repos
from howdah.errors import AlreadyExists, Corrupt, HowdahError, Invalid, NotFound, WrongState
from howdah.names import Commit, File, Project, Repo
from howdah.server.folder import open_store
from howdah.testing.servers import StoreServer
from tests.pfs.stores import REPO, content, ids, new_store, write

HEAD = Commit(Repo(Project(), "images"), "master")


def filled(data: Path) -> dict[str, bytes]:
    """A data folder as the launcher lays it out, with a store and a database of Label Studio's."""
    with new_store(data / "store") as store:
        write(store, {"/a": b"1", "/big": b"x" * 3_000_000, "/ü (1)": b"2"})
        found = content(store)
    (data / "label-studio" / "media").mkdir(parents=True)
    (data / "label-studio" / "media" / "upload.png").write_bytes(b"png")
    with sqlite3.connect(data / "label-studio" / "label_studio.sqlite3") as database:
        database.execute("CREATE TABLE labels (name TEXT)")
        database.execute("INSERT INTO labels VALUES ('cat')")
    database.close()
    (data / "logs").mkdir()
    (data / "logs" / "store.log").write_text("noise")
    return found


def test_what_comes_back_is_what_was_there(tmp_path: Path) -> None:
    found = filled(tmp_path / "data")
    make(Source(tmp_path / "data"), tmp_path / "backup.tar")
    assert restore(tmp_path / "backup.tar", tmp_path / "back") >= 4
    with open_store(tmp_path / "back" / "store") as store:
        assert content(store, Commit(REPO, "master")) == found
        write(store, {"/more": b"3"})
        assert len(ids(store)) == 2
    assert (tmp_path / "back" / "label-studio" / "media" / "upload.png").read_bytes() == b"png"
    with sqlite3.connect(tmp_path / "back" / "label-studio" / "label_studio.sqlite3") as database:
        assert database.execute("SELECT name FROM labels").fetchall() == [("cat",)]
    database.close()
    assert not (tmp_path / "back" / "logs").exists()


def test_a_folder_whose_store_is_elsewhere_has_a_backup_too(tmp_path: Path) -> None:
    filled(tmp_path / "data")
    shutil.rmtree(tmp_path / "data" / "store")
    make(Source(tmp_path / "data"), tmp_path / "backup.tar")
    restore(tmp_path / "backup.tar", tmp_path / "back")
    assert (tmp_path / "back" / "label-studio" / "label_studio.sqlite3").is_file()


def test_a_backup_in_the_folder_of_backups_is_in_no_other(tmp_path: Path) -> None:
    filled(tmp_path / "data")
    make(Source(tmp_path / "data"), tmp_path / "data" / "backups" / "one.tar")
    make(Source(tmp_path / "data"), tmp_path / "data" / "backups" / "two.tar")
    restore(tmp_path / "data" / "backups" / "two.tar", tmp_path / "back")
    assert not (tmp_path / "back" / "backups").exists()


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="platform: only Linux's root mounts volumes")
def test_a_volume_that_is_empty_is_filled_in_its_place(tmp_path: Path) -> None:
    filled(tmp_path / "data")
    make(Source(tmp_path / "data"), tmp_path / "backup.tar")
    (tmp_path / "volume").mkdir()
    script = (
        "import sys; from pathlib import Path; from howdah.backup.restore import restore;"
        "restore(Path(sys.argv[1]), Path(sys.argv[2]));"
        "print(*sorted(path.name for path in Path(sys.argv[2]).iterdir()))"
    )
    run = f'mount -t tmpfs tmpfs {tmp_path}/volume && exec "$@"'
    python = [sys.executable, "-c", script, str(tmp_path / "backup.tar"), str(tmp_path / "volume")]
    done = subprocess.run(["unshare", "--mount", "sh", "-c", run, "sh", *python], capture_output=True, check=False)
    assert (done.returncode, done.stdout.split()) == (0, [b"label-studio", b"store"]), done.stderr


def test_a_backup_under_load_holds_every_commit_that_was_acknowledged_before_it_began(tmp_path: Path) -> None:
    acknowledged: list[str] = []
    stop = threading.Event()

    def work(address: str) -> None:
        with channel.connect(address) as connection:
            while not stop.is_set():
                with files.modify(connection, HEAD) as changes:
                    changes.put(f"/{len(acknowledged):05}", b"%d" % len(acknowledged) * 1000)
                acknowledged.append(f"/{len(acknowledged):05}")

    with StoreServer(tmp_path / "data" / "store") as server:
        with channel.connect(server.address) as connection:
            repos.create(connection, HEAD.repo)
        thread = threading.Thread(target=work, args=(server.address,))
        thread.start()
        while len(acknowledged) < 20:
            assert thread.is_alive()
        before = list(acknowledged)
        make(Source(tmp_path / "data"), tmp_path / "backup.tar")
        stop.set()
        thread.join()
    restore(tmp_path / "backup.tar", tmp_path / "back")
    with StoreServer(tmp_path / "back" / "store") as server, channel.connect(server.address) as connection:
        for path in before:
            assert b"".join(files.get(connection, File(HEAD, path))) == b"%d" % int(path[1:]) * 1000


def test_a_backup_that_was_cut_off_or_damaged_is_refused_and_leaves_no_folder(tmp_path: Path) -> None:
    filled(tmp_path / "data")
    make(Source(tmp_path / "data"), tmp_path / "backup.tar")
    whole = (tmp_path / "backup.tar").read_bytes()
    broken = bytearray(whole)
    broken[whole.index(b"x" * 1000) + 500] ^= 1
    for at, bad in enumerate((whole[: len(whole) // 2], whole[:1000], bytes(broken), b"", b"no tar" * 1000)):
        (tmp_path / "bad.tar").write_bytes(bad)
        with pytest.raises(Corrupt, match="backup"):
            restore(tmp_path / "bad.tar", tmp_path / "back")
        assert not (tmp_path / "back").exists(), at
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup.tar", "bad.tar", "data"]


@pytest.mark.parametrize("name", ["../outside", "/etc/outside", "a/../../outside"])
def test_a_backup_that_names_files_outside_is_refused(tmp_path: Path, name: str) -> None:
    with tarfile.open(tmp_path / "evil.tar", "w") as tar:
        tar.addfile(tarfile.TarInfo(name))
    with pytest.raises(Corrupt, match="outside"):
        restore(tmp_path / "evil.tar", tmp_path / "sub" / "back")
    assert not (tmp_path / "outside").exists()


def test_what_cannot_be_done_is_told_with_its_remedy(tmp_path: Path) -> None:
    filled(tmp_path / "data")
    make(Source(tmp_path / "data"), tmp_path / "backup.tar")
    wrong: list[tuple[type[HowdahError], str, Path, Path]] = [
        (NotFound, "--data", tmp_path / "nothing", tmp_path / "new.tar"),
        (AlreadyExists, "another name", tmp_path / "data", tmp_path / "backup.tar"),
        (Invalid, "outside", tmp_path / "data", tmp_path / "data" / "backup.tar"),
    ]
    for kind, text, data, target in wrong:
        with pytest.raises(kind, match=text):
            make(Source(data), target)
    with pytest.raises(WrongState, match="not empty"):
        restore(tmp_path / "backup.tar", tmp_path / "data")
    with pytest.raises(NotFound, match="check the path"):
        restore(tmp_path / "no.tar", tmp_path / "back")
