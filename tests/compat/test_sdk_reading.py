"""Pachyderm's published client reads, lists and compares files."""

from __future__ import annotations

import io
import tarfile
from typing import Any

import grpc
import pytest
from grpc import StatusCode
from pachyderm_sdk.api import pfs

from tests.compat.conftest import head, listed, read, refused

TREE = {"/a.txt": b"a", "/a/b/c": b"c" * 100, "/a/b/d.png": b"d", "/a/z": b"", "/b.txt": b"bb", "/ü": b"u"}


@pytest.fixture
def tree(client: Any, branch: Any) -> Any:
    """A commit that holds TREE."""
    with client.pfs.commit(branch=branch) as commit:
        for path, data in TREE.items():
            commit.put_file_from_bytes(path, data)
    return commit


def paths(infos: Any) -> list[str]:
    return [info.file.path for info in infos]


def test_file_is_read_whole_in_part_and_from_an_offset(client: Any, tree: Any) -> None:
    file = pfs.File(commit=tree, path="/a/b/c")
    with client.pfs.pfs_file(file=file) as opened:
        assert (opened.read(10), opened.read(10), len(opened.read())) == (b"c" * 10, b"c" * 10, 80)

    assert b"".join(m.value for m in client.pfs.get_file(file=file, offset=97)) == b"ccc"
    assert b"".join(m.value for m in client.pfs.get_file(file=file, offset=100)) == b""


def test_lines_are_read_from_an_open_file(client: Any, branch: Any) -> None:
    with client.pfs.commit(branch=branch) as commit:
        commit.put_file_from_bytes("/lines", b"one\ntwo\nthree")
    with client.pfs.pfs_file(file=pfs.File(commit=commit, path="/lines")) as file:
        assert file.peek(3) == b"one"
        assert list(file) == [b"one\n", b"two\n", b"three"]


def test_opening_what_is_no_single_file_fails_at_once(client: Any, tree: Any) -> None:
    for path in ("/nope", "/a", "/*.txt"):
        with pytest.raises(ValueError, match="Error instantiating PFSFile"):
            client.pfs.pfs_file(file=pfs.File(commit=tree, path=path))


def test_read_errors_are_those_that_clients_match(client: Any, tree: Any) -> None:
    with refused(StatusCode.NOT_FOUND, "not found"):
        list(client.pfs.get_file(file=pfs.File(commit=tree, path="/nope")))
    with refused(StatusCode.UNKNOWN, "cannot get directory or non-regular file. Use GetFileTAR instead"):
        list(client.pfs.get_file(file=pfs.File(commit=tree, path="/a")))
    with refused(StatusCode.UNKNOWN, "matched multiple files. Use GetFileTAR instead"):
        list(client.pfs.get_file(file=pfs.File(commit=tree, path="/*.txt")))


def test_pattern_that_hits_one_file_reads_it(client: Any, tree: Any) -> None:
    assert read(client, tree, "/b.*") == b"bb"


def test_stream_that_is_left_early_does_no_harm(client: Any, branch: Any) -> None:
    with client.pfs.commit(branch=branch) as commit:
        commit.put_file_from_bytes("/big", b"x" * 12_000_000)
    for _ in range(40):
        opened = client.pfs.pfs_file(file=pfs.File(commit=commit, path="/big"))
        assert opened.read(1) == b"x"
        opened.close()

    assert len(read(client, commit, "/big")) == 12_000_000


def test_file_info_names_the_resolved_commit(client: Any, branch: Any, tree: Any) -> None:
    info = client.pfs.inspect_file(file=pfs.File(commit=head(branch), path="a/b/c"))

    assert (info.file.path, info.file_type, info.size_bytes) == ("/a/b/c", pfs.FileType.FILE, 100)
    assert (info.file.commit.id, info.file.commit.repo.name) == (tree.id, branch.repo.name)
    assert info.file.commit.branch is None or info.file.commit.branch.name == ""
    assert (len(info.hash), info.committed is not None) == (32, True)


@pytest.mark.parametrize("path", ["/a", "/a/", "a"])
def test_directory_is_inspected_under_any_spelling(client: Any, tree: Any, path: str) -> None:
    info = client.pfs.inspect_file(file=pfs.File(commit=tree, path=path))

    assert (info.file.path, info.file_type, info.size_bytes) == ("/a/", pfs.FileType.DIR, 101)


