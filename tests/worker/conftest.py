"""Slots to run in: as who runs the tests and, where that is root, as `nobody` too.

A kernel that refuses fences fails these tests, with what it refuses and the remedy; other systems than Linux skip them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import pytest

from howdah.worker import users
from howdah.worker.slot import Place, Slot
from tests.worker import runs

NOBODY = 65534
ROOT = Path(__file__).resolve().parents[2]
_ROOT_ONLY = pytest.param(
    "nobody", marks=pytest.mark.skipif(os.geteuid() != 0, reason="platform: only root has others")
)


class Runner(Protocol):
    """Runs a command, or a script of the shell, in a slot."""

    data: Path

    def __call__(self, *command: str, **options: Any) -> runs.Ran: ...

    def sh(self, script: str, **options: Any) -> runs.Ran: ...


class _Here:
    def __init__(self, data: Path, slot: Slot) -> None:
        self.data = data
        self._run = partial(runs.run, slot)

    def __call__(self, *command: str, **options: Any) -> runs.Ran:
        return self._run(list(command), **options)

    def sh(self, script: str, **options: Any) -> runs.Ran:
        return self("sh", "-c", script, **options)


class _Elsewhere(_Here):
    def __init__(self, data: Path, process: subprocess.Popen[str]) -> None:
        self.data = data
        self._process = process

    def __call__(self, *command: str, **options: Any) -> runs.Ran:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"command": command, **options}) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, f"it has ended: {Path(self.data, 'log').read_text()}"
        return runs.Ran(**json.loads(answer))


@pytest.fixture(scope="package")
def python() -> str:
    """A Python that every user can start, at a place that fenced code sees."""
    tried = [
        shutil.which(name, path=runs.PATH)
        for name in ("python3", "python3.13", "python3.12", "python3.11", "python3.10")
    ]
    for path in filter(None, tried):
        command = [path, "-c", "import sys, venv; assert sys.version_info >= (3, 10)"]
        if subprocess.run(as_nobody(*command), check=False, capture_output=True).returncode == 0:
            return path
    pytest.fail(f"no Python on {runs.PATH} that nobody may start: install python3 with python3-venv")


def as_nobody(*command: str) -> list[str]:
    """The command as somebody without any right: by another user where this one is root."""
    if os.geteuid() != 0:
        return list(command)
    return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *command]


@pytest.fixture(scope="package")
def open_folder() -> Iterator[Path]:
    """A folder that everybody can enter, which pytest's own are not, and not in `/tmp`, which is hidden anyhow."""
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="howdah-") as made:
        os.chmod(made, 0o755)
        yield Path(made)


@pytest.fixture(scope="package", params=["own", _ROOT_ONLY])
def fence(request: pytest.FixtureRequest, open_folder: Path) -> Iterator[Runner]:
    if request.param == "nobody":
        yield from _of_nobody(open_folder, request.getfixturevalue("python"))
        return
    data = open_folder / "own"
    data.mkdir()
    with Slot(place(data)) as slot:
        yield _Here(data, slot)


def place(data: Path, number: int = 0) -> Place:
    """Of a slot below the folder, which its code does not see."""
    return Place(data / f"slot-{number}", number, covered=(data,), user=users.of_slot(number))


def running(mark: str) -> list[str]:
    """The processes of this machine that have the mark in their command, other than this one."""
    if sys.platform != "linux":
        command = ["ps", "-eo", "args"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return [line for line in done.stdout.splitlines() if mark in line]
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            command = path.read_bytes().decode(errors="replace").split("\0")
            found += [" ".join(command)] if mark in " ".join(command) and int(path.parent.name) != os.getpid() else []
    return found


def _of_nobody(folder: Path, python: str) -> Iterator[Runner]:
    data, code = folder / "nobody", folder / "code"
    data.mkdir()
    os.chown(data, NOBODY, NOBODY)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "src/howdah/worker", code / "howdah/worker", ignore=ignored)
    shutil.copytree(ROOT / "tests/worker", code / "tests/worker", ignore=ignored)
    for name in ("__init__", "errors"):
        shutil.copy(ROOT / f"src/howdah/{name}.py", code / "howdah")
    subprocess.run([python, "-m", "venv", "--without-pip", str(folder / "venv")], check=True)
    packages = next(folder.glob("venv/lib/python3*/site-packages"))
    (packages / "code.pth").write_text(f"{code}\n")
    command = as_nobody(str(folder / "venv/bin/python"), "-m", "tests.worker.runs", str(data))
    with (data / "log").open("wb") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, cwd=folder, env={}
        )
    try:
        yield _Elsewhere(data, process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(60)
        assert process.stdout is not None
        process.stdout.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Fences are Linux's."""
    if sys.platform != "linux":
        for item in items:
            if item.nodeid.startswith("tests/worker") and {"fence", "slot"} & {*getattr(item, "fixturenames", ())}:
                item.add_marker(pytest.mark.skip(reason="platform: fences are Linux's"))
