"""A store in a process of its own, as users run it."""

from __future__ import annotations

import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

_START_LIMIT = 30.0
_STOP_LIMIT = 15.0


class StoreServer:
    """`howdah serve` on a data folder and a free loopback port, until `stop`, `kill` or the end of the block.

    Jobs of pipelines wait, unless there are `workers`.
    """

    def __init__(self, data: Path, *options: str, port: int = 0, workers: int = 0) -> None:
        self.data = data
        self.log = data.parent / f"{data.name}.log"
        data.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "howdah.cli.main", "serve", "--data", str(data), "--port", str(port)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 -- our own command, its folder given by the test
                [*command, "--workers", str(workers), *options],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.address = self._ready()
        self.port = int(self.address.rpartition(":")[2])

    def stop(self) -> int:
        """Ask the server to end; returns its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self._reap()

    def kill(self) -> None:
        """End the server as a crash would: SIGKILL, no warning."""
        self.process.kill()
        self._reap()

    def __enter__(self) -> StoreServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.stop()

    def _ready(self) -> str:
        """The address in the line that the server prints when it answers."""
        assert self.process.stdout is not None
        deadline = time.monotonic() + _START_LIMIT
        while time.monotonic() < deadline:
            if not select.select([self.process.stdout], [], [], 0.2)[0]:
                continue
            line = self.process.stdout.readline()
            if line.startswith("ready "):
                return line.split()[1]
            if not line:
                break
        self.process.kill()
        self._reap()
        raise RuntimeError(f"howdah serve did not get ready; its log: {self.log.read_text()[-2000:]}")

    def _reap(self) -> int:
        try:
            return self.process.wait(_STOP_LIMIT)
        finally:
            if self.process.stdout is not None:
                self.process.stdout.close()
