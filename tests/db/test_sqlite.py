import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from howdah.db.migrate import migrate
from howdah.db.sqlite import SqliteDatabase
from howdah.errors import Corrupt, Unavailable, WrongState
from howdah.testing.contracts.database import DatabaseContract


@pytest.fixture
def database(tmp_path: Path) -> Iterator[SqliteDatabase]:
    database = SqliteDatabase(tmp_path / "rows.db")
    migrate(database)
    yield database
    database.close()


class TestSqliteDatabase(DatabaseContract):
    def test_rows_are_there_after_reopening(self, database: SqliteDatabase, tmp_path: Path) -> None:
        self.put(database, "a")
        again = SqliteDatabase(tmp_path / "rows.db")
        assert self.keys(again) == ["a"]
        again.close()

    def test_the_log_reaches_the_disk_at_each_commit(self, database: SqliteDatabase) -> None:
        with database.write() as tx:
            assert tx.one("PRAGMA journal_mode") == ("wal",)
            assert tx.one("PRAGMA synchronous") == (2,)

    def test_a_file_that_is_no_database_is_corrupt(self, tmp_path: Path) -> None:
        (tmp_path / "bad.db").write_bytes(b"not a database, but long enough to be read as one" * 100)
        with pytest.raises(Corrupt, match=r"bad\.db"):
            SqliteDatabase(tmp_path / "bad.db")

    def test_a_folder_that_is_not_there_is_unavailable(self, tmp_path: Path) -> None:
        with pytest.raises(Unavailable, match="cannot be used"):
            SqliteDatabase(tmp_path / "no" / "rows.db")


class TestSqliteDatabaseOnANetworkFileSystem(DatabaseContract):
    @pytest.fixture
    def database(self, tmp_path: Path) -> Iterator[SqliteDatabase]:
        database = SqliteDatabase(tmp_path / "rows.db", alone=True)
        migrate(database)
        yield database
        database.close()

    def test_no_memory_is_shared_through_a_file(self, database: SqliteDatabase, tmp_path: Path) -> None:
        self.put(database, "a")
        assert (tmp_path / "rows.db-wal").exists()
        assert not (tmp_path / "rows.db-shm").exists()

    def test_another_process_is_kept_out_and_told_so(self, database: SqliteDatabase, tmp_path: Path) -> None:
        self.put(database, "a")
        opens = "import sys, pathlib; from howdah.db.sqlite import quick_check; quick_check(pathlib.Path(sys.argv[1]))"
        command = [sys.executable, "-c", opens, str(tmp_path / "rows.db")]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert "is in use by another process" in done.stderr


def test_migrating_twice_changes_nothing(database: SqliteDatabase) -> None:
    with database.read() as tx:
        before = tx.all("SELECT number, name FROM migrations ORDER BY number")
    migrate(database)
    with database.read() as tx:
        assert tx.all("SELECT number, name FROM migrations ORDER BY number") == before
    assert before[0] == (1, "first")


def test_a_newer_database_is_refused(database: SqliteDatabase) -> None:
    with database.write() as tx:
        tx.run("INSERT INTO migrations (number, name) VALUES (999, 'from_the_future')")
    with pytest.raises(WrongState, match="newer Howdah"):
        migrate(database)


def test_a_crowd_of_readers_does_not_keep_all_its_connections(database: SqliteDatabase) -> None:
    with ExitStack() as crowd:
        for _ in range(60):
            crowd.enter_context(database.read()).all("SELECT * FROM projects")
        most = len(os.listdir("/dev/fd"))
    assert most - len(os.listdir("/dev/fd")) >= 40  # of each connection one: SQLite itself keeps the other for reuse
