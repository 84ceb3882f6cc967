"""Python environments for pipelines: made once for each set of requirements, and then used without a network.

They are made outside of any fence, so nothing of what is installed is run for it: wheels alone are taken, and lines
that are no requirement are refused. Fenced code sees the environment at its own place, read-only.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from howdah.digest import of_bytes
from howdah.errors import Invalid, Unavailable
from howdah.worker import layout
from howdah.worker.environment import PATH

_READY = "howdah-ready"
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

    def made(self, requirements: str) -> dict[str, str]:
        """What code needs in its environment to have these packages; `Invalid` where they cannot be had."""
        wanted = _checked(requirements)
        name = of_bytes("\n".join([self._python, *wanted]).encode()).hex()[:_LENGTH]
        place = self._folder / name
        if not (place / _READY).exists():
            with layout.told(self._folder), self._alone(name):
                if not (place / _READY).exists():
                    self._make(place, wanted)
        path = f"{place}/bin:{PATH}"
        return {"VIRTUAL_ENV": str(place), "PATH": path, "PYTHONDONTWRITEBYTECODE": "1"}

    @contextmanager
    def _alone(self, name: str) -> Iterator[None]:
        layout.open_folder(self._folder)
        with (self._folder / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

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
