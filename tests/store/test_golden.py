"""Folders that earlier versions left are opened, read and gone on with; those of later ones are refused.

The folders are made by `tests/store/golden/make.py`; each is named after the newest migration that it knows.
"""

from __future__ import annotations

import json
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

import pytest

from howdah.db.migrate import migrate
from howdah.db.sqlite import SqliteDatabase
from howdah.errors import WrongState
from howdah.infos import JobState
from howdah.names import Commit, Job
from howdah.pfs import check, resolve, upkeep, writing
from howdah.pps import secrets, telling
from howdah.server.folder import open_store
from howdah.store.store import Store
from tests.pfs.stores import content, write
from tests.store.golden.make import COMMITS, COUNT, IDS, IMAGES, LABEL, LABELS, SPECIFICATION, fill

GOLDEN = sorted(Path(__file__).with_name("golden").glob("*.tar.gz"))


@pytest.fixture(params=GOLDEN, ids=lambda path: path.name.partition(".")[0])
def data(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of a golden folder."""
    data = tmp_path / "golden"
    with tarfile.open(request.param) as tar:
        for member in tar:
            file = tar.extractfile(member) if member.isfile() else None
            if file is not None:
                (data / member.name).parent.mkdir(parents=True, exist_ok=True)
                (data / member.name).write_bytes(file.read())
    return data


def roots(store: Store, ids: dict[str, str]) -> list[bytes | None]:
    """The digests of the trees of the finished commits."""
    with store.database.read() as tx:
        return [resolve.commit(tx, Commit(IMAGES, ids[name])).root for name in COMMITS if name != "open"]


def test_every_commit_holds_what_was_written(data: Path) -> None:
    ids = json.loads((data / IDS).read_text("utf-8"))
    with open_store(data) as store:
        assert check.fsck(store) == []
        for name, files in COMMITS.items():
            assert content(store, Commit(IMAGES, ids[name])) == files
        assert content(store, Commit(LABELS, "checked")) == LABEL


def test_work_goes_on_where_it_ended(data: Path) -> None:
    ids = json.loads((data / IDS).read_text("utf-8"))
    with open_store(data) as store:
        writing.finish(store, Commit(IMAGES, ids["open"]))
        write(store, {"/new": b"new"})
        upkeep.collect(store)
        assert content(store) == COMMITS["open"] | {"/new": b"new"}
        assert check.fsck(store) == []


def test_the_same_files_still_make_the_same_trees(data: Path, tmp_path: Path) -> None:
    ids = json.loads((data / IDS).read_text("utf-8"))
    with open_store(data) as store, open_store(tmp_path / "new") as new:
        assert roots(store, ids) == roots(new, fill(new))


def test_the_newest_golden_folder_has_the_newest_format(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "rows.db")
    migrate(database)
    with database.read() as tx:
        row = tx.one("SELECT max(number) FROM migrations")
    database.close()
    assert row is not None
    assert GOLDEN[-1].name == f"{row[0]:04}.tar.gz", "make one: python -m tests.store.golden.make"


def test_pipelines_are_as_they_were(data: Path) -> None:
    ids = json.loads((data / IDS).read_text("utf-8"))
    with open_store(data) as store, store.database.read() as tx:
        told = telling.pipelines(tx, history=-1)
        assert [info.version for info in told] == ([2, 1] if "job" in ids else [])
        assert [info.name for info in secrets.list(tx)] == (["password"] if "job" in ids else [])
        for info in told:
            assert json.loads(info.told) == SPECIFICATION
        if "job" in ids:
            assert telling.job(tx, Job(COUNT, ids["job"])).state is JobState.JOB_CREATED


def test_a_folder_of_a_newer_version_is_refused_and_left_alone(data: Path) -> None:
    with closing(sqlite3.connect(data / "rows.db")) as connection:
        connection.execute("INSERT INTO migrations (number, name) VALUES (9999, 'from_the_future')")
        connection.execute("PRAGMA journal_mode=DELETE")
        connection.commit()
    refused = pytest.raises(WrongState, match=r"newer Howdah \(its migration 9999 is not known here\): install that")
    with refused, open_store(data):
        pass


def test_a_pack_of_a_newer_format_is_told_as_such(data: Path) -> None:
    [pack] = [path for path in (data / "bytes" / "packs").glob("*/*") if b"statue" in path.read_bytes()]
    pack.write_bytes(pack.read_bytes().replace(b"HWDHPK1\n", b"HWDHPK2\n"))
    with open_store(data) as store:
        [found] = check.fsck(store)
    assert found.text == (
        f"pack packs/{pack.parent.name}/{pack.name} is of a format that only a newer Howdah knows: install that"
    )
