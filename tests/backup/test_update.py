"""Another version's folder is backed up before it changes, by itself, or nothing is started."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from howdah import lastuse
from howdah.backup.restore import restore
from howdah.launch import upgrades
from howdah.launch.paths import DataFolder
from howdah.testing.launched import Launched, get
from tests.pfs.stores import new_store

OLD = ["before-update-2020-01-01T00-00-00.0.tar", "before-update-2020-01-02T00-00-00.0.tar",
       "before-update-2020-01-03T00-00-00.0.tar"]  # fmt: skip


def make_older(data: Path) -> None:
    """As if an older Howdah had used the folder last, and Label Studio had had fewer migrations."""
    last = lastuse.read(data)
    assert last is not None
    (data / lastuse.NAME).write_text(lastuse.text(replace(last, howdah="0.0.9")))
    with closing(sqlite3.connect(data / lastuse.SQLITE)) as connection:
        connection.execute("PRAGMA user_version = 7")


def user_version(data: Path) -> int:
    with closing(sqlite3.connect(data / lastuse.SQLITE)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def test_what_another_version_left_is_backed_up_unless_the_user_does_without(tmp_path: Path) -> None:
    data, backups = tmp_path / "data", tmp_path / "data" / "backups"
    with Launched(data, "--port", "0") as launched:
        assert "backing it up" not in launched.url + launched.printed
    assert not backups.exists()

    make_older(data)
    backups.write_text("in the way")
    with Launched(data, "--port", "0") as refused:
        assert refused.process.wait(120) == 1
        _, error, *none = refused.printed.splitlines()
        assert error.startswith("error: the backup before the update failed: ")
        assert "or go on without it with --no-backup" in error
        assert not none
    assert user_version(data) == 7

    backups.unlink()
    backups.mkdir()
    for name in OLD:
        (backups / name).write_text("")
    with Launched(data, "--port", "0") as launched:
        assert get(f"{launched.url}/user/login/").status == 200
        assert f"; backing it up first, to {backups}/before-update-20" in launched.printed
    assert user_version(data) != 7
    *kept, made = sorted(backups.iterdir())
    assert [path.name for path in kept] == OLD[1:]
    restore(made, tmp_path / "as-it-was")
    assert user_version(tmp_path / "as-it-was") == 7
    was, now = lastuse.read(tmp_path / "as-it-was"), lastuse.read(data)
    assert was is not None
    assert now is not None
    assert (was.howdah, replace(was, howdah=now.howdah)) == ("0.0.9", now)

    make_older(data)
    with Launched(data, "--port", "0", "--no-backup") as launched:
        assert get(f"{launched.url}/user/login/").status == 200
    assert sorted(backups.iterdir()) == [*kept, made]
    check_newer(data, made)


def check_newer(data: Path, made: Path) -> None:
    """An older version leaves a folder that a newer one has used alone, and names the backup."""
    make_older(data)
    with closing(sqlite3.connect(data / lastuse.SQLITE)) as connection, connection:
        connection.execute("INSERT INTO django_migrations (app, name, applied) VALUES ('tasks', '0999_new', '')")
    with Launched(data, "--port", "0") as refused:
        assert refused.process.wait(120) == 1
        (error,) = refused.printed.splitlines()
        assert "was used by Howdah 0.0.9 with Label Studio 1." in error
        assert (
            f"start that version again, or bring back what was there before its update: howdah restore {made}" in error
        )
    with Launched(data, "--port", "0", "--no-backup") as refused:
        assert refused.process.wait(120) == 1
        assert "used by a newer version, whose migration 0999_new this one lacks" in refused.printed
    assert user_version(data) == 7
    assert sorted(data.joinpath("backups").iterdir())[-1] == made


def test_store_of_another_version_is_backed_up_too(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    folder.make()
    with new_store(folder.store):
        pass
    upgrades.note(folder, None)
    said: list[str] = []
    assert upgrades.back_up_before(folder, None, {}, said.append) is None
    last = lastuse.read(folder.root)
    assert last is not None
    (folder.root / lastuse.NAME).write_text(lastuse.text(replace(last, rows="0000_before")))
    made = upgrades.back_up_before(folder, None, {}, said.append)
    assert made is not None
    assert restore(made, tmp_path / "back") > 0
    assert [str(made) in line for line in said] == [True]


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"howdah": 1}', "\udcff"])
def test_record_that_cannot_be_read_tells_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / lastuse.NAME).write_bytes(text.encode("utf-8", "surrogateescape"))
    assert lastuse.read(tmp_path) is None
