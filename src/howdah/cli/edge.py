"""What the command line takes from its surroundings, read once at start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from howdah.settings import ADDRESS, PACH_CONFIG


@dataclass(frozen=True, slots=True)
class Edge:
    """The configuration file's path, and the address to use instead of the active context's, if any."""

    config: Path
    address: str | None

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Edge:
        """What `environ` says."""
        config = PACH_CONFIG.read(environ)
        home = Path(environ["HOME"]) if environ.get("HOME") else Path.home()
        return cls(Path(config) if config else home / ".pachyderm" / "config.json", environ.get(ADDRESS.name) or None)
