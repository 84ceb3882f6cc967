"""What is found in `/pfs/out`: files, links to inputs as copies, and everything else refused by its name."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from howdah.errors import Invalid
from howdah.worker import layout, outputs
from howdah.worker.outputs import Copied, Output, Written


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run's folder: the file `/a/one` of `images`, and all of the directory `/d/` of `labels`."""
    folder = tmp_path / "run"
    layout.make(folder)
    for name, path in (("images", "/a/one"), ("labels", "/d/two"), ("labels", "/d/e/three")):
        layout.open_file(layout.inside(folder, name, path), path)
    return folder


def _found(folder: Path) -> list[Output]:
    return sorted(outputs.find(folder, [("labels", "/d/")]), key=lambda one: one.path)


def _link(folder: Path, path: str, target: str) -> None:
    place = folder / "pfs/out" / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(target)


def test_files_are_found_with_their_paths_and_sizes(folder: Path) -> None:
    out = folder / "pfs/out"
    (out / "empty").mkdir()
    (out / "x/y").mkdir(parents=True)
    (out / "x/y/file").write_text("12345")
    (out / "näme (1).txt").write_text("")
    assert _found(folder) == [
        Written("/näme (1).txt", f"{out}/näme (1).txt", 0),
        Written("/x/y/file", f"{out}/x/y/file", 5),
    ]


@pytest.mark.parametrize(
    ("target", "copied"),
    [
        ("/pfs/images/a/one", [("", "images", "/a/one")]),
        ("/pfs//images/./a/../a/one", [("", "images", "/a/one")]),
        ("../../images/a/one", [("", "images", "/a/one")]),
        ("/pfs/labels/d", [("", "labels", "/d/")]),
        ("/pfs/labels/d/", [("", "labels", "/d/")]),
        ("/pfs/labels/d/e", [("", "labels", "/d/e/")]),
        ("/pfs/labels/d/e/three", [("", "labels", "/d/e/three")]),
        ("/pfs/images", [("/a/one", "images", "/a/one")]),
        ("/pfs/images/a", [("/one", "images", "/a/one")]),
        ("/pfs/labels", [("/d/e/three", "labels", "/d/e/three"), ("/d/two", "labels", "/d/two")]),
    ],
)
def test_links_to_inputs_are_copies_of_what_the_code_saw(
    folder: Path, target: str, copied: list[tuple[str, str, str]]
) -> None:
    _link(folder, "x/link", target)
    assert _found(folder) == [Copied(f"/x/link{below}", name, path) for below, name, path in copied]


def test_a_whole_input_is_one_copy(tmp_path: Path) -> None:
    layout.make(tmp_path / "run")
    layout.open_file(layout.inside(tmp_path / "run", "images", "/a/one"))
    _link(tmp_path / "run", "all", "/pfs/images")
    _link(tmp_path / "run", "part", "/pfs/images/a")
    found = sorted(outputs.find(tmp_path / "run", [("images", "/")]), key=lambda one: one.path)
    assert found == [Copied("/all", "images", "/"), Copied("/part", "images", "/a/")]


def test_links_may_lead_over_links(folder: Path) -> None:
    _link(folder, "first", "/pfs/images")
    _link(folder, "second", "first/a/one")
    (folder / "pfs/out/file").write_text("12")
    _link(folder, "third", "/pfs/out/file")
    found = {one.path: one for one in _found(folder)}
    assert found["/second"] == Copied("/second", "images", "/a/one")
    assert found["/third"] == Written("/third", f"{folder}/pfs/out/file", 2)


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("/etc/passwd", "is a link to /etc/passwd, outside of /pfs"),
        ("../../../etc/passwd", "is a link to /etc/passwd, outside of /pfs"),
        ("/tmp/x", "is a link to /tmp/x, outside of /pfs"),
        ("/pfs/images/../../etc", "is a link to /etc, outside of /pfs"),
        ("/proc/self/root/etc/passwd", "outside of /pfs"),
        ("/pfs", "is a link to /pfs, outside of /pfs"),
        ("/pfs/out", "is a link to /pfs/out, outside of /pfs"),
        ("/pfs/.env", "outside of /pfs"),
        ("/pfs/images/missing", "is a link to /pfs/images/missing, which is not there"),
        ("/pfs/none/x", "which is not there"),
        ("link", "is a link that leads to itself"),
        ("folder", "is a link to a folder of the output: copy the folder"),
    ],
)
def test_links_that_lead_elsewhere_are_refused_by_name(folder: Path, target: str, why: str) -> None:
    (folder / "pfs/out/folder").mkdir()
    (folder / "pfs/.env").write_text("")
    _link(folder, "link", target)
    with pytest.raises(Invalid) as raised:
        _found(folder)
    assert raised.value.message.startswith("output /link ")
    assert why in raised.value.message


def _socket(path: Path) -> None:
    here = os.getcwd()
    os.chdir(path.parent)  # its name may not be long
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (os.mkfifo, "a named pipe"),
        (_socket, "a socket"),
        pytest.param(
            lambda path: os.mknod(path, 0o020666, os.makedev(1, 3)),
            "a device",
            marks=pytest.mark.skipif(os.geteuid() != 0, reason="platform: only root makes devices"),
        ),
    ],
)
def test_what_is_no_file_is_refused_by_name(folder: Path, make: Callable[[Path], None], kind: str) -> None:
    make(folder / "pfs/out/thing")
    with pytest.raises(Invalid, match=f"^output /thing is {kind}: write a file"):
        _found(folder)


def test_a_name_that_is_no_text_is_refused(folder: Path) -> None:
    with open(os.fsencode(folder / "pfs/out") + b"/\xff", "wb"):
        pass
    with pytest.raises(Invalid, match=r"output /'\\udcff' is not valid UTF-8"):
        _found(folder)


def test_what_code_has_closed_is_read_nevertheless(folder: Path) -> None:
    out = folder / "pfs/out"
    (out / "x").mkdir()
    (out / "x/file").write_text("1")
    os.chmod(out / "x/file", 0)
    os.chmod(out / "x", 0)
    (found,) = _found(folder)
    assert isinstance(found, Written)
    assert Path(found.place).read_text() == "1"


@pytest.mark.skipif(os.geteuid() != 0, reason="platform: only root has others")
def test_nobody_else_changes_folders_that_are_looked_at(folder: Path) -> None:
    for name in ("pfs/out", "pfs/out/below"):
        (folder / name).mkdir(exist_ok=True)
        (folder / name / "file").write_text("x")
        os.chown(folder / name, 65534, 65534)
        (folder / name).chmod(0o777)
    assert {one.path for one in outputs.find(folder)} == {"/file", "/below/file"}
    for name in ("pfs/out", "pfs/out/below"):
        seen = (folder / name).stat()
        assert (seen.st_uid, seen.st_mode & 0o777) == (0, 0o700)
