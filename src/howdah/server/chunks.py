"""Stored bytes over HTTP, for clients that were given references to them.

A URL holds a digest, the time until which it is good, and a signature by a key that lives as long as the process.
Nothing else is answered.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from howdah.errors import HowdahError, NotFound, Unavailable
from howdah.store.store import Store

_log = logging.getLogger(__name__)

_LIFE = 3600 * 1_000_000  # of a URL, in microseconds
_SILENCE = 60  # seconds within which a client must take an answer
_PATIENCE = 20  # seconds within which a client must have asked
_WAITING = 64  # connections on which nothing was asked yet; the one that waits longest makes room for the next
_FOLDER = "/chunks/"


class ChunkServer:
    """Listens from its making until `close`; each request is answered in a thread of its own."""

    def __init__(self, store: Store, host: str, port: int) -> None:
        self._store = store
        self._host = host
        self._key = secrets.token_bytes(32)
        try:
            self._server = _Server((host, port), self.answer)
        except OSError as error:
            raise Unavailable(
                f"port {port} of {host} cannot be had for chunks ({error.strerror}): choose another", kind="port-busy"
            ) from error
        self._thread = threading.Thread(target=self._server.serve_forever, name="chunks", daemon=True)
        self._thread.start()

    def url(self, digest: bytes) -> str:
        """Where the blob can be fetched for an hour."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        until = self._store.now() + _LIFE
        name = digest.hex()
        return (
            f"http://{host}:{self._server.server_port}{_FOLDER}{name}?until={until}&signature={self._sign(name, until)}"
        )

    def answer(self, target: str) -> tuple[HTTPStatus, bytes]:
        """What a request for this path and query gets."""
        name, words = _read(target)
        until = words.get("until", "")
        if not (until.isascii() and until.isdigit() and len(until) < 20):
            return HTTPStatus.NOT_FOUND, b"not found\n"
        if not hmac.compare_digest(self._sign(name, int(until)).encode(), words.get("signature", "").encode()):
            return HTTPStatus.FORBIDDEN, b"signature invalid: ask for the reference again\n"
        if int(until) < self._store.now():
            return HTTPStatus.FORBIDDEN, b"time is over: ask for the reference again\n"
        try:
            return HTTPStatus.OK, self._store.blobs.read(bytes.fromhex(name))
        except NotFound:
            return HTTPStatus.NOT_FOUND, b"deleted meanwhile\n"
        except HowdahError as error:
            _log.exception("chunk %s cannot be read", name, exc_info=error)
            return HTTPStatus.INTERNAL_SERVER_ERROR, b"cannot be read: see the store's log\n"

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _sign(self, name: str, until: int) -> str:
        return hmac.new(self._key, f"{name} {until}".encode(), hashlib.sha256).hexdigest()


def _read(target: str) -> tuple[str, dict[str, str]]:
    """The path without our folder, and the query's words; nothing where that is no path and query."""
    try:
        parts = urlsplit(target)
        return parts.path.removeprefix(_FOLDER), {key: values[0] for key, values in parse_qs(parts.query).items()}
    except ValueError:
        return "", {}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = _WAITING

    def __init__(self, place: tuple[str, int], answer: Callable[[str], tuple[HTTPStatus, bytes]]) -> None:
        self.address_family = socket.AF_INET6 if ":" in place[0] else socket.AF_INET
        self.answer = answer
        self._waiting: dict[object, float] = {}  # connections by age, and since when
        self._lock = threading.Lock()
        super().__init__(place, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """See socketserver: a thread begins to read."""
        with self._lock:
            self._waiting[request] = time.monotonic()
        self._let_go()
        super().process_request(request, client_address)

    def service_actions(self) -> None:
        """See socketserver: called again and again."""
        self._let_go()

    def asked(self, request: object) -> None:
        """The connection's client has said what it wants."""
        with self._lock:
            self._waiting.pop(request, None)

    def shutdown_request(self, request: Any) -> None:
        """See socketserver: the connection is over."""
        self.asked(request)
        super().shutdown_request(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """See socketserver: a client that goes away is no error."""
        if not isinstance(sys.exc_info()[1], OSError):
            _log.exception("a request for a chunk failed")

    def _let_go(self) -> None:
        """End what has waited too long; the connection's thread then ends by itself."""
        with self._lock, suppress(StopIteration, OSError):
            while True:
                request: Any = next(iter(self._waiting))
                if len(self._waiting) <= _WAITING and self._waiting[request] + _PATIENCE > time.monotonic():
                    return
                del self._waiting[request]
                request.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    timeout = _SILENCE
    server_version = "howdah"
    sys_version = ""

    def do_GET(self) -> None:
        """See http.server."""
        server: _Server = self.server  # type: ignore[assignment]
        server.asked(self.request)
        status, data = server.answer(self.path)
        self.send_response(status)
        self.send_header("Content-Type", "application/octet-stream" if status is HTTPStatus.OK else "text/plain")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing of what goes as it should, and no URLs, since they are keys."""
