"""What URLs name, read into commits and written out of them, as far as the rules let it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from howdah.errors import Unsupported
from howdah.server import fetch, localfiles, objects
from howdah.server.localfiles import Content
from howdah.server.rules import Budget, Rules


@dataclass(frozen=True, slots=True)
class Urls:
    """Reads and writes by URL. What is under way ends soon after `stop` is set."""

    rules: Rules = Rules()
    stop: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def awaited(self) -> Iterator[Urls]:
        """The same, for as long as the block lasts: what it left under way then ends."""
        stop = threading.Event()
        try:
            yield Urls(self.rules, stop)
        finally:
            stop.set()

    def read(self, url: str, *, recursive: bool = False, concurrency: int = 0) -> Iterator[Content]:
        """What the URL names; with `recursive`, of a folder or a prefix everything below it, each to be read in turn.

        Everything together must keep within the limits. A web page is one file, whatever it links to.
        """
        scheme = self.rules.scheme(url)
        budget = Budget(self.rules, url, self.stop)
        if scheme == "file":
            return localfiles.read(budget, recursive=recursive)
        if scheme in {"s3", "gs"}:
            return objects.read(budget, recursive=recursive, concurrency=concurrency)
        return iter([("", fetch.read(budget))])

    def write(self, url: str, files: Iterator[Content]) -> int:
        """Write files, each at its path below the URL; how many bytes. The limit of bytes is for reading alone."""
        scheme = self.rules.scheme(url)
        if scheme not in {"file", "s3", "gs"}:
            raise Unsupported(f'URL "{url}" cannot be written to: files go to s3, gs and, where allowed, file')
        budget = Budget(self.rules.without_size(), url, self.stop)
        (localfiles if scheme == "file" else objects).write(budget, files)
        return budget.used