def test_file_is_inspected_with_a_slash_behind_it(client: Any, tree: Any) -> None:
    assert client.pfs.inspect_file(file=pfs.File(commit=tree, path="/b.txt/")).file.path == "/b.txt"


def test_missing_path_and_root_of_an_empty_commit_are_not_found(client: Any, branch: Any, tree: Any) -> None:
    with refused(StatusCode.NOT_FOUND, "file /nope not found in repo"):
        client.pfs.inspect_file(file=pfs.File(commit=tree, path="/nope"))
    empty = pfs.Commit(repo=branch.repo, id=f"{tree.id}^")
    with refused(StatusCode.NOT_FOUND, "file / not found in repo"):
        client.pfs.inspect_file(file=pfs.File(commit=empty, path="/"))
    assert client.pfs.path_exists(pfs.File(commit=tree, path="/a"))
    assert not client.pfs.path_exists(pfs.File(commit=tree, path="/nope"))


def test_equal_content_has_an_equal_hash(client: Any, branch: Any, tree: Any) -> None:
    with client.pfs.commit(branch=branch) as later:
        later.put_file_from_bytes("/same", b"c" * 100)
    places = [(tree, "/a"), (later, "/a"), (tree, "/a/b/c"), (later, "/same"), (tree, "/"), (later, "/")]
    hashes = [client.pfs.inspect_file(file=pfs.File(commit=at, path=path)).hash for at, path in places]

    assert hashes[0] == hashes[1]
    assert hashes[2] == hashes[3]
    assert hashes[4] != hashes[5]


def test_directory_is_listed_in_byte_order(client: Any, tree: Any) -> None:
    assert listed(client, tree) == ["/a.txt", "/a/", "/b.txt", "/ü"]
    assert listed(client, tree, "/a") == listed(client, tree, "/a/") == ["/a/b/", "/a/z"]
    assert listed(client, tree, "/a/b/c") == ["/a/b/c"]
    assert listed(client, tree, "/nope") == []


def test_listing_is_paged_by_a_marker_that_need_not_exist(client: Any, branch: Any, tree: Any) -> None:
    def page(marker: str, **more: Any) -> list[str]:
        at = pfs.File(commit=tree, path=marker)
        return paths(client.pfs.list_file(file=pfs.File(commit=tree, path="/"), pagination_marker=at, **more))

    assert page("/a.txt", number=2) == ["/a/", "/b.txt"]
    assert page("/a/") == ["/b.txt", "/ü"]
    assert page("/azzz", number=1) == ["/b.txt"]
    assert page("/ü") == []
    assert page("/b.txt", number=9, reverse=True) == ["/a/", "/a.txt"]


def test_reverse_needs_a_number(client: Any, tree: Any) -> None:
    root = pfs.File(commit=tree, path="/")

    assert paths(client.pfs.list_file(file=root, number=2, reverse=True)) == ["/ü", "/b.txt"]
    with refused(StatusCode.UNKNOWN, "number must be > 0 when reverse is true"):
        list(client.pfs.list_file(file=root, reverse=True))


def test_walk_gives_each_directory_before_its_content(client: Any, branch: Any, tree: Any) -> None:
    walk = client.pfs.walk_file
    empty = pfs.Commit(repo=branch.repo, id=f"{tree.id}^")

    assert paths(walk(file=pfs.File(commit=tree, path="/a"))) == ["/a/", "/a/b/", "/a/b/c", "/a/b/d.png", "/a/z"]
    assert paths(walk(file=pfs.File(commit=tree, path="/")))[0] == "/"
    assert paths(walk(file=pfs.File(commit=tree, path="/a/z"))) == ["/a/z"]
    assert paths(walk(file=pfs.File(commit=empty, path="/"))) in ([], ["/"])
    with refused(StatusCode.NOT_FOUND, "not found"):
        list(walk(file=pfs.File(commit=tree, path="/nope")))


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("/", ["/"]),
        ("/*", ["/a.txt", "/a/", "/b.txt", "/ü"]),
        ("*.txt", ["/a.txt", "/b.txt"]),
        ("/[ab].txt", ["/a.txt", "/b.txt"]),
        ("/[!a].txt", ["/b.txt"]),
        ("/{a,x}.txt", ["/a.txt"]),
        ("/?", ["/a/", "/ü"]),
        ("/a/*/c", ["/a/b/c"]),
        ("/**.png", ["/a/b/d.png"]),
        ("/a/**", ["/a/b/", "/a/b/c", "/a/b/d.png", "/a/z"]),
        ("/nope*", []),
    ],
)
def test_glob_finds_what_the_pattern_says(client: Any, tree: Any, pattern: str, found: list[str]) -> None:
    assert paths(client.pfs.glob_file(commit=tree, pattern=pattern)) == found


