"""A real PostgreSQL server for the session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from howdah.testing.postgres import PostgresServer, find


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    if find("initdb") is None:
        pytest.skip("PostgreSQL is missing")
    with PostgresServer() as server:
        yield server
