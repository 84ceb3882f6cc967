"""Pachyderm's published client on filesets."""

from __future__ import annotations

import random
from typing import Any

import grpc
from betterproto.lib.google.protobuf import Any as Any_
from pachyderm_sdk.api import pfs, storage

from tests.compat.conftest import head, listed, read, refused


def add(path: str, data: bytes) -> Any:
    return pfs.ModifyFileRequest(add_file=pfs.AddFile(path=path, raw=data))


def fileset(client: Any, *requests: Any) -> str:
    id: str = client.pfs.create_file_set(iter(requests)).file_set_id
    return id


def as_commit(id: str) -> Any:
    return pfs.Commit(repo=pfs.Repo(name="__filesets__", type="user"), id=id)


def test_fileset_becomes_part_of_a_commit_as_consoles_upload_does(client: Any, branch: Any) -> None:
    first = fileset(client, add("/a", b"1"))
    second = fileset(client, add("/d/b", b"22"), add("/a", b"+"))
    client.pfs.renew_file_set(file_set_id=first, ttl_seconds=600)
    both = client.pfs.compose_file_set(file_set_ids=[first, second], ttl_seconds=600).file_set_id
    assert listed(client, as_commit(both)) == ["/a", "/d/"]
    assert read(client, as_commit(both), "/a") == b"1+"

    with client.pfs.commit(branch=branch) as commit:
        client.pfs.add_file_set(commit=commit, file_set_id=both)
    assert read(client, head(branch), "/d/b") == b"22"


def test_fileset_is_taken_from_a_commit(client: Any, branch: Any) -> None:
    client.pfs.put_file_from_bytes(commit=head(branch), path="/a", data=b"1")
    client.pfs.put_file_from_bytes(commit=head(branch), path="/b", data=b"2")
    kinds = pfs.GetFileSetRequestFileSetType
    whole = client.pfs.get_file_set(commit=head(branch), type=kinds.TOTAL).file_set_id
    change = client.pfs.get_file_set(commit=head(branch), type=kinds.DIFF).file_set_id
    assert listed(client, as_commit(whole)) == ["/a", "/b"]
    assert listed(client, as_commit(change)) == ["/b"]
    (one, two) = client.pfs.shard_file_set(file_set_id=whole, num_files=1).shards
    assert (one.lower, one.upper, two.lower, two.upper) == ("", "/b", "/b", "")


def test_what_cannot_be_done_with_filesets_is_refused(client: Any, branch: Any) -> None:
    with refused(grpc.StatusCode.UNKNOWN, "cannot set commit"):
        fileset(client, pfs.ModifyFileRequest(set_commit=head(branch)))
    with refused(grpc.StatusCode.NOT_FOUND, "fileset 00 not found"):
        client.pfs.renew_file_set(file_set_id="00", ttl_seconds=1)
    with refused(grpc.StatusCode.UNKNOWN, "at least one second"):
        client.pfs.renew_file_set(file_set_id="00", ttl_seconds=0)
    with refused(grpc.StatusCode.NOT_FOUND, "fileset 00 not found"):
        listed(client, as_commit("00"))


def append(path: str, data: bytes) -> Any:
    return storage.CreateFilesetRequest(append_file=storage.AppendFile(path=path, data=data))


def stored(client: Any, *requests: Any) -> str:
    id: str = client.storage.create_fileset(iter(requests)).fileset_id
    return id


def held(client: Any, id: str, *filters: Any, **words: Any) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for message in client.storage.read_fileset(fileset_id=id, filters=list(filters), **words):
        found[message.path] = found.get(message.path, b"") + (message.data or b"")
    return found


def test_fileset_is_written_and_read_without_any_commit(client: Any) -> None:
    big = random.Random(7).randbytes(6 << 20)
    copy = storage.CopyFile
    first = stored(client, append("/a", b"1"), append("/d/b", big[: 3 << 20]), append("/d/b", big[3 << 20 :]))
    second = stored(
        client,
        append("/a", b"2"),
        storage.CreateFilesetRequest(copy_file=copy(fileset_id=first, src="/d/", dst="/copy/")),
        storage.CreateFilesetRequest(copy_file=copy(fileset_id=first, src="/missing")),
        append("/gone", b"x"),
        storage.CreateFilesetRequest(delete_file=storage.DeleteFile(path="/gone")),
        append("/empty", b""),
    )
    client.storage.renew_fileset(fileset_id=first, ttl_seconds=600)
    both = client.storage.compose_fileset(fileset_ids=[first, second], ttl_seconds=600).fileset_id

    assert held(client, both) == {"/a": b"12", "/copy/b": big, "/d/b": big, "/empty": b""}
    assert set(held(client, both, storage.FileFilter(path_regex="b$"))) == {"/copy/b", "/d/b"}
    assert len(held(client, both, storage.FileFilter(path_regex="/"))) == 4
    some = storage.FileFilter(path_range=storage.PathRange(lower="/b", upper="/e"))
    assert set(held(client, both, some, empty_files=True)) == {"/copy/b", "/d/b"}
    assert len(client.storage.shard_fileset(fileset_id=both, num_files=2).shards) == 2


def test_references_need_a_port_and_filters_must_be_readable(client: Any) -> None:
    with refused(grpc.StatusCode.UNIMPLEMENTED, "start the store with --chunks-port"):
        list(client.storage.read_fileset_cdr(fileset_id="00"))
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "path_regex"):
        held(client, "00", storage.FileFilter(path_regex="("))


def test_workers_find_again_what_they_put_into_the_cache(client: Any) -> None:
    kept = fileset(client, add("/a", b"1"))
    value = Any_(type_url="type.googleapis.com/google.protobuf.StringValue", value=b"\x0a\x01x")
    client.pfs.put_cache(key="job", value=value, file_set_ids=[kept], tag="pipeline")
    assert client.pfs.get_cache(key="job").value == value
    client.pfs.clear_cache(tag_prefix="pipe")
    with refused(grpc.StatusCode.NOT_FOUND, "cache key job not found"):
        client.pfs.get_cache(key="job")
