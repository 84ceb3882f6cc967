"""A store, a connection to it, and a repo of each test's own."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from howdah.client import channel, repos
from howdah.client.channel import Connection
from howdah.names import Branch, Commit, Project, Repo
from howdah.testing.servers import StoreServer

_NUMBERS = count(1)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreServer]:
    with StoreServer(tmp_path_factory.mktemp("client") / "data") as server:
        yield server


@pytest.fixture(scope="session")
def conn(server: StoreServer) -> Iterator[Connection]:
    with channel.connect(server.address) as conn:
        yield conn


@pytest.fixture
def repo(conn: Connection) -> Repo:
    repo = Repo(Project(), f"repo{next(_NUMBERS)}")
    repos.create(conn, repo)
    return repo


@pytest.fixture
def master(repo: Repo) -> Commit:
    """Branch master as a commit expression; the branch is made by the first write."""
    return Commit(repo, "master")


@pytest.fixture
def branch(repo: Repo) -> Branch:
    return Branch(repo, "master")
