"""A store that runs pipelines; its kernel must allow fences, or these tests fail with the remedy."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from howdah.client import channel
from howdah.testing.pipelines import Mill
from howdah.testing.servers import StoreServer


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreServer]:
    with StoreServer(tmp_path_factory.mktemp("pipelines") / "data", workers=2) as server:
        yield server


@pytest.fixture
def mill(server: StoreServer) -> Iterator[Mill]:
    with channel.connect(server.address) as conn:
        yield Mill(conn)
