"""Secrets: words that user code may have, and that nothing tells. They come as Kubernetes writes them, in JSON."""

from __future__ import annotations

import base64
import binascii
import builtins
import json
from collections.abc import Mapping
from typing import Any

from howdah.db.database import Tx
from howdah.errors import AlreadyExists, Invalid, NotFound
from howdah.infos import SecretInfo
from howdah.names import check_name
from howdah.pfs import clock

_TYPE = "Opaque"
_MOST = 1 << 20


def create(tx: Tx, text: str, *, now: int) -> SecretInfo:
    """Keep the secret that a document describes: `metadata.name`, and values in `data` (base64) and `stringData`."""
    document = _object(_parsed(text), "file")
    name = _object(document.get("metadata"), "metadata").get("name")
    if not isinstance(name, str) or not name:
        raise _refused("metadata.name must name it")
    check_name(name.replace(".", "-"))  # Kubernetes' names may have dots, too
    type = document.get("type") or _TYPE
    if not isinstance(type, str):
        raise _refused("type must be a string")
    values = json.dumps(_values(document))
    if tx.one("SELECT 1 FROM secrets WHERE name = ?", name) is not None:
        raise AlreadyExists(f'secret "{name}" already exists: delete it first', kind="secret-exists")
    tx.run("INSERT INTO secrets (name, type, data, created) VALUES (?, ?, ?, ?)", name, type, values, now)
    return inspect(tx, name)


def inspect(tx: Tx, name: str) -> SecretInfo:
    """The secret; `NotFound` without it."""
    row = tx.one("SELECT name, type, created FROM secrets WHERE name = ?", name)
    if row is None:
        raise _unknown(name)
    return SecretInfo(row[0], row[1], clock.moment(row[2]))


def list(tx: Tx) -> builtins.list[SecretInfo]:
    """Every secret, by name."""
    rows = tx.all("SELECT name, type, created FROM secrets ORDER BY name")
    return [SecretInfo(name, type, clock.moment(created)) for name, type, created in rows]


def values(tx: Tx, name: str) -> dict[str, bytes]:
    """What the secret holds, for user code alone; `NotFound` without it."""
    row = tx.one("SELECT data FROM secrets WHERE name = ?", name)
    if row is None:
        raise _unknown(name, ": create it (`howdah create secret -f FILE`), then rerun the pipeline")
    return {key: base64.b64decode(value) for key, value in json.loads(row[0]).items()}


def delete(tx: Tx, name: str) -> None:
    """Forget the secret; `NotFound` without it."""
    if not tx.run("DELETE FROM secrets WHERE name = ?", name):
        raise _unknown(name)


def _unknown(name: str, remedy: str = "") -> NotFound:
    return NotFound(f'secret "{name}" not found{remedy}', kind="secret-not-found")


def _refused(why: str) -> Invalid:
    return Invalid(f"secret cannot be read: {why}", kind="bad-secret")


def _parsed(text: str) -> Any:
    if len(text) > _MOST:
        raise _refused(f"it has more than {_MOST} characters")
    try:
        found = json.loads(text)
        json.dumps(found, ensure_ascii=False).encode()  # which refuses half characters
    except (ValueError, RecursionError) as error:
        raise _refused(f"it must be the JSON of a Kubernetes secret ({type(error).__name__})") from error
    return found


def _object(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _refused(f"{where} must be an object")
    return value


def _values(document: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for where in ("data", "stringData"):
        for key, value in _object(document.get(where) or {}, where).items():
            if not isinstance(value, str):
                raise _refused(f"{where}.{key} must be a string")
            found[key] = value if where == "data" else base64.b64encode(value.encode()).decode()
    for key, value in found.items():
        try:
            base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError) as error:
            raise _refused(f"data.{key} must be base64") from error
    return found
