from collections.abc import Iterator

import pytest

from howdah.client import channel, repos
from howdah.client.channel import Connection
from howdah.names import Branch, Project, Repo
from howdah.testing.servers import StoreServer

REPO = Repo(Project(), "images")
MASTER = Branch(REPO, "master")


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreServer]:
    with StoreServer(tmp_path_factory.mktemp("server") / "data") as server:
        yield server


@pytest.fixture
def connection(server: StoreServer) -> Iterator[Connection]:
    """A connection to a store that has the repo `images`."""
    with channel.connect(server.address) as connection:
        repos.create(connection, REPO)
        yield connection
