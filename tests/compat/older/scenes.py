"""Runs the scenes of a script: functions of (client, name), each with a name of its own for its repo.

Runs in an environment that holds an older client and nothing of ours, not even pytest.
"""

from __future__ import annotations

import contextlib
import http.server
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from typing import Any

Scene = Callable[[Any, str], None]


def run(client: Any, scenes: list[Scene]) -> int:
    """1 if a scene failed; each that did is told with its trace."""
    failed = 0
    for scene in scenes:
        try:
            scene(client, scene.__name__.replace("_", "-"))
        except Exception:  # noqa: BLE001 -- whatever it is, the other scenes are still played
            failed = 1
            print(f"FAILED {scene.__name__}\n{traceback.format_exc(limit=3)}", flush=True)
        else:
            print(f"passed {scene.__name__}", flush=True)
    return failed


def check_refusal(error: Any, code: Any, text: str) -> None:
    """An error of gRPC's, told as clients match it."""
    assert error.code() is code, error
    assert text in error.details(), error.details()


def address() -> tuple[str, int]:
    """Where the store is, as told on the command line."""
    return sys.argv[1], int(sys.argv[2])


@contextlib.contextmanager
def web_page(content: bytes) -> Iterator[str]:
    """A URL on this machine that gives `content`."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/page.html"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
