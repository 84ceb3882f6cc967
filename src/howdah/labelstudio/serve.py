"""Runs Label Studio with Howdah's storage type under a production WSGI server: `python -m howdah.labelstudio.serve`.

It prepares the database, checks that our hooks fit the host, and then answers on one address until SIGTERM: a process
or two with threads, and one behind them that does the Syncs (see `howdah.labelstudio.worker`).
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
from pathlib import Path
from typing import Any

import django
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import connection, connections
from gunicorn.app.base import BaseApplication

from howdah import filesystems
from howdah.errors import HowdahError
from howdah.labelstudio import prepare
from howdah.labelstudio.answering import FewWorkers
from howdah.postgres import address

THREADS = 16
"""Threads that work on requests, each with its connection to the database."""
SENDERS = 240
"""Threads that send answers, and so the most that may be on their way at once."""
ANSWERING = min(os.cpu_count() or 1, 2)
"""Processes that answer requests: Python uses one core each, and SQLite has one writer anyway."""

_GRACE = 5
_PATIENCE_MS = 600_000
_MEMORY = "/dev/shm"  # noqa: S108  (only the WSGI server's heartbeat file, which it makes and unlinks safely)


class _Server(BaseApplication):
    """Gunicorn configured by code alone: no config file and no environment variable of its own changes it."""

    def __init__(self, bind: str) -> None:
        self._bind = bind
        super().__init__()

    def load_config(self) -> None:
        wanted: dict[str, Any] = {
            "bind": [self._bind],
            "worker_class": "howdah.labelstudio.worker.Worker",
            "workers": 1 + ANSWERING,
            "threads": SENDERS,
            "preload_app": True,  # loaded before the fork, so a failure to load is our exit, not a restart loop
            "keepalive": 75,
            "graceful_timeout": _GRACE,
            "timeout": 120,
            "control_socket_disable": True,
            "forwarded_allow_ips": "",  # which headers of a proxy count is decided by our settings alone
            "proc_name": "howdah-label-studio",
            "when_ready": _bound_waiting,
        }
        if os.access(_MEMORY, os.W_OK):
            wanted["worker_tmp_dir"] = _MEMORY
        for name, value in wanted.items():
            if name in self.cfg.settings:  # not every supported version knows every setting
                self.cfg.set(name, value)

    def load(self) -> Any:
        from howdah.labelstudio.wsgi import application  # noqa: PLC0415  (importing it loads the whole site)

        return FewWorkers(application, THREADS)


def _bound_waiting(server: Any) -> None:
    """Give up on a client that takes nothing at all for so long; it keeps a thread. Linux alone can tell."""
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    for listener in server.LISTENERS if option is not None else ():
        listener.sock.setsockopt(socket.IPPROTO_TCP, option, _PATIENCE_MS)


def _check() -> str | None:
    """What does not fit this host version, told for a person; None if all is well."""
    try:
        call_command("check")
    except SystemCheckError as error:
        return str(error)
    finally:
        connections.close_all()  # a SQLite connection must not cross the fork
    return None


def _keep_one_behind() -> None:
    from howdah.labelstudio import behind, runs  # noqa: PLC0415  (runs needs the site's settings)

    behind.open_pair()
    runs.resumes = True


def _told_database() -> str:
    """One line for the log: which database, and how it writes."""
    if (database := address.chosen("", os.environ)) is not None:
        return f"Database: {database}"
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode")
        (mode,) = cursor.fetchone()
    name = Path(connection.settings_dict["NAME"]).resolve()
    return f"Database: {name}, journal mode {mode}, on {filesystems.kind_of(name, filesystems.read_mounts())}"


def main(argv: list[str] | None = None) -> int:
    """Serve until told to stop; 1 if the database or the host does not fit."""
    parser = argparse.ArgumentParser(prog="howdah.labelstudio.serve", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    arguments = parser.parse_args(argv)
    try:
        prepare.ensure_schema()
        django.setup()
        prepare.ensure_first_user(os.environ)
    except HowdahError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(_told_database(), flush=True)
    if (misfit := _check()) is not None:
        print(f"error: {misfit}", file=sys.stderr)
        return 1
    _keep_one_behind()
    host = f"[{arguments.host}]" if ":" in arguments.host else arguments.host
    _Server(f"{host}:{arguments.port}").run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