def test_diff_gives_both_sides_of_what_changed(client: Any, branch: Any, tree: Any) -> None:
    with client.pfs.commit(branch=branch) as later:
        later.put_file_from_bytes("/b.txt", b"changed")
        later.put_file_from_bytes("/c/new", b"n")
        later.delete_file(path="/a/z")
    pairs = [
        (pair.new_file.file.path if pair.new_file else None, pair.old_file.file.path if pair.old_file else None)
        for pair in client.pfs.diff_file(new_file=pfs.File(commit=later, path="/"))
    ]

    assert pairs == [
        ("/", "/"),
        ("/a/", "/a/"),
        (None, "/a/z"),
        ("/b.txt", "/b.txt"),
        ("/c/", None),
        ("/c/new", None),
    ]


def test_diff_of_two_files_gives_two_answers(client: Any, tree: Any) -> None:
    one, other = pfs.File(commit=tree, path="/a.txt"), pfs.File(commit=tree, path="/b.txt")

    assert len(list(client.pfs.diff_file(new_file=one, old_file=other))) == 2
    assert list(client.pfs.diff_file(new_file=one, old_file=one)) == []


def test_reading_names_the_missing_repo_branch_and_commit(client: Any, repo: Any) -> None:
    with refused(StatusCode.NOT_FOUND, "repo default/nope not found"):
        list(client.pfs.list_file(file=pfs.File.from_uri("nope@master:/")))
    with refused(StatusCode.NOT_FOUND, 'branch "nope" not found in repo'):
        list(client.pfs.list_file(file=pfs.File.from_uri(f"{repo.name}@nope:/")))


def test_a_tree_comes_as_a_tar_in_order(client: Any, tree: Any) -> None:
    with client.pfs.pfs_tar_file(file=pfs.File(commit=tree, path="/")) as tar:
        found = [
            (member.name, member.isdir(), b"" if member.isdir() else tar.extractfile(member).read()) for member in tar
        ]
    walked = [info for info in client.pfs.walk_file(file=pfs.File(commit=tree, path="/"))]
    assert [name.rstrip("/") for name, _, _ in found] == [info.file.path.strip("/") for info in walked]
    for (_, is_directory, content), info in zip(found, walked, strict=True):
        assert is_directory == info.file.path.endswith("/")
        if not is_directory:
            assert content == read(client, tree, info.file.path)


def test_a_tar_of_nothing_is_not_found(client: Any, tree: Any) -> None:
    with refused(grpc.StatusCode.NOT_FOUND, "not found"):
        list(client.pfs.get_file_tar(file=pfs.File(commit=tree, path="/no/such")))


def test_a_range_of_a_tree_comes_as_a_tar(client: Any, tree: Any) -> None:
    within = pfs.PathRange(lower="/a/b/d", upper="/b.txt")
    answer = client.pfs.get_file_tar(file=pfs.File(commit=tree, path="/"), path_range=within)
    content = io.BytesIO(b"".join(message.value for message in answer))
    with tarfile.open(fileobj=content) as tar:
        assert tar.getnames() == ["/a/b/d.png", "/a/z"]


def test_a_walk_comes_in_pages(client: Any, tree: Any) -> None:
    root = pfs.File(commit=tree, path="/")
    marker = pfs.File(commit=tree, path="/a/b/")

    assert paths(client.pfs.walk_file(file=root, pagination_marker=marker, number=2)) == ["/a/b/c", "/a/b/d.png"]
    assert paths(client.pfs.walk_file(file=root, pagination_marker=marker, number=2, reverse=True)) == ["/a/", "/a.txt"]
