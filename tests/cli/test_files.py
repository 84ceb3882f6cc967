"""Files from the command line: put, get, list, glob, diff, copy, delete."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.cli.conftest import Howdah

AWKWARD = ["Foto (1) ü.jpg", "a b.txt", "[x]{y}*?.txt", "日本語.png", "n" * 251 + ".bin", "-f", "'\"$HOME"]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A web server on this machine, and the folder that it shows."""
    folder = tmp_path / "web"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", folder
        server.shutdown()
        thread.join()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder with files in two levels."""
    folder = tmp_path / "tree"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_bytes(b"a")
    (folder / "empty").write_bytes(b"")
    (folder / "sub" / "b.txt").write_bytes(b"bb")
    return folder


def names(howdah: Howdah, verb: str, place: str) -> list[str]:
    out = howdah(verb, "file", place, "--raw")
    assert out.code == 0, out.stderr
    return [json.loads(line)["file"]["path"] for line in out.stdout.splitlines()]


def test_file_goes_to_the_path_given_and_comes_back(either: Howdah, images: str, tmp_path: Path) -> None:
    content = os.urandom(3_000_000)
    (tmp_path / "in.bin").write_bytes(content)
    put = either("put", "file", f"{images}@master:/liberty.png", "-f", str(tmp_path / "in.bin"))

    assert put == (0, b"", "")
    assert either("get", "file", f"{images}@master:/liberty.png") == (0, content, "")
    assert either("get", "file", f"{images}@master:/liberty.png", "-o", str(tmp_path / "out")) == (0, b"", "")
    assert (tmp_path / "out").read_bytes() == content


def test_several_sources_go_below_the_path_in_one_commit(howdah: Howdah, images: str, tree: Path) -> None:
    put = howdah("put", "file", f"{images}@master:/d", "-f", str(tree / "a.txt"), "-f", str(tree / "empty"))

    assert put.code == 0
    assert names(howdah, "list", f"{images}@master:/d") == ["/d/a.txt", "/d/empty"]
    assert len(howdah("list", "commit", images, "--raw").stdout.splitlines()) == 1


@pytest.mark.parametrize("place", ["@master", "@master:", "@master:/", ""])
def test_source_keeps_its_name_where_the_path_is_a_folder(howdah: Howdah, images: str, tree: Path, place: str) -> None:
    assert howdah("put", "file", f"{images}{place}", "-f", str(tree / "a.txt")).code == 0
    assert names(howdah, "list", f"{images}@master") == ["/a.txt"]


def test_folder_keeps_relative_names_and_comes_back_equal(
    either: Howdah, images: str, tree: Path, tmp_path: Path
) -> None:
    assert either("put", "file", f"{images}@master:/t", "-r", "-f", str(tree)) == (0, b"", "")
    assert either("get", "file", f"{images}@master:/t", "-r", "-o", str(tmp_path / "out")) == (0, b"", "")

    found = {str(p.relative_to(tmp_path / "out")): p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()}
    assert found == {"a.txt": b"a", "empty": b"", "sub/b.txt": b"bb"}


def test_whole_repo_comes_back_with_its_folders(howdah: Howdah, images: str, tree: Path, tmp_path: Path) -> None:
    howdah("put", "file", f"{images}@master:/t", "-r", "-f", str(tree))
    assert howdah("get", "file", f"{images}@master:/", "-r", "-o", str(tmp_path / "out")).code == 0

    assert (tmp_path / "out" / "t" / "sub" / "b.txt").read_bytes() == b"bb"
    assert [path for path in (tmp_path / "out").rglob("*") if path.name.startswith(".howdah")] == []


def test_single_file_is_got_recursively_and_into_a_folder(howdah: Howdah, images: str, tmp_path: Path) -> None:
    howdah("put", "file", f"{images}@master:/d/a", stdin=b"x")
    howdah("get", "file", f"{images}@master:/d/a", "-r", "-o", str(tmp_path / "one"))
    howdah("get", "file", f"{images}@master:/d/a", "-o", str(tmp_path))

    assert (tmp_path / "one" / "a").read_bytes() == b"x"
    assert (tmp_path / "a").read_bytes() == b"x"


def test_standard_input_is_read_and_appended(either: Howdah, images: str) -> None:
    either("put", "file", f"{images}@master:/log", stdin=b"one\n")
    either("put", "file", f"{images}@master:/log", "-a", "-f", "-", stdin=b"two\n")
    assert either("get", "file", f"{images}@master:/log").bytes == b"one\ntwo\n"
    either("put", "file", f"{images}@master:/log", stdin=b"three\n")
    assert either("get", "file", f"{images}@master:/log").bytes == b"three\n"


def test_url_is_fetched_by_the_store(howdah: Howdah, images: str, web: tuple[str, Path]) -> None:
    url, folder = web
    (folder / "Foto (1) ü.jpg").write_bytes(b"jpeg")
    assert howdah("put", "file", f"{images}@master", "-f", f"{url}/Foto%20(1)%20%C3%BC.jpg").code == 0
    assert howdah("get", "file", f"{images}@master:/Foto (1) ü.jpg").bytes == b"jpeg"


def test_url_that_fails_names_it_and_writes_nothing(howdah: Howdah, images: str, web: tuple[str, Path]) -> None:
    failed = howdah("put", "file", f"{images}@master:/a", "-f", f"{web[0]}/missing")

    assert failed.code != 0
    assert f"{web[0]}/missing" in failed.stderr
    assert "404" in failed.stderr
    assert howdah("inspect", "file", f"{images}@master:/a").code == 3


@pytest.mark.parametrize("name", AWKWARD, ids=lambda name: name[:12])
def test_awkward_names_go_and_come_back(howdah: Howdah, images: str, tmp_path: Path, name: str) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / name).write_bytes(name.encode())

    assert howdah("put", "file", f"{images}@master", "-f", str(tmp_path / "in" / name)).code == 0
    assert howdah("get", "file", f"{images}@master:/{name}").bytes == name.encode()
    assert names(howdah, "list", f"{images}@master") == [f"/{name}"]
    assert howdah("get", "file", f"{images}@master", "-r", "-o", str(tmp_path / "out")).code == 0
    assert (tmp_path / "out" / name).read_bytes() == name.encode()


def test_name_that_is_not_utf8_is_refused_clearly_and_nothing_is_written(
    howdah: Howdah, images: str, tree: Path
) -> None:
    (tree / os.fsdecode(b"caf\xe9.jpg")).write_bytes(b"x")
    refused = howdah("put", "file", f"{images}@master", "-r", "-f", str(tree))

    assert refused.code == 2
    assert "not valid UTF-8: rename it" in refused.stderr
    assert howdah("list", "commit", images, "--raw").bytes == b""


def test_missing_source_writes_none_of_the_others(howdah: Howdah, images: str, tree: Path) -> None:
    refused = howdah("put", "file", f"{images}@master", "-f", str(tree / "a.txt"), "-f", str(tree / "nope"))

    assert refused.code == 3
    assert "nope not found" in refused.stderr
    assert howdah("list", "commit", images, "--raw").bytes == b""


def test_two_sources_of_one_name_are_refused(howdah: Howdah, images: str, tree: Path) -> None:
    (tree / "sub" / "a.txt").write_bytes(b"other")
    refused = howdah("put", "file", f"{images}@master", "-f", str(tree / "a.txt"), "-f", str(tree / "sub" / "a.txt"))

    assert refused.code == 2
    assert "would both be written to /a.txt" in refused.stderr


def test_folder_without_r_and_empty_folder_tell_what_to_do(howdah: Howdah, images: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    without = howdah("put", "file", f"{images}@master", "-f", str(tmp_path / "empty"))
    empty = howdah("put", "file", f"{images}@master", "-r", "-f", str(tmp_path / "empty"))

    assert (without.code, "add -r" in without.stderr) == (2, True)
    assert (empty.code, "nothing to put" in empty.stderr) == (2, True)
    assert howdah("list", "commit", images, "--raw").bytes == b""


def test_pipe_in_a_folder_is_left_out_with_a_word(howdah: Howdah, images: str, tree: Path) -> None:
    os.mkfifo(tree / "pipe")
    put = howdah("put", "file", f"{images}@master", "-r", "-f", str(tree))

    assert put.code == 0
    assert "not a regular file" in put.stderr
    assert names(howdah, "glob", f"{images}@master:/*") == ["/a.txt", "/empty", "/sub/"]


def test_links_to_files_are_followed_and_links_to_folders_are_not(
    howdah: Howdah, images: str, tree: Path, tmp_path: Path
) -> None:
    (tmp_path / "away").mkdir()
    (tmp_path / "away/far.txt").write_bytes(b"far")
    (tree / "linked").symlink_to(tmp_path / "away")
    (tree / "far").symlink_to(tmp_path / "away/far.txt")
    (tree / "gone").symlink_to(tmp_path / "nowhere")
    put = howdah("put", "file", f"{images}@master:/here", "-r", "-f", f"{tree}/")

    assert put.code == 0
    assert put.stderr.count("not a regular file") == 1
    assert howdah("get", "file", f"{images}@master:/here/far").bytes == b"far"
    found = names(howdah, "glob", f"{images}@master:/here/**")
    assert [name for name in found if "linked" in name or "gone" in name] == []


@pytest.mark.skipif(not Path("/proc/version").exists(), reason="/proc is Linux's")
def test_file_whose_size_is_told_wrongly_is_read_to_its_end(howdah: Howdah, images: str) -> None:
    assert howdah("put", "file", f"{images}@master:/version", "-f", "/proc/version").code == 0
    assert howdah("get", "file", f"{images}@master:/version").bytes == Path("/proc/version").read_bytes()


def test_glob_finds_files_at_any_depth_and_is_bounded(howdah: Howdah, images: str, tree: Path) -> None:
    howdah("put", "file", f"{images}@master", "-r", "-f", str(tree))

    assert names(howdah, "glob", f"{images}@master:/**.txt") == ["/a.txt", "/sub/b.txt"]
    assert len(howdah("glob", "file", f"{images}@master:/**", "-n", "2", "--raw").stdout.splitlines()) == 2
    assert len(howdah("list", "file", f"{images}@master:/", "-n", "1", "--raw").stdout.splitlines()) == 1


def test_file_is_inspected_with_its_commit_and_hash(howdah: Howdah, images: str) -> None:
    howdah("put", "file", f"{images}@master:/a", stdin=b"abc")
    shown = howdah("inspect", "file", f"{images}@master:/a").stdout

    assert shown.startswith("Name: /a\nType: file\nSize: 3 B\n")
    assert f"Commit: {images}@" in shown
    assert howdah("inspect", "file", f"{images}@master:/b").code == 3


def test_diff_tells_added_changed_and_deleted(howdah: Howdah, images: str) -> None:
    howdah("put", "file", f"{images}@master:/a", stdin=b"1")
    howdah("put", "file", f"{images}@master:/a", stdin=b"22")
    howdah("put", "file", f"{images}@master:/b", stdin=b"1")
    against_old = howdah("diff", "file", f"{images}@master:/", f"{images}@master~2:/").stdout
    against_new = howdah("diff", "file", f"{images}@master~2:/", f"{images}@master:/").stdout

    assert [line.split()[:2] for line in against_old.splitlines()[2:]] == [["changed", "/a"], ["added", "/b"]]
    assert [line.split()[:2] for line in against_new.splitlines()[2:]] == [["changed", "/a"], ["deleted", "/b"]]
    assert [line.split()[1] for line in howdah("diff", "file", f"{images}@master").stdout.splitlines()[2:]] == ["/b"]


def test_copy_within_and_across_repos(howdah: Howdah, images: str, tree: Path) -> None:
    howdah("put", "file", f"{images}@master:/t", "-r", "-f", str(tree))
    howdah("create", "repo", f"{images}2")

    assert howdah("copy", "file", f"{images}@master:/t", f"{images}2@master:/u").code == 0
    assert howdah("copy", "file", f"{images}@master:/t/a.txt", f"{images}@master:/t/sub/b.txt", "-a").code == 0
    assert names(howdah, "list", f"{images}2@master:/u") == ["/u/a.txt", "/u/empty", "/u/sub/"]
    assert howdah("get", "file", f"{images}@master:/t/sub/b.txt").bytes == b"bba"


def test_delete_takes_folders_only_with_r_and_tells_what_is_missing(howdah: Howdah, images: str, tree: Path) -> None:
    howdah("put", "file", f"{images}@master", "-r", "-f", str(tree))

    assert "add -r" in howdah("delete", "file", f"{images}@master:/sub").stderr
    assert howdah("delete", "file", "-r", f"{images}@master:/sub").code == 0
    assert howdah("delete", "file", f"{images}@master:/a.txt").code == 0
    assert names(howdah, "list", f"{images}@master") == ["/empty"]
    assert howdah("delete", "file", f"{images}@master:/a.txt").code == 3


def test_getting_a_folder_tells_how(howdah: Howdah, images: str) -> None:
    howdah("put", "file", f"{images}@master:/d/a", stdin=b"x")
    refused = howdah("get", "file", f"{images}@master:/d")

    assert refused.code == 2
    assert "add -r and -o FOLDER" in refused.stderr
    assert howdah("get", "file", f"{images}@master:/d", "-r").code == 2


def test_missing_file_leaves_no_file_behind(howdah: Howdah, images: str, tmp_path: Path) -> None:
    howdah("put", "file", f"{images}@master:/a", stdin=b"x")
    (tmp_path / "out").mkdir()

    assert howdah("get", "file", f"{images}@master:/nope", "-o", str(tmp_path / "out" / "x")).code == 3
    assert list((tmp_path / "out").iterdir()) == []


def test_link_in_the_target_folder_is_not_followed_out_of_it(howdah: Howdah, images: str, tmp_path: Path) -> None:
    howdah("put", "file", f"{images}@master:/sub/a", stdin=b"x")
    (tmp_path / "outside").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "sub").symlink_to(tmp_path / "outside")
    refused = howdah("get", "file", f"{images}@master", "-r", "-o", str(tmp_path / "out"))

    assert refused.code == 2
    assert "leads out of" in refused.stderr
    assert list((tmp_path / "outside").iterdir()) == []


@pytest.mark.parametrize("is_there", [False, True], ids=["new", "there"])
def test_what_breaks_off_leaves_no_half_folder_and_no_hidden_file(
    howdah: Howdah, images: str, tmp_path: Path, is_there: bool
) -> None:
    long = "n" * 300  # longer than a file's name may be
    for path in ("/a/good", f"/b/{long}"):
        howdah("put", "file", f"{images}@master:{path}", stdin=b"x")
    out = tmp_path / "out"
    if is_there:
        out.mkdir()
        (out / "mine").write_bytes(b"mine")
    refused = howdah("get", "file", f"{images}@master", "-r", "-o", str(out))

    assert refused.code != 0
    assert f"file {out}/b/{long} cannot be written: File name too long" in refused.stderr
    assert out.exists() == is_there
    assert [path for path in tmp_path.rglob("*") if path.name.startswith(".howdah")] == []
    assert not is_there or (out / "mine").read_bytes() == b"mine"
