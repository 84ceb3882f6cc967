"""A store, a connection to it, and a repo of each test's own."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from howdah.client import channel, repos
from howdah.client.channel import Connection
from howdah.names import Branch, Commit, Project, Repo
from howdah.testing.servers import StoreServer
from tests.client.plain import door

_NUMBERS = count(1)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreServer]:
    with StoreServer(tmp_path_factory.mktemp("client") / "data") as server:
        yield server


@pytest.fixture(scope="session", params=["many-a-message", "one-a-message"])
def conn(server: StoreServer, request: pytest.FixtureRequest) -> Iterator[Connection]:
    """To the store itself, and as to a Pachyderm server, which does not offer our own service."""
    if request.param == "many-a-message":
        with channel.connect(server.address) as conn:
            yield conn
        return
    with door(server.address, without="howdah.bulk.API") as address, channel.connect(address) as conn:
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
