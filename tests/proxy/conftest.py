from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from howdah.launch import ports
from howdah.testing.launched import Launched
from tests.proxy.front import CADDY, NGINX, Caddy, Front

LIMIT = 150_000_000
PROXIES = {"nginx": (NGINX, Front, "nginx-path.conf"), "caddy": (CADDY, Caddy, "Caddyfile-path")}


@dataclass(frozen=True)
class Site:
    """A running Howdah, and the proxy in front of it."""

    howdah: Launched
    front: Front
    url: str
    certificate: str


@pytest.fixture(scope="module", params=PROXIES)
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Howdah at a path of an HTTPS site."""
    program, proxy, example = PROXIES[request.param]
    if program is None:
        pytest.skip(f"{request.param} is not installed: `python3 launch.py test` installs it or says how")
    folder = tmp_path_factory.mktemp("proxy")
    port = ports.any_free("127.0.0.1")
    url = f"https://localhost:{port}/label"
    environ = {"LABEL_STUDIO_DATA_UPLOAD_MAX_MEMORY_SIZE": str(LIMIT)}
    with Launched(folder / "data", "--port", "0", "--public-url", f"{url}/", environ=environ) as howdah:
        assert howdah.url == url
        upstream = str(howdah.record()["url"])
        with proxy(folder / "proxy", example, "localhost", ("127.0.0.1", port), upstream) as front:
            yield Site(howdah, front, url, str(front.certificate))
