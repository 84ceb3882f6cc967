"""Python environments for pipelines: made once for each set of requirements, and then used without a network.

They are made outside of any fence, so nothing of what is installed is run for it: wheels alone are taken, and lines
that are no requirement are refused. Fenced code sees the environment at its own place, read-only.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from howdah.digest import of_bytes
from howdah.errors import Invalid, Unavailable
from howdah.worker import layout
from howdah.worker.environment import PATH

_READY = "howdah-ready"
_LOCK = ".lock"
_LENGTH = 32  # of a name, in hexadecimal digits
_TOLD = 5  # lines of an error


class Environments:
    """Below a folder, by what is in them. `uv` makes them for `python`, with the settings in `environ`.

    `python` is to be one that the code's user can start. For many threads and processes.
    """

    def __init__(self, folder: Path, uv: str, python: str, environ: Mapping[str, str]) -> None:
        self._folder = folder
        self._uv = uv
        self._python = python
        self._environ = environ

    @contextmanager
    def used(self, requirements: str) -> Iterator[dict[str, str]]:
        """What code needs in its environment to have these packages, which stay until the block ends.

        `Invalid` where they cannot be had.
        """
        while True:
            given = self.made(requirements)
            place = Path(given["VIRTUAL_ENV"])
            with self._locked(place.name, fcntl.LOCK_SH):
                if (place / _READY).exists():
                    yield given
                    return

    def made(self, requirements: str) -> dict[str, str]:
        """As `used`, for as long as nobody asks for others alone."""
        place = self._place(requirements)
        if not (place / _READY).exists():
            with layout.told(self._folder), self._locked(place.name, fcntl.LOCK_EX):
                if not (place / _READY).exists():
                    self._make(place, _checked(requirements))
        path = f"{place}/bin:{PATH}"
        return {"VIRTUAL_ENV": str(place), "PATH": path, "PYTHONDONTWRITEBYTECODE": "1"}

    def keep(self, wanted: Iterable[str]) -> None:
        """Remove the environments that are not used now but for these."""
        names = set()
        for each in wanted:
            with suppress(Invalid):  # it was never made
                names.add(self._place(each).name)
        with layout.told(self._folder):
            for name in {path.name.partition(".")[0] for path in self._folder.iterdir()} - names:
                with suppress(BlockingIOError), self._locked(name, fcntl.LOCK_EX | fcntl.LOCK_NB):
                    self._remove(self._folder / name)

    def _remove(self, place: Path) -> None:
        if place.exists():
            (place / _READY).unlink(missing_ok=True)  # whatever comes: what is left is not used
            shutil.rmtree(place)
        for other in (".txt", _LOCK):
            place.with_suffix(other).unlink(missing_ok=True)

    def _place(self, requirements: str) -> Path:
        wanted = _checked(requirements)
        return self._folder / of_bytes("\n".join([self._python, *wanted]).encode()).hex()[:_LENGTH]

    @contextmanager
    def _locked(self, name: str, how: int) -> Iterator[None]:
        layout.open_folder(self._folder)
        path = (self._folder / name).with_suffix(_LOCK)
        while True:
            with path.open("w") as lock:
                fcntl.flock(lock, how)
                if _is_at(lock, path):  # else it went with the environment meanwhile
                    yield
                    return

    def _make(self, place: Path, wanted: list[str]) -> None:
        if place.exists():  # by halves
            shutil.rmtree(place)
        file = place.with_suffix(".txt")
        file.write_text("".join(f"{line}\n" for line in wanted), "utf-8")
        self._run("venv", "--no-config", "--python", self._python, str(place))
        python = str(place / "bin/python")
        self._run(
            "pip", "install", "--no-config", "--no-build", "--compile-bytecode", "--python", python, "-r", str(file)
        )
        (place / _READY).touch()

    def _run(self, *words: str) -> None:
        command = [self._uv, *words]
        try:
            done = subprocess.run(  # noqa: S603
                command, env=dict(self._environ), capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
            )
        except OSError as error:
            raise Unavailable(
                f"uv cannot be started ({error.strerror}): install it, https://docs.astral.sh/uv"
            ) from error
        if done.returncode:
            told = " ".join(" ".join(done.stderr.split("\n")[-_TOLD:]).split())
            raise Invalid(f"the packages of the pipeline cannot be installed: {told}", kind="requirements")


def _is_at(file: IO[str], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _checked(requirements: str) -> list[str]:
    """The requirements, one a line, in order; `Invalid` for what could have uv do something else."""
    lines = [line.strip() for line in requirements.splitlines()]
    wanted = sorted({line for line in lines if line and not line.startswith("#")})
    for line in wanted:
        if line.startswith("-") or "\\" in line:
            raise Invalid(f"requirement {line!r} is an option: give names and versions alone", kind="requirements")
        if not line[0].isalnum():
            raise Invalid(f"requirement {line!r} is no package's name: give names and versions", kind="requirements")
    return wanted
