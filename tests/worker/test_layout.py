"""The folders of runs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from howdah.errors import Invalid
from howdah.worker import layout

_DEEP = 3000


@pytest.mark.parametrize(
    ("name", "path"), [("in", "/../x"), ("in", "/a/./b"), ("..", "/x"), ("a/b", "/x"), ("out", "/x"), ("in", "/\0")]
)
def test_no_input_leads_out_of_its_place(tmp_path: Path, name: str, path: str) -> None:
    with pytest.raises(Invalid, match="can be no file's here"):
        layout.inside(tmp_path, name, path)
    assert not [*tmp_path.iterdir()]


def test_a_file_is_linked_where_that_is_possible_and_copied_else(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 100_000)
    layout.link(str(tmp_path / "a"), str(tmp_path / "b"))
    layout.copy(str(tmp_path / "a"), str(tmp_path / "c"))
    assert (tmp_path / "b").samefile(tmp_path / "a")
    assert not (tmp_path / "c").samefile(tmp_path / "a")
    assert (tmp_path / "c").read_bytes() == (tmp_path / "a").read_bytes()
    with pytest.raises(FileNotFoundError):
        layout.link(str(tmp_path / "none"), str(tmp_path / "d"))


def test_a_copy_crosses_file_systems(tmp_path: Path) -> None:
    memory = Path("/dev/shm")
    if not memory.is_dir():
        pytest.skip("platform: no file system in memory")
    source = memory / f"howdah-test-{os.getpid()}"
    source.write_bytes(b"y" * 100_000)
    try:
        layout.link(str(source), str(tmp_path / "a"))
    finally:
        source.unlink()
    assert (tmp_path / "a").read_bytes() == b"y" * 100_000


def test_a_folder_goes_however_deep_it_is_and_whoever_may_enter(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    layout.make(folder)
    (tmp_path / "kept").write_text("kept")
    here = os.getcwd()
    os.chdir(folder / "pfs/out")
    try:
        for _ in range(_DEEP):
            os.mkdir("d" * 100)
            os.symlink(tmp_path, "link")
            os.chdir("d" * 100)
    finally:
        os.chdir(here)
    (folder / "tmp/closed/in").mkdir(parents=True)
    (folder / "tmp/closed/in/file").write_text("")
    os.chmod(folder / "tmp/closed/in", 0)
    os.chmod(folder / "tmp/closed", 0)
    layout.remove(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    layout.remove(folder)


def test_a_folder_goes_that_another_was_killed_at(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    for number in range(5):
        (folder / f".howdah-{number}/a/b/c").mkdir(parents=True)
        (folder / f".howdah-{number}/a/b/file").write_text("")

    layout.remove(folder)

    assert not folder.exists()
