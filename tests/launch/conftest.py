from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from howdah.testing.launched import Launched

USER = {
    "LABEL_STUDIO_USERNAME": "first@example.com",
    "LABEL_STUDIO_PASSWORD": "a long password",
    "LABEL_STUDIO_USER_TOKEN": "0123456789abcdef0123456789abcdef01234567",
}


@pytest.fixture(scope="session")
def user() -> dict[str, str]:
    """The environment that makes the first user."""
    return USER


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launched]:
    """One instance for the tests that only look at it."""
    with Launched(tmp_path_factory.mktemp("running") / "data", "--port", "0", environ=USER) as launched:
        assert launched.url
        yield launched


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder that does not exist yet."""
    return tmp_path / "data"
