from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from howdah.launch import ports
from howdah.testing.launched import Launched
from tests.proxy.front import PROGRAM, Front


@dataclass(frozen=True)
class Site:
    """A running Howdah, and the nginx in front of it."""

    howdah: Launched
    front: Front
    url: str
    certificate: str


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Howdah at a path of an HTTPS site."""
    if PROGRAM is None:
        pytest.skip("nginx is not installed: `python3 launch.py test` installs it or says how")
    folder = tmp_path_factory.mktemp("proxy")
    port = ports.any_free("127.0.0.1")
    url = f"https://localhost:{port}/label"
    with Launched(folder / "data", "--port", "0", "--public-url", f"{url}/") as howdah:
        assert howdah.url == url
        upstream = str(howdah.record()["url"])
        with Front(folder / "nginx", "nginx-path.conf", "localhost", ("127.0.0.1", port), upstream) as front:
            yield Site(howdah, front, url, str(front.certificate))
