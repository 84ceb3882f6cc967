"""A store, and two skins of the command line: click's runner and the installed command."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

import pytest
from click.testing import CliRunner

from howdah.cli.main import main
from howdah.testing.servers import StoreServer

HOWDAH = str(Path(sys.executable).with_name("howdah"))
SECONDS = 60


class Result(NamedTuple):
    """What a command left: its exit code and what it printed."""

    code: int
    bytes: bytes
    stderr: str

    @property
    def stdout(self) -> str:
        return self.bytes.decode()


class Howdah(Protocol):
    """The command line as tests call it."""

    def __call__(self, *args: str, stdin: bytes = b"") -> Result: ...


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with StoreServer(tmp_path_factory.mktemp("store") / "data") as store:
        yield store.address


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own, without the settings of whoever runs the tests."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for name in ("HOWDAH_ADDRESS", "PACH_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    return home


def in_process(*args: str, stdin: bytes = b"") -> Result:
    result = CliRunner().invoke(main, list(args), input=stdin)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Result(result.exit_code, result.stdout_bytes, result.stderr)


def installed(*args: str, stdin: bytes = b"") -> Result:
    done = subprocess.run([HOWDAH, *args], input=stdin, capture_output=True, timeout=SECONDS, check=False)
    return Result(done.returncode, done.stdout, done.stderr.decode())


@pytest.fixture
def plain(home: Path) -> Howdah:
    """The command line without any store chosen."""
    return in_process


@pytest.fixture
def howdah(home: Path, address: str, monkeypatch: pytest.MonkeyPatch) -> Howdah:
    """The command line on the store, in this process."""
    monkeypatch.setenv("HOWDAH_ADDRESS", address)
    return in_process


@pytest.fixture(params=[in_process, installed], ids=["runner", "installed"])
def either(request: pytest.FixtureRequest, home: Path, address: str, monkeypatch: pytest.MonkeyPatch) -> Howdah:
    """The command line on the store, in this process and as it is installed."""
    monkeypatch.setenv("HOWDAH_ADDRESS", address)
    skin: Howdah = request.param
    return skin


@pytest.fixture
def project(howdah: Howdah, request: pytest.FixtureRequest) -> Iterator[str]:
    """A project of the test's own, deleted with all its repos."""
    name = f"t{abs(hash(request.node.nodeid)):x}"
    assert howdah("create", "project", name).code == 0
    yield name
    howdah("delete", "project", name, "-f")


@pytest.fixture
def images(howdah: Howdah, project: str) -> str:
    """An empty repo, with its project."""
    assert howdah("create", "repo", f"{project}/images").code == 0
    return f"{project}/images"
