"""The data folder: everything that must survive, and where in it each thing lies."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

_LOG_LIMIT = 10 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class DataFolder:
    """One data folder: the store's data, Label Studio's data, logs, and the records of the launcher."""

    root: Path

    @property
    def store(self) -> Path:
        """The store's own folder."""
        return self.root / "store"

    @property
    def label_studio(self) -> Path:
        """Label Studio's own folder: its database, uploads, exports and secret key."""
        return self.root / "label-studio"

    @property
    def logs(self) -> Path:
        """What the processes told while they ran."""
        return self.root / "logs"

    @property
    def instance(self) -> Path:
        """The record of the instance that runs on this folder."""
        return self.root / "instance.json"

    @property
    def lock(self) -> Path:
        """Held by the instance that runs on this folder, for as long as it runs."""
        return self.root / "instance.lock"

    @property
    def store_port(self) -> Path:
        """The port that the store had last, kept so that addresses stay good."""
        return self.root / "store-port"

    def log(self, name: str) -> Path:
        """The log of one process."""
        return self.logs / f"{name}.log"

    def make(self) -> None:
        """Make the folders; only their owner may look inside."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (self.store, self.label_studio, self.logs):
            folder.mkdir(mode=0o700, exist_ok=True)
        for log in self.logs.glob("*.log"):
            if log.stat().st_size > _LOG_LIMIT:
                os.replace(log, log.with_suffix(".log.1"))


def replace_file(path: Path, text: str) -> None:
    """Write `text` to `path`: a reader sees the old or the new, never a part."""
    handle, scratch = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(scratch, path)
