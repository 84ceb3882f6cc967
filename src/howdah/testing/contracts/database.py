"""What every `Database` must do."""

from __future__ import annotations

import threading

import pytest

from howdah.db.database import Database


class DatabaseContract:
    """Subclass with a fixture `database` that gives a database with Howdah's tables and no rows of its own."""

    def put(self, database: Database, key: str, value: str = "v") -> None:
        with database.write() as tx:
            tx.run("INSERT INTO cluster (key, value) VALUES (?, ?)", key, value)

    def keys(self, database: Database) -> list[str]:
        with database.read() as tx:
            return [key for (key,) in tx.all("SELECT key FROM cluster ORDER BY key")]

    def test_what_was_written_can_be_read(self, database: Database) -> None:
        self.put(database, "a", "1")
        with database.read() as tx:
            assert tx.one("SELECT value FROM cluster WHERE key = ?", "a") == ("1",)
            assert tx.one("SELECT value FROM cluster WHERE key = ?", "b") is None

    def test_nothing_is_wrong_with_a_sound_database(self, database: Database) -> None:
        self.put(database, "a")
        assert database.check() == ""

    def test_a_write_that_raises_changes_nothing(self, database: Database) -> None:
        def verb() -> None:
            with database.write() as tx:
                tx.run("INSERT INTO cluster (key, value) VALUES ('a', '1')")
                raise RuntimeError("changed my mind")

        with pytest.raises(RuntimeError, match="changed my mind"):
            verb()
        assert self.keys(database) == []

    def test_a_reader_sees_one_state_while_others_write(self, database: Database) -> None:
        self.put(database, "a")
        with database.read() as tx:
            assert tx.one("SELECT count(*) FROM cluster") == (1,)
            self.put(database, "b")
            assert tx.one("SELECT count(*) FROM cluster") == (1,)
        assert self.keys(database) == ["a", "b"]

    def test_a_reader_does_not_wait_for_a_writer(self, database: Database) -> None:
        with database.write() as tx:
            tx.run("INSERT INTO cluster (key, value) VALUES ('a', '1')")
            assert self.keys(database) == []
        assert self.keys(database) == ["a"]

    def test_writers_wait_for_each_other(self, database: Database) -> None:
        self.put(database, "n", "0")

        def count() -> None:
            for _ in range(25):
                with database.write() as tx:
                    row = tx.one("SELECT value FROM cluster WHERE key = 'n'")
                    assert row is not None
                    tx.run("UPDATE cluster SET value = ? WHERE key = 'n'", str(int(row[0]) + 1))

        threads = [threading.Thread(target=count) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with database.read() as tx:
            assert tx.one("SELECT value FROM cluster WHERE key = 'n'") == ("100",)

    def test_insert_numbers_rows_and_run_counts_them(self, database: Database) -> None:
        with database.write() as tx:
            first = tx.insert("INSERT INTO packs (name, size) VALUES ('p', 1)")
            second = tx.insert("INSERT INTO packs (name, size) VALUES ('q', 2)")
            assert second > first
            tx.many("INSERT INTO packs (name, size) VALUES (?, ?)", [("r", 3), ("s", 4)])
            assert tx.run("UPDATE packs SET size = 9 WHERE size > 1") == 3

    def test_watchers_are_woken_after_a_commit_and_not_after_a_rollback(self, database: Database) -> None:
        seen: list[list[str]] = []
        stop = database.watch(lambda: seen.append(self.keys(database)))
        self.put(database, "a")
        with pytest.raises(RuntimeError), database.write():
            raise RuntimeError
        assert seen == [["a"]]
        stop()
        self.put(database, "b")
        assert seen == [["a"]]
