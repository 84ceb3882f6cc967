"""What a datum has is taken from code that goes on, whatever that does meanwhile."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from howdah.errors import Invalid
from howdah.worker import handover, layout


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("code", "datum"):
        layout.make(tmp_path / name)
    return tmp_path / "code", tmp_path / "datum"


def test_all_of_it_is_moved_and_the_places_stay(folders: tuple[Path, Path]) -> None:
    code, datum = folders
    (code / "pfs/in/a").mkdir(parents=True)
    (code / "pfs/in/a/x").write_text("in")
    (code / "pfs/.env").write_text("A=1")
    (code / "pfs/out/a/b").mkdir(parents=True)
    (code / "pfs/out/a/b/x").write_text("out")
    (code / "pfs/out/a/link").symlink_to("/pfs/in/a")
    out = (code / "pfs/out").stat().st_ino

    handover.take(code, datum)

    assert [*(code / "pfs").iterdir()] == [code / "pfs/out"]
    assert ((code / "pfs/out").stat().st_ino, [*(code / "pfs/out").iterdir()]) == (out, [])
    assert (datum / "pfs/in/a/x").read_text() == "in"
    assert (datum / "pfs/.env").read_text() == "A=1"
    assert (datum / "pfs/out/a/b/x").read_text() == "out"
    assert os.readlink(datum / "pfs/out/a/link") == "/pfs/in/a"
    assert [*(datum / "tmp").iterdir()] == []


def test_a_folder_that_code_has_open_is_not_the_one_that_is_read(folders: tuple[Path, Path]) -> None:
    code, datum = folders
    (code / "pfs/out/a").mkdir()
    (code / "pfs/out/a/x").write_text("out")
    held = os.open(code / "pfs/out/a", os.O_PATH)
    try:
        handover.take(code, datum)
        with pytest.raises(FileNotFoundError):
            os.symlink("/etc/passwd", "y", dir_fd=held)
    finally:
        os.close(held)
    assert os.listdir(datum / "pfs/out/a") == ["x"]


def test_paths_that_are_too_long_fail_the_datum(folders: tuple[Path, Path]) -> None:
    code, datum = folders
    here = os.open(code / "pfs/out", os.O_RDONLY)
    for _ in range(30):
        os.mkdir("x" * 200, dir_fd=here)
        below = os.open("x" * 200, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)

    with pytest.raises(Invalid, match="File name too long"):
        handover.take(code, datum)

    for each in folders:
        layout.remove(each)
        assert not each.exists()
