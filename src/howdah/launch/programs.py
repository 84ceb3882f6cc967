"""The two programs that make up Howdah: how each is started, and how one sees that it answers."""

from __future__ import annotations

import http.client
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from howdah.launch import ports
from howdah.launch.paths import DataFolder
from howdah.settings import ADDRESS, DATA, DEFAULT_HOST

STORE = "store"
LABEL_STUDIO = "label-studio"
_PATIENCE = 2.0
_OK = 200


@dataclass(frozen=True, slots=True)
class Program:
    """One program. `answers` is asked with the part of its log that it has written since its last start."""

    name: str
    command: tuple[str, ...]
    environ: Mapping[str, str]
    log: Path
    answers: Callable[[bytes], bool]


def _python(*arguments: str) -> tuple[str, ...]:
    """Python as installed, deaf to the user's own Python settings."""
    return (sys.executable, "-I", "-X", "utf8", *arguments)


def store(folder: DataFolder, environ: Mapping[str, str], port: int) -> Program:
    """The store's server, on loopback: who may reach this machine from outside must not reach the store."""

    def answers(log: bytes) -> bool:
        if b"ready grpc://" not in log:
            return False
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.settimeout(_PATIENCE)
            return probe.connect_ex((DEFAULT_HOST, port)) == 0

    options = ("--data", str(folder.store), "--host", DEFAULT_HOST, "--port", str(port))
    return Program(STORE, _python("-u", "-m", "howdah", "serve", *options), environ, folder.log(STORE), answers)


def label_studio(folder: DataFolder, environ: Mapping[str, str], address: tuple[str, int], store: str) -> Program:
    """Label Studio with our storage type, whose default store is at `store`."""
    host, port = address
    own = {
        # The host would also take this from DATABASE_NAME, which may be meant for anything.
        "LABEL_STUDIO_DATABASE_NAME": str(folder.label_studio / "label_studio.sqlite3"),
        **environ,
        DATA.name: str(folder.label_studio),
        ADDRESS.name: store,
        # It keeps an id of this machine among the user's own settings otherwise.
        "XDG_CONFIG_HOME": str(folder.label_studio / "config"),
    }
    command = _python("-u", "-m", "howdah.labelstudio.serve", "--host", host, "--port", str(port))

    def answers(log: bytes) -> bool:
        return b"Listening at" in log and http_answers(ports.url_host(host).strip("[]"), port)

    return Program(LABEL_STUDIO, command, own, folder.log(LABEL_STUDIO), answers)


def http_answers(host: str, port: int) -> bool:
    """Whether Label Studio answers there."""
    connection = http.client.HTTPConnection(host, port, timeout=_PATIENCE)
    try:
        connection.request("GET", "/health/")
        return connection.getresponse().status == _OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
