"""One connection per process, address and token, made when first needed.

A gRPC channel does not survive a fork: a worker that was forked gets its own. A channel connects again by itself when
the store was away, but only after a pause that grows. One that has failed is therefore let go: whoever asks next gets a
new one, and finds a store that has just come back.
"""

from __future__ import annotations

import base64
import os
import threading

from howdah.client import channel

_lock = threading.Lock()
_open: dict[tuple[int, str, str, str], channel.Connection] = {}


def get(address: str, token: str = "", server_cas: str = "") -> channel.Connection:
    """The connection to `address`; sends nothing. Raises `Invalid` for an address that is none.

    `server_cas` (PEM, in base64) vouches for a store that is reached by TLS; the machine's own certificates if empty.
    """
    key = (os.getpid(), address, token, server_cas)
    with _lock:
        if key not in _open:
            certificates = base64.b64decode(server_cas) or None
            _open[key] = channel.connect(address, token=token or None, root_certificates=certificates, read_ahead=False)
        return _open[key]


def forget(conn: channel.Connection) -> None:
    """Have the next `get` connect anew. `conn` still works for those who use it."""
    with _lock:
        for key in [key for key, known in _open.items() if known is conn]:
            del _open[key]
