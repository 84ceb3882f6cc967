"""All of Howdah in processes of its own, as `launch.py` runs it once it is installed."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

_LOOK_EVERY = 0.05
_START_LIMIT = 180.0
_STOP_LIMIT = 60.0
_READY = "Howdah is ready at "
_numbers = itertools.count(1)


def until(condition: Callable[[], bool], seconds: float = 60.0, what: str = "the condition") -> None:
    """Return as soon as `condition` holds; an `AssertionError` if it does not within that time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come within {seconds:g} s"
        time.sleep(_LOOK_EVERY)


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer of any status."""

    status: int
    body: bytes


def get(url: str, headers: Mapping[str, str] | None = None) -> Answer:
    """The answer to a GET."""
    request = urllib.request.Request(url, headers=dict(headers or {}))  # noqa: S310  (loopback, by the tests)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
            return Answer(response.status, response.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.read())


class Launched:
    """The launcher on a data folder, with a home folder beside it, until `stop`, `kill` or the end of the block.

    `command` may run it some other way, such as through launch.py or in a namespace; options are added to it.
    """

    def __init__(
        self,
        data: Path,
        *options: str,
        environ: Mapping[str, str] | None = None,
        command: tuple[str, ...] = (sys.executable, "-I", "-m", "howdah.launch.main"),
    ) -> None:
        self.data = data
        self.home = data.parent / f"{data.name}-home"
        self.home.mkdir(parents=True, exist_ok=True)
        self._printed = data.parent / f"{data.name}-printed-{next(_numbers)}.txt"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("LABEL_STUDIO_")}
        for name in ("PACH_CONFIG", "SECRET_KEY", "DJANGO_SETTINGS_MODULE"):  # a host loaded in this process sets some
            inherited.pop(name, None)
        with self._printed.open("wb") as printed:
            self.process = subprocess.Popen(  # noqa: S603
                [*command, "--no-browser", "--data", str(data), *options],
                env={**inherited, "HOME": str(self.home), **(environ or {})},
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
            )

    @property
    def printed(self) -> str:
        """What it has told the user so far."""
        return self._printed.read_text("utf-8", "replace")

    @property
    def url(self) -> str:
        """The one URL, as soon as it is told."""

        def told() -> bool:
            assert self.process.poll() is None or _READY in self.printed, f"it ended: {self.printed}{self.logs()}"
            return _READY in self.printed

        until(told, _START_LIMIT, "the URL")
        return self.printed.partition(_READY)[2].split()[0]

    @property
    def store(self) -> str:
        """The store's address."""
        return str(self.record()["store"])

    def record(self) -> dict[str, object]:
        """The launcher's own record of what it runs."""
        found: dict[str, object] = json.loads((self.data / "instance.json").read_text("utf-8"))
        return found

    def children(self) -> dict[str, int]:
        """The recorded process ids by name."""
        children = self.record()["children"]
        assert isinstance(children, dict)
        return {name: child["pid"] for name, child in children.items()}

    def logs(self) -> str:
        """The ends of all logs, for a failed test's report."""
        found = sorted((self.data / "logs").glob("*.log"))
        return "".join(f"\n--- {path.name}\n{path.read_text('utf-8', 'replace')[-3000:]}" for path in found)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end; its exit code."""
        self.process.send_signal(number)
        return self.process.wait(_STOP_LIMIT)

    def kill(self) -> None:
        """End the launcher alone, as `kill -9` does."""
        self.process.kill()
        self.process.wait(_STOP_LIMIT)

    def __enter__(self) -> Launched:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.stop()
