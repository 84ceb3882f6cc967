"""Pachyderm's published client puts files from buckets and folders and gets files to them, by URL."""

from __future__ import annotations

import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from grpc import StatusCode
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs

from howdah.testing.servers import StoreServer
from tests.compat.conftest import read, refused

ROOT = Path(__file__).parents[2]
BIG = bytes(range(256)) * 50_000  # 12.8 MB: written in parts
FILES = {"/a": b"a", "/d/é (1).jpg": b"jpeg", "/d/big": BIG, "/d/empty": b"", "/e": b"e"}


@pytest.fixture(scope="module")
def buckets() -> Iterator[str]:
    """The URL of a server of buckets, in a process of its own."""
    command = [sys.executable, "-m", "tests.server.buckets"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:")
        urllib.request.urlopen(urllib.request.Request(f"{url}/bucket", method="PUT")).close()
        yield url
        process.kill()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the server may read and write."""
    return tmp_path_factory.mktemp("allowed")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, buckets: str, folder: Path) -> Iterator[StoreServer]:
    """A store that is told in its environment where the buckets are, as users tell it."""
    told = {
        "AWS_ENDPOINT_URL": buckets,
        "AWS_ACCESS_KEY_ID": "who",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
        "GOOGLE_BASE_URL": buckets,
        "GOOGLE_BEARER_TOKEN": "token",
        "HOWDAH_URL_FOLDERS": str(folder),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in told.items():
            patch.setenv(name, value)
        server = StoreServer(tmp_path_factory.mktemp("urls") / "data")
    with server:
        yield server


@pytest.fixture(scope="module")
def client(server: StoreServer) -> Any:
    return Client(host="127.0.0.1", port=server.port)


@pytest.fixture
def commit(client: Any, branch: Any) -> Any:
    """A commit that holds FILES."""
    with client.pfs.commit(branch=branch) as commit:
        for path, data in FILES.items():
            commit.put_file_from_bytes(path, data)
    return commit


def place(scheme: str, folder: Path, name: str) -> str:
    """A place of its own for a test, of this scheme."""
    return f"file://{folder}/{name}" if scheme == "file" else f"{scheme}://bucket/{name}"


def got(client: Any, commit: Any) -> dict[str, bytes]:
    found = [info.file.path for info in client.pfs.walk_file(file=pfs.File(commit=commit, path="/"))]
    return {path: read(client, commit, path) for path in found if not path.endswith("/")}


@pytest.mark.parametrize("scheme", ["s3", "gs", "file"])
def test_what_was_got_to_a_place_is_put_from_it(
    client: Any, branch: Any, commit: Any, folder: Path, scheme: str
) -> None:
    url = place(scheme, folder, branch.repo.name)
    list(client.pfs.get_file_tar(file=pfs.File(commit=commit, path="/"), url=url))
    with client.pfs.commit(branch=branch) as later:
        later.delete_file(path="/")
        later.put_file_from_url(path="/", url=url, recursive=True)
        later.put_file_from_url(path="/under", url=f"{url}/d/", recursive=True)
        later.put_file_from_url(path="/one", url=f"{url}/d/é (1).jpg")
        later.put_file_from_url(path="/same", url=f"{url}/e", recursive=True)
    under = {path.replace("/d/", "/under/"): data for path, data in FILES.items() if path.startswith("/d/")}
    assert got(client, later) == {**FILES, **under, "/one": b"jpeg", "/same": b"e"}


@pytest.mark.parametrize("scheme", ["s3", "file"])
def test_a_glob_or_a_range_of_files_is_got_to_a_place(
    client: Any, branch: Any, commit: Any, folder: Path, scheme: str
) -> None:
    url = place(scheme, folder, branch.repo.name)
    within = pfs.PathRange(lower="/d/e", upper="/e")
    list(client.pfs.get_file(file=pfs.File(commit=commit, path="/*"), url=url, path_range=within))
    written = client.pfs.egress(commit=commit, object_storage=pfs.ObjectStorageEgress(url=f"{url}/all"))
    assert written.object_storage.bytes_written == sum(map(len, FILES.values()))
    with client.pfs.commit(branch=branch) as later:
        later.delete_file(path="/")
        later.put_file_from_url(path="/", url=url, recursive=True)
    chosen = {"/d/empty": b"", "/d/é (1).jpg": b"jpeg"}
    assert got(client, later) == {**chosen, **{f"/all{path}": data for path, data in FILES.items()}}


def test_many_small_objects_come_in_order_whatever_is_fetched_ahead(client: Any, branch: Any, folder: Path) -> None:
    files = {f"/{number:03}": str(number).encode() for number in range(40)}
    with client.pfs.commit(branch=branch) as commit:
        for path, data in files.items():
            client.pfs.put_file_from_bytes(commit=commit, path=path, data=data)
    url = place("s3", folder, branch.repo.name)
    list(client.pfs.get_file_tar(file=pfs.File(commit=commit, path="/"), url=url))
    source = pfs.AddFileUrlSource(url=url, recursive=True, concurrency=3)
    with client.pfs.commit(branch=branch) as later:
        later.delete_file(path="/")
        requests = [
            pfs.ModifyFileRequest(set_commit=later),
            pfs.ModifyFileRequest(add_file=pfs.AddFile(path="/", url=source)),
        ]
        client.pfs.modify_file(iter(requests))
    assert got(client, later) == files


@pytest.mark.parametrize("url", ["s3://bucket/none", "s3://no-bucket/none", "gs://bucket/none"])
def test_what_is_not_in_a_bucket_is_told_and_writes_nothing(client: Any, branch: Any, url: str) -> None:
    commit = pfs.Commit(repo=branch.repo, branch=branch)
    for recursive in (False, True):
        with refused(StatusCode.UNKNOWN, f'error retrieving content from "{url}": .*404.*NoSuch'):
            client.pfs.put_file_from_url(commit=commit, path="/x", url=url, recursive=recursive)
    assert not client.pfs.path_exists(pfs.File(commit=commit, path="/x"))


def test_what_a_url_may_not_name_is_refused(client: Any, branch: Any, commit: Any) -> None:
    head = pfs.Commit(repo=branch.repo, branch=branch)
    with refused(StatusCode.PERMISSION_DENIED, "in none of the folders"):
        client.pfs.put_file_from_url(commit=head, path="/x", url="file:///etc/passwd")
    with refused(StatusCode.PERMISSION_DENIED, "nothing is fetched from the address"):
        client.pfs.put_file_from_url(commit=head, path="/x", url="http://169.254.169.254/latest/meta-data")
    with refused(StatusCode.UNIMPLEMENTED, "cannot be written to: files go to s3, gs"):
        list(client.pfs.get_file(file=pfs.File(commit=commit, path="/a"), url="http://127.0.0.1/x"))
    with refused(StatusCode.NOT_FOUND, "not found"):
        list(client.pfs.get_file(file=pfs.File(commit=commit, path="/none"), url="s3://bucket/none"))
    with refused(StatusCode.UNKNOWN, 'error writing to "s3://no-bucket/x"'):
        list(client.pfs.get_file(file=pfs.File(commit=commit, path="/a"), url="s3://no-bucket/x"))
    for url in ("s3://bucket/a//b", "gs://bucket/a\nb"):
        with refused(StatusCode.INVALID_ARGUMENT, "error retrieving content from"):
            client.pfs.put_file_from_url(commit=head, path="/x", url=url)
