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
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from howdah.errors import HowdahError, NotFound, Unavailable
from howdah.store.store import Store

_log = logging.getLogger(__name__)

_LIFE = 3600 * 1_000_000  # of a URL, in microseconds
_SILENCE = 60  # seconds after which a client that says nothing is let go
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
        parts = urlsplit(target)
        words = {key: values[0] for key, values in parse_qs(parts.query).items()}
        name, until = parts.path.removeprefix(_FOLDER), words.get("until", "")
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


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, place: tuple[str, int], answer: object) -> None:
        self.address_family = socket.AF_INET6 if ":" in place[0] else socket.AF_INET
        self.answer = answer
        super().__init__(place, _Handler)


class _Handler(BaseHTTPRequestHandler):
    timeout = _SILENCE
    server_version = "howdah"
    sys_version = ""

    def do_GET(self) -> None:
        """See http.server."""
        status, data = self.server.answer(self.path)  # type: ignore[attr-defined]
        self.send_response(status)
        self.send_header("Content-Type", "application/octet-stream" if status is HTTPStatus.OK else "text/plain")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing of what goes as it should, and no URLs, since they are keys."""
