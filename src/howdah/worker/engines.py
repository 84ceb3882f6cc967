"""Container engines of this machine: Docker, and what is used like it. They are found on the path."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from howdah.errors import Invalid, Unavailable
from howdah.settings import ENGINE, ENGINES

AUTO, *PROGRAMS, NONE = ENGINES
_PATIENCE = 60.0
_PODMAN = "podman"


@dataclass(frozen=True, slots=True)
class Engine:
    """The one of that path, and what it is asked with."""

    path: str
    environ: Mapping[str, str]
    maps_users: bool = False
    """Whether users of a container are others outside of it: that of Podman, where it is not root's."""

    def ask(self, *words: str) -> list[str]:
        """Have the engine do something short; what it printed, nothing where it failed."""
        command = [self.path, *words]
        try:
            done = subprocess.run(  # noqa: S603 -- the machine's engine
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_PATIENCE,
                check=False,
                env=dict(self.environ),
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Unavailable(f"{self.path} does not answer: {error}", kind="engine") from error
        return done.stdout.split() if done.returncode == 0 else []


def found(wanted: str, environ: Mapping[str, str]) -> Engine | None:
    """The engine of that name, or with `auto` the first that answers; `Invalid` where the one named does not."""
    if wanted == NONE:
        return None
    engine = _answering(named(wanted), environ)
    if engine is None and wanted != AUTO:
        told = f"{wanted} does not answer here (`{wanted} info`)"
        remedy = f"start it, or the store with another engine than {wanted} (--engine, {ENGINE.name})"
        raise Invalid(f"{told}: {remedy}", kind="engine")
    return engine


def named(wanted: str) -> list[str]:
    """The programs that an engine's name, or `auto`, stands for, in the order in which they are asked."""
    return PROGRAMS if wanted == AUTO else [wanted]


def missing(wanted: str) -> str:
    """Why there is none, where `found` found none."""
    if wanted == NONE:
        return f"the store was told to use no container engine (--engine, {ENGINE.name})"
    return f"no container engine answers here ({', '.join(PROGRAMS)})"


def _answering(names: Sequence[str], environ: Mapping[str, str]) -> Engine | None:
    for name in names:
        path = shutil.which(name, path=environ.get("PATH"))
        if path is None:
            continue
        engine = Engine(path, environ)
        with suppress(Unavailable):
            if engine.ask("info"):
                is_podman = _PODMAN in engine.ask("--version")  # by whatever name
                return Engine(path, environ, maps_users=is_podman and os.geteuid() != 0)
    return None
