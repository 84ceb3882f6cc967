"""Pachyderm's published client writes files."""

from __future__ import annotations

import io
import os
import random
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from grpc import StatusCode
from pachyderm_sdk.api import pfs

from tests.compat.conftest import head, listed, read, refused

AWKWARD = ["Foto (1) ü.jpg", "a b", "日本語/写真.png", "[x]{y}*?", "n" * 255, "a+b=c&d%20e#f", "-r", "..a", "a\\b"]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """A web server on this machine that shows one file, photo.jpg."""
    (tmp_path / "photo.jpg").write_bytes(b"jpeg" * 100_000)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path))) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_put_replaces_and_append_appends(client: Any, branch: Any) -> None:
    with client.pfs.commit(branch=branch) as commit:
        commit.put_file_from_bytes("/a", b"one")
        commit.put_file_from_bytes("/a", b"two")
        commit.put_file_from_bytes("/a", b"three", append=True)
    with client.pfs.commit(branch=branch) as later:
        later.put_file_from_bytes("/a", b"four", append=True)

    assert read(client, commit, "/a") == b"twothree"
    assert read(client, later, "/a") == b"twothreefour"


def test_empty_file_is_a_file(client: Any, branch: Any) -> None:
    with client.pfs.commit(branch=branch) as commit:
        commit.put_file_from_bytes("/empty", b"")
    info = client.pfs.inspect_file(file=pfs.File(commit=commit, path="/empty"))

    assert (info.file_type, info.size_bytes) == (pfs.FileType.FILE, 0)
    assert read(client, commit, "/empty") == b""


def test_22_mb_go_and_come_in_several_messages(client: Any, branch: Any) -> None:
    data = random.Random(1).randbytes(22 * 1000 * 1000)
    with client.pfs.commit(branch=branch) as commit:
        commit.put_file_from_file(path="/big", file=io.BytesIO(data))
    messages = [m.value for m in client.pfs.get_file(file=pfs.File(commit=commit, path="/big"))]

    assert len(messages) > 1
    assert b"".join(messages) == data


def test_folder_of_files_is_put(client: Any, branch: Any, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / "sub" / "b").write_bytes(b"2")
    with client.pfs.commit(branch=branch) as commit:
        commit.put_files(source=tmp_path, path="/in")

    assert listed(client, commit, "/in") == ["/in/a", "/in/sub/"]


def test_url_is_fetched_by_the_store(client: Any, branch: Any, web: str) -> None:
    with client.pfs.commit(branch=branch) as commit:
        commit.put_file_from_url(path="/photo.jpg", url=f"{web}/photo.jpg")

    assert read(client, commit, "/photo.jpg") == b"jpeg" * 100_000


def test_url_that_is_missing_is_told_and_writes_nothing(client: Any, branch: Any, web: str) -> None:
    commit = client.pfs.start_commit(branch=branch)
    with refused(StatusCode.UNKNOWN, f'error retrieving content from "{web}/none": 404'):
        client.pfs.put_file_from_url(commit=commit, path="/photo.jpg", url=f"{web}/none")
    client.pfs.finish_commit(commit=commit)

    assert listed(client, commit) == []


def test_delete_takes_a_file_and_a_slash_takes_the_tree(client: Any, branch: Any) -> None:
    with client.pfs.commit(branch=branch) as first:
        for path in ("/a", "/d/x", "/d/y/z", "/dd"):
            first.put_file_from_bytes(path, b"1")
    with client.pfs.commit(branch=branch) as second:
        second.delete_file(path="/a")
        second.delete_file(path="/d")
    with client.pfs.commit(branch=branch) as third:
        third.delete_file(path="/d/")
    with client.pfs.commit(branch=branch) as fourth:
        fourth.delete_file(path="/")

    assert listed(client, second) == ["/d/", "/dd"]
    assert listed(client, third) == ["/dd"]
    assert listed(client, fourth) == []
    assert listed(client, first) == ["/a", "/d/", "/dd"]


def test_file_put_after_its_deletion_is_there(client: Any, branch: Any) -> None:
    with client.pfs.commit(branch=branch) as commit:
        commit.put_file_from_bytes("/d/x", b"old")
        commit.delete_file(path="/d/")
        commit.put_file_from_bytes("/d/y", b"new")

    assert listed(client, commit, "/d") == ["/d/y"]


