"""Pachyderm's configuration file: named contexts, each telling how to reach one cluster, one of them active.

The file is shared with pachctl and Pachyderm's own client. What others wrote is kept, known here or not; a context
that is written here holds only keys that they accept. Writing is atomic, and the file is readable by its owner
alone, since contexts hold session tokens. The path comes from the caller: nothing here reads the environment.
"""

from __future__ import annotations

import base64
import binascii
import copy
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from uuid import uuid4

from howdah.client.channel import parse_address
from howdah.errors import Invalid, NotFound, Unavailable, WrongState
from howdah.settings import DEFAULT_STORE_PORT


@dataclass(frozen=True, slots=True)
class Context:
    """How to reach one cluster. Field names are the file's keys; a field that is None is left out of the file.

    `source` tells who made the context: pachctl writes its name, Pachyderm's client its number. It is for them.
    """

    source: int | str | None = None
    pachd_address: str | None = None
    server_cas: str | None = None
    session_token: str | None = None
    active_transaction: str | None = None
    cluster_name: str | None = None
    auth_info: str | None = None
    namespace: str | None = None
    cluster_deployment_id: str | None = None
    project: str | None = None
    enterprise_server: bool | None = None
    port_forwarders: Mapping[str, int] | None = None

    @property
    def address(self) -> str:
        """The address to connect to; one that is forwarded to this machine where none is given."""
        if self.pachd_address:
            return self.pachd_address
        return f"grpc://localhost:{(self.port_forwarders or {}).get('pachd', DEFAULT_STORE_PORT)}"

    @property
    def root_certificates(self) -> bytes | None:
        """The certificates (PEM) that vouch for the cluster, if the context names any."""
        if not self.server_cas:
            return None
        try:
            return base64.b64decode(self.server_cas, validate=True)
        except binascii.Error as error:
            raise Invalid("server_cas of the context is not base64: set the context anew", kind="bad-config") from error


_KEYS = tuple(field.name for field in fields(Context))
_TEXTS = tuple(key for key in _KEYS if key not in {"source", "enterprise_server", "port_forwarders"})


class Config:
    """A configuration file's content; the verbs that change it give a new one and leave this one as it is."""

    def __init__(self, document: dict[str, Any] | None = None) -> None:
        self._document: dict[str, Any] = copy.deepcopy(document or {})
        self._document.setdefault("user_id", uuid4().hex)
        v2 = self._document.setdefault("v2", {"metrics": False})
        if not isinstance(v2, dict) or not isinstance(v2.setdefault("contexts", {}), dict):
            raise Invalid("v2 and v2.contexts must be objects", kind="bad-config")
        if any(not isinstance(context, dict) for context in v2["contexts"].values()):
            raise Invalid("each of v2.contexts must be an object", kind="bad-config")
        for name, context in v2["contexts"].items():
            _check_types(name, context)
        if not isinstance(v2.setdefault("active_context", ""), str):
            raise Invalid("v2.active_context must be a text", kind="bad-config")

    @property
    def document(self) -> dict[str, Any]:
        """The whole content, as the file holds it."""
        return copy.deepcopy(self._document)

    @property
    def contexts(self) -> dict[str, Context]:
        """All contexts by name."""
        found: dict[str, dict[str, Any]] = self._document["v2"]["contexts"]
        return {name: Context(**{key: raw[key] for key in _KEYS if key in raw}) for name, raw in found.items()}

    @property
    def active(self) -> str | None:
        """The active context's name; None where none is active or the active one does not exist."""
        return self.chosen if self.chosen in self._document["v2"]["contexts"] else None

    @property
    def chosen(self) -> str:
        """The name that the file calls active, whether there is such a context or not; empty for none."""
        name: str = self._document["v2"]["active_context"]
        return name

    def context(self, name: str) -> Context:
        """The context `name`; raises `NotFound`."""
        self._check(name)
        return self.contexts[name]

    def with_context(self, name: str, context: Context) -> Config:
        """With `context` under `name`, in place of one of that name."""
        if not name:
            raise Invalid("a context needs a name", kind="bad-config")
        parse_address(context.address)
        raw = {key: getattr(context, key) for key in _KEYS}
        changed = Config(self._document)
        changed._document["v2"]["contexts"][name] = {key: value for key, value in raw.items() if value is not None}
        return changed

    def with_active(self, name: str) -> Config:
        """With `name` active; raises `NotFound`."""
        self._check(name)
        changed = Config(self._document)
        changed._document["v2"]["active_context"] = name
        return changed

    def without(self, name: str) -> Config:
        """Without the context `name`; raises `NotFound`, and `WrongState` for the active one."""
        self._check(name)
        if name == self.active:
            raise WrongState(f"context {name} is active: make another one active first", kind="context-active")
        changed = Config(self._document)
        del changed._document["v2"]["contexts"][name]
        return changed

    def _check(self, name: str) -> None:
        contexts = self._document["v2"]["contexts"]
        if name not in contexts:
            raise NotFound(f"context {name} not found: there are {', '.join(contexts) or 'none'}", kind="no-context")


def read(path: Path) -> Config:
    """What the file at `path` holds; an empty configuration where there is none. A broken file raises `Invalid`."""
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return Config()
    except OSError as error:
        raise Unavailable(f"config file {path} cannot be read: {error.strerror}", kind="config-unreadable") from error
    except UnicodeDecodeError as error:
        raise _broken(path, str(error)) from error
    try:
        document = json.loads(text)
        if not isinstance(document, dict):
            raise Invalid("not an object", kind="bad-config")
        return Config(document)
    except json.JSONDecodeError as error:
        raise _broken(path, str(error)) from error
    except Invalid as error:
        raise _broken(path, error.message) from error


def write(path: Path, config: Config) -> None:
    """Put `config` into the file at `path`: a reader sees the old content or the new, also after a crash."""
    target = Path(os.path.realpath(path))
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(config.document, file, indent=2)
                file.write("\n")
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, target)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise Unavailable(f"config file {path} cannot be written: {error}", kind="config-unwritable") from error


def add_store(path: Path, name: str, address: str) -> bool:
    """Write a context `name` for the store at `address` and make it active if none is; whether it is active now.

    A context of that name that already leads to the address stays as it is.
    """
    config = before = read(path)
    if name not in config.contexts or config.contexts[name].pachd_address != address:
        config = config.with_context(name, Context(pachd_address=address))
    if config.active is None:
        config = config.with_active(name)
    if config is not before:
        write(path, config)
    return config.active == name


def _check_types(name: str, context: Mapping[str, Any]) -> None:
    """Raise `Invalid` where a context holds something else than what its user expects of the key."""
    for key in _TEXTS:
        if not isinstance(context.get(key), str | None):
            raise Invalid(f"{key} of context {name} must be a text", kind="bad-config")
    forwarders = context.get("port_forwarders")
    if forwarders is not None and not (
        isinstance(forwarders, dict) and all(isinstance(port, int) for port in forwarders.values())
    ):
        raise Invalid(f"port_forwarders of context {name} must be an object of numbers", kind="bad-config")


def _broken(path: Path, reason: str) -> Invalid:
    return Invalid(
        f"config file {path} is broken ({reason}): mend it, or move it away and set its contexts anew",
        kind="bad-config",
    )
