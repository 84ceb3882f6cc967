"""Pachyderm's published client fetches parts of files over HTTP, by references, and keeps them."""

from __future__ import annotations

import random
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs, storage

from howdah.testing.servers import StoreServer
from tests.compat.conftest import head, refused

BIG = random.Random(3).randbytes(12 << 20)
FILES = {"/big": BIG, "/d/small": b"small", "/empty": b""}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with StoreServer(tmp_path_factory.mktemp("references") / "data", "--chunks-port", "0") as server:
        yield Client(host="127.0.0.1", port=server.port)


@pytest.fixture
def fileset(client: Any) -> str:
    branch = pfs.Branch.from_uri("references@master")
    client.pfs.delete_repo(repo=branch.repo, force=True)
    client.pfs.create_repo(repo=branch.repo)
    with client.pfs.commit(branch=branch) as commit:
        for path, data in FILES.items():
            commit.put_file_from_bytes(path, data)
    kind = pfs.GetFileSetRequestFileSetType.TOTAL
    id: str = client.pfs.get_file_set(commit=head(branch), type=kind).file_set_id
    return id


def test_fileset_is_assembled_from_parts_that_are_kept(client: Any, fileset: str, tmp_path: Path) -> None:
    kept, folder = tmp_path / "kept", tmp_path / "folder"
    client.storage.fetch_chunks(fileset, "/", cache_location=kept)
    parts = list(kept.iterdir())
    assert len(parts) > 2
    assert all(part.name.startswith("blake2b_256_") for part in parts)

    client.storage.assemble_fileset(fileset, "/", folder, cache_location=kept, fetch_missing_chunks=False)
    assert {f"/{p.relative_to(folder)}": p.read_bytes() for p in folder.rglob("*") if p.is_file()} == FILES


def urls(client: Any, fileset: str, path: str) -> list[str]:
    filters = [storage.FileFilter(path_regex=path)]
    (message,) = client.storage.read_fileset_cdr(fileset_id=fileset, filters=filters)
    return [ref.content_hash.inner.http.url for ref in message.ref.concat.refs]


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [("signature=", "signature=0", 403), ("until=", "until=9", 403), ("until=", "since=", 404), ("/chunks/", "/", 403)],
)
def test_nothing_is_fetched_but_by_a_reference(client: Any, fileset: str, old: str, new: str, code: int) -> None:
    (url,) = urls(client, fileset, "small")
    with urllib.request.urlopen(url, timeout=60) as answer:
        assert answer.read() == b"small"
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(url.replace(old, new), timeout=60)
    assert caught.value.code == code
    caught.value.close()


def test_reference_to_what_is_not_there_is_refused(client: Any) -> None:
    with refused(grpc.StatusCode.NOT_FOUND, "fileset 00 not found"):
        list(client.storage.read_fileset_cdr(fileset_id="00"))
