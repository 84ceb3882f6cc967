"""What little commits store lies with their rows, and is like all else to whoever reads, checks or collects it."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from howdah.backup.make import Source, make
from howdah.backup.restore import restore
from howdah.client import channel, files, repos
from howdah.errors import Corrupt
from howdah.names import Commit, File
from howdah.pfs import check, commitsets, graph, upkeep, writing
from howdah.server.folder import open_store
from howdah.store import gc
from howdah.store.pack import FOLDER
from howdah.store.store import Store
from howdah.testing.servers import StoreServer
from tests.pfs.stores import HEAD, REPO, content, new_store, write

LARGE = os.urandom(100_000)


def little(store: Store, path: str, data: bytes) -> None:
    """A commit of what is sent as a whole."""
    session = writing.Session(store, HEAD, late=True)
    session.replace([(path, data)])
    session.close()


def objects(store: Store) -> int:
    """How many packs are in the bucket."""
    return len(list(store.bucket.list(FOLDER)))


def fill(store: Store, count: int = 20) -> dict[str, bytes]:
    written = {f"/{at}": b"%d" % at * 300 for at in range(count)}
    for path, data in written.items():
        little(store, path, data)
    return written


def test_little_is_one_durable_point_and_is_there_after_a_restart(tmp_path: Path) -> None:
    with new_store(tmp_path / "data") as store:
        written = fill(store)
        assert objects(store) == 0
        little(store, "/large", LARGE)
        assert objects(store) == 1
    with new_store(tmp_path / "data") as store:
        assert content(store) == written | {"/large": LARGE}
        assert check.fsck(store) == []
        assert len(list(store.shelf.list(FOLDER))) == 21
        little(store, "/0", LARGE)  # what is stored already is not stored again
        assert objects(store) == 1


def test_small_packs_are_gathered_into_one_object(tmp_path: Path) -> None:
    with new_store(tmp_path / "data") as store:
        written = fill(store)
        assert gc.gather(store, least=21) == 0
        assert gc.gather(store) == 20
        assert (objects(store), len(list(store.shelf.list(FOLDER)))) == (1, 1)
        assert content(store) == written
        assert check.fsck(store) == []
        assert gc.gather(store, least=1) == 0


def test_gc_removes_and_gathers_small_packs_as_others(tmp_path: Path) -> None:
    with new_store(tmp_path / "data") as store:
        written = fill(store)
        little(store, "/gone", b"g" * 3000)
        with graph.step(store) as made:
            commitsets.drop_commit(made, HEAD)
        report = upkeep.collect(store)
        assert (report.packs_before, report.packs_after, objects(store)) == (21, 1, 1)
        assert content(store) == written
        assert check.fsck(store) == []


def test_nothing_is_gathered_that_a_living_writer_has_made(tmp_path: Path) -> None:
    with new_store(tmp_path / "data") as store:
        fill(store)
        writer = store.writer(is_small=True)
        session = writing.Session(store, HEAD, late=True)
        session.replace([("/held", b"held" * 100)])
        session.close()
        gc.gather(store, least=1)
        assert len(list(store.shelf.list(FOLDER))) == 2  # the session's own is left
        del session, writer
        gc.gather(store, least=1)
        assert content(store)["/held"] == b"held" * 100
        assert check.fsck(store) == []


def test_nothing_is_gathered_while_bytes_are_moved_or_looked_for(tmp_path: Path) -> None:
    with new_store(tmp_path / "data") as store:
        fill(store)
        with store.upkeep:
            assert gc.gather(store) == 0
        assert gc.gather(store) == 20


def test_readers_and_writers_go_on_while_packs_are_gathered(tmp_path: Path) -> None:
    with new_store(tmp_path / "data") as store:
        written = fill(store)
        stop = threading.Event()

        def go_on() -> None:
            while not stop.is_set():
                gc.gather(store, least=1)

        thread = threading.Thread(target=go_on)
        thread.start()
        try:
            for at in range(60):
                little(store, "/more", b"%d" % at * 200)
                assert content(store) == written | {"/more": b"%d" % at * 200}
        finally:
            stop.set()
            thread.join(60)
        upkeep.collect(store)
        assert content(store) == written | {"/more": b"59" * 200}
        assert check.fsck(store) == []


def test_a_damaged_small_pack_is_told_left_and_healed(tmp_path: Path) -> None:
    with new_store(tmp_path / "data") as store:
        written = fill(store)
        with store.database.write() as tx:
            for number, data in tx.all("SELECT pack, bytes FROM small_packs"):
                damaged = data.replace(b"7" * 300, b"x" * 300)
                tx.run("UPDATE small_packs SET bytes = ? WHERE pack = ?", damaged, number)
    with new_store(tmp_path / "data") as store:
        with pytest.raises(Corrupt, match="is damaged"):
            content(store)
        gc.gather(store, least=1)
        told = [finding.text for finding in check.fsck(store)]
        assert any("is damaged at byte" in text for text in told)
        assert any(":/7 cannot be read" in text for text in told)
        check.fsck(store, fix=True)
        write(store, {"/7": written["/7"]})
        assert content(store) == written
        assert check.fsck(store) == []


def test_a_small_pack_that_is_gone_is_told(tmp_path: Path) -> None:
    with new_store(tmp_path / "data") as store:
        little(store, "/a", b"a" * 300)
        with store.database.write() as tx:
            tx.run("DELETE FROM small_packs")
        assert any("is missing" in finding.text for finding in check.fsck(store))


def test_a_backup_has_small_packs_and_those_that_are_gathered_meanwhile(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with new_store(data) as store:
        written = fill(store)

        def gather(_: int, __: int) -> None:
            gc.gather(store)

        make(Source(data), tmp_path / "backup.tar", progress=gather)
        assert objects(store) == 1
    restore(tmp_path / "backup.tar", tmp_path / "restored")
    with open_store(tmp_path / "restored") as store:
        assert content(store) == written
        assert check.fsck(store) == []


def test_a_server_gathers_what_many_small_blocks_left(tmp_path: Path) -> None:
    with StoreServer(tmp_path / "data") as server, channel.connect(server.address) as conn:
        repos.create(conn, REPO)
        for at in range(1000):
            with files.modify(conn, Commit(REPO, "master")) as changes:
                changes.put("/a", b"%d" % at)
        assert len(list((tmp_path / "data" / "bytes" / "packs").glob("*/*"))) == 1
        assert b"".join(files.get(conn, File(Commit(REPO, "master"), "/a"))) == b"999"
