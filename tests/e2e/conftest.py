"""A person at a browser: real Chromium, the whole product behind one URL, the command line beside it."""

from __future__ import annotations

import functools
import http.server
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext

from howdah.testing.launched import Launched
from tests.browsers import new_context
from tests.e2e.studio import Studio

# Where the pictures of the documentation go; `just screenshots` sets it, other runs leave the documentation alone.
PICTURES = os.environ.get("HOWDAH_SCREENSHOTS", "")
# Another installation than the one that runs the tests: the folder of its launch.py. `apart` sets it.
ELSEWHERE = os.environ.get("HOWDAH_INSTALLED_IN", "")
PROGRAMS = Path(ELSEWHERE, ".venv", "bin") if ELSEWHERE else Path(sys.executable).parent
LAUNCH = [str(Path(ELSEWHERE, "launch.py"))] if ELSEWHERE else ["-I", "-m", "howdah.launch.main"]


@pytest.fixture(scope="module")
def howdah(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launched]:
    """The product, freshly started on an empty folder."""
    command = (str(PROGRAMS / "python"), *LAUNCH)
    with Launched(tmp_path_factory.mktemp("e2e") / "data", "--port", "0", command=command) as launched:
        assert launched.url
        yield launched


@pytest.fixture(scope="module")
def context(chromium: Browser) -> Iterator[BrowserContext]:
    context = new_context(chromium)
    yield context
    context.close()


@pytest.fixture(scope="module")
def studio(howdah: Launched, context: BrowserContext, pictures: Path) -> Studio:
    """A signed-in person at the home page."""
    studio = Studio(context.new_page(), howdah.url, pictures)
    studio.sign_up("ada@example.com", "a long password")
    return studio


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(PICTURES).absolute() if PICTURES else tmp_path_factory.mktemp("pictures")


@dataclass
class CommandLine:
    """The installed `howdah`, in the home that the launcher wrote its context to."""

    home: Path

    def __call__(self, *words: str, status: int = 0) -> str:
        done = subprocess.run(
            [str(PROGRAMS / "howdah"), *words],
            env={**os.environ, "HOME": str(self.home)},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def command(howdah: Launched) -> CommandLine:
    return CommandLine(howdah.home)


@pytest.fixture
def web(photographs: Path) -> Iterator[str]:
    """A web server on this machine that has the photographs."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(photographs))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()
