"""Which store Label Studio works on: one that the launcher starts, or one that runs elsewhere, such as a cluster."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from howdah.client import config
from howdah.client.channel import parse_address
from howdah.client.config import Config, Context
from howdah.errors import Unavailable
from howdah.settings import PACH_CONFIG, SERVER_CAS, TOKEN

OWN = "own"
CONTEXT = "context"
NAME = "howdah"


@dataclass(frozen=True, slots=True)
class Outside:
    """A store that runs elsewhere. `server_cas` is in base64, as in the configuration file."""

    address: str
    token: str = ""
    server_cas: str = ""

    def environ(self) -> dict[str, str]:
        """What tells Label Studio how to be let in there."""
        told = {TOKEN.name: self.token, SERVER_CAS.name: self.server_cas}
        return {name: value for name, value in told.items() if value}


def config_path(environ: Mapping[str, str]) -> Path:
    """Where the configuration file lies."""
    if told := PACH_CONFIG.read(environ):
        return Path(told)
    return Path(environ.get("HOME") or Path.home()) / ".pachyderm" / "config.json"


def chosen(where: str, environ: Mapping[str, str]) -> Outside | None:
    """The store elsewhere that `where` means; None for one of our own.

    `context` is the active context of the configuration file; without one, or where it is the one that the launcher
    wrote for its own store, it means our own. Raises `HowdahError` for a file or an address that cannot be used.
    """
    if where == OWN:
        return None
    found = _read(config_path(environ))
    if where == CONTEXT:
        if found.active is None or found.active == NAME:
            return None
        return _outside(found.context(found.active))
    place = parse_address(where)
    same = [context for context in found.contexts.values() if parse_address(context.address) == place]
    return _outside(same[0]) if same else Outside(str(place))


def _read(path: Path) -> Config:
    try:
        return config.read(path)
    except Unavailable as error:
        owner = path.stat().st_uid if os.access(path.parent, os.X_OK) else None
        if owner is None or owner == os.geteuid():
            raise
        told = f"{error.message}: it belongs to user {owner}. In a container, add to docker run: --user {owner}"
        raise Unavailable(told, kind=error.kind) from error


def _outside(context: Context) -> Outside:
    context.root_certificates  # noqa: B018  (raises now what would otherwise be told at the first call)
    return Outside(str(parse_address(context.address)), context.session_token or "", context.server_cas or "")
