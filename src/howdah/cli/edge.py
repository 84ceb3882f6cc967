"""What the command line takes from its surroundings, read once at start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from howdah.settings import ADDRESS, DATABASE, DATABASE_PASSWORD_FILE, ENGINE, PACH_CONFIG

if TYPE_CHECKING:
    from howdah.postgres.address import Address


@dataclass(frozen=True, slots=True)
class Edge:
    """The configuration file's path, and the address to use instead of the active context's, if any."""

    config: Path
    address: str | None
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    engine: str = ENGINE.default

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Edge:
        """What `environ` says."""
        config = PACH_CONFIG.read(environ)
        home = Path(environ["HOME"]) if environ.get("HOME") else Path.home()
        told = {setting.name: setting.read(environ) for setting in (DATABASE, DATABASE_PASSWORD_FILE)}
        path = Path(config) if config else home / ".pachyderm" / "config.json"
        return cls(path, environ.get(ADDRESS.name) or None, told, ENGINE.read(environ))

    def database(self, told: str = "") -> Address | None:
        """Label Studio's PostgreSQL database that `told`, or else the environment, names; None for SQLite."""
        from howdah.postgres import address  # noqa: PLC0415 -- few commands ask

        return address.chosen(told, self.secrets)
