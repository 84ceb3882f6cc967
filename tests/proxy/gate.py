"""A gate on the way to a store: what is asked of the store waits there while the gate is closed."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Gate:
    """Listens on a free loopback port and passes on to `host:port`; open at first."""

    def __init__(self, host: str, port: int) -> None:
        self._beyond = host, port
        self._passage = threading.Event()
        self._passage.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ends: list[socket.socket] = []
        self.address = f"grpc://127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        """Let nothing more through to the store."""
        self._passage.clear()

    def open(self) -> None:
        """Let everything through, also what has waited."""
        self._passage.set()

    def serve(self) -> None:
        """Take connections until `end`."""
        with suppress(OSError):
            while True:
                here, _ = self._listener.accept()
                there = socket.create_connection(self._beyond)
                self._ends += [here, there]
                for source, target in ((here, there), (there, here)):
                    threading.Thread(target=self._pass_on, args=(source, target), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                self._passage.wait()
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def end(self) -> None:
        """Give up the port and all connections."""
        self.open()
        for one in (self._listener, *self._ends):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


@contextmanager
def gate(address: str) -> Iterator[Gate]:
    """A gate before the store at `address`, until the block ends."""
    host, _, port = address.rpartition("//")[2].rpartition(":")
    found = Gate(host, int(port))
    thread = threading.Thread(target=found.serve)
    thread.start()
    try:
        yield found
    finally:
        found.end()
        thread.join()