def test_copy_takes_files_and_trees_also_from_other_repos(client: Any, branch: Any) -> None:
    other = pfs.Branch(repo=pfs.Repo(name="copies"), name="master")
    client.pfs.create_repo(repo=other.repo)
    with client.pfs.commit(branch=branch) as source:
        source.put_file_from_bytes("/d/x", b"1")
        source.put_file_from_bytes("/d/e/y", b"2")
    with client.pfs.commit(branch=other) as commit:
        commit.copy_file(src=pfs.File(commit=source, path="/d"), dst="/new")
        commit.copy_file(src=pfs.File(commit=source, path="/d/x"), dst="/one")
        commit.copy_file(src=pfs.File(commit=source, path="/d/e/y"), dst="/one", append=True)

    assert read(client, commit, "/new/e/y") == b"2"
    assert read(client, commit, "/one") == b"12"
    client.pfs.delete_repo(repo=other.repo)


def test_copy_replaces_unless_appending(client: Any, branch: Any) -> None:
    with client.pfs.commit(branch=branch) as first:
        first.put_file_from_bytes("/a", b"1")
        first.put_file_from_bytes("/b", b"2")
    with client.pfs.commit(branch=branch) as commit:
        commit.copy_file(src=pfs.File(commit=first, path="/a"), dst="/b")

    assert read(client, commit, "/b") == b"1"


@pytest.mark.parametrize("name", AWKWARD, ids=lambda name: name[:10])
def test_awkward_names_are_kept(client: Any, branch: Any, name: str) -> None:
    with client.pfs.commit(branch=branch) as commit:
        commit.put_file_from_bytes(f"/{name}", b"x")
    info = client.pfs.inspect_file(file=pfs.File(commit=commit, path=f"/{name}"))

    assert info.file.path == f"/{name}"
    assert read(client, commit, f"/{name}") == b"x"
    with client.pfs.commit(branch=branch) as later:
        later.delete_file(path=f"/{name}")
    assert listed(client, later) == []


@pytest.mark.parametrize("path", ["/a/../b", "/./a", ".."])
def test_relative_paths_are_refused(client: Any, branch: Any, path: str) -> None:
    with refused(StatusCode.UNKNOWN, "relative file paths are not allowed"):
        client.pfs.put_file_from_bytes(commit=head(branch), path=path, data=b"x")


def test_path_without_slash_is_below_the_root(client: Any, branch: Any) -> None:
    client.pfs.put_file_from_bytes(commit=head(branch), path="a/b", data=b"x")

    assert read(client, head(branch), "/a/b") == b"x"


def test_stream_must_begin_with_a_commit_and_name_it_once(client: Any, branch: Any) -> None:
    add = pfs.ModifyFileRequest(add_file=pfs.AddFile(path="/a", raw=b"x"))
    name = pfs.ModifyFileRequest(set_commit=head(branch))
    with refused(StatusCode.UNKNOWN, "first message must be a commit"):
        client.pfs.modify_file(iter([add]))
    with refused(StatusCode.UNKNOWN, "cannot set commit"):
        client.pfs.modify_file(iter([name, add, name]))


def test_failing_stream_writes_nothing(client: Any, branch: Any) -> None:
    def requests() -> Iterator[Any]:
        yield pfs.ModifyFileRequest(set_commit=head(branch))
        yield pfs.ModifyFileRequest(add_file=pfs.AddFile(path="/a", raw=b"x"))
        yield pfs.ModifyFileRequest(copy_file=pfs.CopyFile(dst="/b", src=pfs.File.from_uri("nope@master:/x")))

    before = len(list(client.pfs.list_commit(repo=branch.repo)))
    with refused(StatusCode.NOT_FOUND, "not found"):
        client.pfs.modify_file(requests())

    assert listed(client, head(branch)) == []
    assert len(list(client.pfs.list_commit(repo=branch.repo))) == before


def test_datums_of_one_path_are_joined_in_their_order(client: Any, branch: Any) -> None:
    with client.pfs.commit(branch=branch) as commit:
        adds = [pfs.AddFile(path="/a", datum=datum, raw=datum.encode()) for datum in ("2", "1")]
        client.pfs.modify_file(
            iter([pfs.ModifyFileRequest(set_commit=commit), *(pfs.ModifyFileRequest(add_file=add) for add in adds)])
        )

    assert read(client, commit, "/a") == b"12"


def test_thousand_small_files_in_one_stream(client: Any, branch: Any) -> None:
    def requests() -> Iterator[Any]:
        yield pfs.ModifyFileRequest(set_commit=head(branch))
        for number in range(1000):
            yield pfs.ModifyFileRequest(add_file=pfs.AddFile(path=f"/{number:04}", raw=os.urandom(20)))

    client.pfs.modify_file(requests())

    assert listed(client, head(branch)) == [f"/{number:04}" for number in range(1000)]
