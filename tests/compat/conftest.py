"""Pachyderm's published client, unmodified, against a store of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import grpc
import pytest
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs

from howdah.testing.servers import StoreServer

_NUMBERS = count(1)

Refused = Callable[[grpc.StatusCode, str], Any]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreServer]:
    with StoreServer(tmp_path_factory.mktemp("sdk") / "data") as server:
        yield server


@pytest.fixture(scope="session")
def client(server: StoreServer) -> Any:
    return Client(host="127.0.0.1", port=server.port)


@pytest.fixture
def repo(client: Any) -> Iterator[Any]:
    """A fresh repo, made as the client's own fixtures do: delete, then create."""
    repo = pfs.Repo(name=f"repo{next(_NUMBERS)}", type=pfs.Repo.from_uri("x").type)
    client.pfs.delete_repo(repo=repo, force=True)
    client.pfs.create_repo(repo=repo, description="test repo")
    yield repo
    client.pfs.delete_repo(repo=repo, force=True)


@pytest.fixture
def branch(client: Any, repo: Any) -> Any:
    """Branch master with its empty first commit."""
    branch = pfs.Branch(repo=repo, name="master")
    client.pfs.create_branch(branch=branch)
    return branch


@contextmanager
def refused(code: grpc.StatusCode, text: str | None = None) -> Iterator[None]:
    """The block ends in a status with this code, its details matching `text`."""
    with pytest.raises(grpc.RpcError, match=text) as caught:
        yield
    error = caught.value
    assert isinstance(error, grpc.Call)
    assert error.code() == code, error.details()
    assert error.details()


def read(client: Any, commit: Any, path: str) -> bytes:
    """A file's content."""
    with client.pfs.pfs_file(file=pfs.File(commit=commit, path=path)) as file:
        content: bytes = file.read()
    return content


def head(branch: Any) -> Any:
    """The commit that a branch points at, named by the branch."""
    return pfs.Commit(repo=branch.repo, branch=branch)


def listed(client: Any, commit: Any, path: str = "/") -> list[str]:
    """Paths of a directory."""
    return [info.file.path for info in client.pfs.list_file(file=pfs.File(commit=commit, path=path))]
