"""A PostgreSQL server in a process of its own, on loopback and a Unix socket, for as long as a test needs it."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from glob import glob
from pathlib import Path
from types import TracebackType

from howdah.errors import HowdahError
from howdah.postgres import server
from howdah.postgres.address import Address

PROGRAMS = "/usr/lib/postgresql/*/bin"  # where Debian has them, out of the way
_PASSWORD = "a / b@c%:ä"  # noqa: S105  (of a server that lives as long as a test, and awkward on purpose)
_LIMIT = 60.0


def find(program: str) -> str | None:
    """Where a program of PostgreSQL's is; None if it is not installed."""
    return shutil.which(program) or max(glob(f"{PROGRAMS}/{program}"), default=None)


class PostgresServer:
    """A server with databases of its own, until `stop` or the end of the block.

    It is fast and forgets everything in a power cut. It refuses to run as root, so then it runs as somebody else.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="howdah-postgres-"))
        self._who = _somebody() if os.geteuid() == 0 else None
        self._own(self.folder)
        secret = self.folder / "password"
        secret.write_text(_PASSWORD)
        self._own(secret)
        options = [
            "-U",
            "howdah",
            "--auth=scram-sha-256",
            f"--pwfile={secret}",
            "--no-sync",
            "-E",
            "UTF8",
            "--locale=C",
        ]
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.address = Address("howdah", _PASSWORD, "127.0.0.1", str(port), "postgres")
        self._run("initdb", "-D", str(self.folder / "data"), *options)
        self.start()

    def start(self) -> None:
        """Start it, after `stop`, where it was."""
        fast = [f"-c{name}=off" for name in ("fsync", "synchronous_commit", "full_page_writes")]
        place = ["-D", str(self.folder / "data"), "-h", "127.0.0.1", "-p", self.address.port, "-k", str(self.folder)]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603
                self._command("postgres", *place, *fast), stdout=log, stderr=log, cwd=self.folder
            )
        deadline = time.monotonic() + _LIMIT
        while not self._answers():
            assert self.process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < deadline, "PostgreSQL does not answer"

    def _answers(self) -> bool:
        with contextlib.suppress(HowdahError), server.connect(self.address):
            return True
        return False

    def database(self, name: str, *words: str) -> Address:
        """A new database; `words` go to CREATE DATABASE."""
        self.ask(f'CREATE DATABASE "{name}" {" ".join(words)}')
        return self.named(name)

    def named(self, name: str) -> Address:
        """The address of one of its databases."""
        return Address("howdah", _PASSWORD, "127.0.0.1", self.address.port, name)

    def ask(self, statement: str) -> None:
        """Do this as the one who may do everything, outside of all databases."""
        with server.connect(self.address) as connection:
            connection.autocommit = True
            connection.execute(statement.encode())

    def dumped(self, address: Address) -> list[str]:
        """A database as PostgreSQL's own pg_dump tells it."""
        text = self._run("pg_dump", "--no-owner", "--dbname", address.url)
        return [line for line in text.splitlines() if not line.startswith(("\\restrict", "\\unrestrict"))]

    def stop(self) -> None:
        """End it, whoever is connected."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(_LIMIT)

    def __enter__(self) -> PostgresServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _own(self, path: Path) -> None:
        if self._who is not None:
            os.chown(path, self._who.pw_uid, self._who.pw_gid)

    def _command(self, program: str, *words: str) -> list[str]:
        """The program, as its user.

        Not by `Popen(user=…)`: with it Python forks (else it takes vfork), and gRPC's fork handlers then run in the
        child of a process that has gRPC's threads, where they crash now and then before the program is begun.
        """
        become = []
        if self._who is not None:
            become = ["setpriv", f"--reuid={self._who.pw_uid}", f"--regid={self._who.pw_gid}", "--clear-groups"]
        return [*become, _program(program), *words]

    def _run(self, program: str, *words: str) -> str:
        command = self._command(program, *words)
        done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=self.folder)  # noqa: S603
        assert done.returncode == 0, f"{program} ended with {done.returncode}: {done.stdout}{done.stderr}"
        return done.stdout


def _program(name: str) -> str:
    found = find(name)
    assert found is not None, f"{name} is not installed: see howdah.launch.suite"
    return found


def _somebody() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise AssertionError("there is no user postgres and no user nobody for PostgreSQL to run as")
