"""Code in the image that its pipeline names, by a container engine of this machine: Docker, or what is used like it.

The engine is found on the path when code first needs it. Without one that answers, code runs on the machine, as all
code does whose pipeline names no image; that is said once for each job.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from howdah.errors import Invalid, Unavailable
from howdah.wire.gen import work_pb2
from howdah.worker import environment
from howdah.worker.fence.limits import Limits
from howdah.worker.slot import Ended, Lines, Place, Slot

_PROGRAMS = ("docker", "podman")
_PATIENCE = 60.0
_REMEMBERED = 1000  # jobs
_LABEL = "howdah.slot"
_FAILED = 125  # exit code of an engine that could not start code
_OWN = "/tmp:/tmp"  # noqa: S108 -- each run has its own
_BY_VALUE = frozenset({"HOME", "PATH", "TMPDIR"})  # the engine has its own
_ENGINES = ("DOCKER_", "CONTAINER", "PODMAN_", "BUILDAH_", "REGISTRY_", "XDG_", "LD_")


@dataclass(frozen=True, slots=True)
class Image:
    """One that code is to run in, by the engine of that path, as `user` if that is not empty."""

    engine: str
    name: str
    user: str
    environ: Mapping[str, str]

    def ask(self, *words: str) -> list[str]:
        """Have the engine do something short; what it printed, nothing where it failed."""
        command = [self.engine, *words]
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
            raise Unavailable(f"{self.engine} does not answer: {error}", kind="engine") from error
        return done.stdout.split() if done.returncode == 0 else []


class Images:
    """For any thread; `environ` is what engines are asked with."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._lock = threading.Lock()
        self._engine: str | None = None
        self._said: deque[str] = deque(maxlen=_REMEMBERED)

    def of(self, task: work_pb2.Task, say: Callable[[str, str], None]) -> Image | None:
        """What a task's code runs in; None is this machine, which is told to `say` if an image was named."""
        code = task.code
        with self._lock:
            if not code.image:
                return None
            if self._engine is None:
                self._engine = _found(self._environ)
            if not self._engine:
                if task.job.id not in self._said:
                    self._said.append(task.job.id)
                    none = f"no container engine answers here ({', '.join(_PROGRAMS)})"
                    say("", f"image {code.image} is not used: {none}, and the code runs on this machine")
                return None
        if code.requirements:
            told = f"image {code.image} has packages of its own: put those of howdah.requirements into it"
            raise Invalid(told, kind="image")
        return Image(self._engine, code.image, code.user, self._environ)


def _found(environ: Mapping[str, str]) -> str:
    """The path of the first engine that answers."""
    for name in _PROGRAMS:
        path = shutil.which(name, path=environ.get("PATH"))
        with suppress(Unavailable):
            if path is not None and Image(path, "", "", environ).ask("info"):
                return path
    return ""


class Contained(Slot):
    """A slot whose code runs in containers of one image, which see `/pfs` and `/tmp` of the run, and the network."""

    def __init__(self, place: Place, image: Image, running: AbstractContextManager[object] | None = None) -> None:
        self._image = image
        super().__init__(replace(place, folder=_beside(place.folder), plain=False), running)
        left = image.ask("ps", "--all", "--quiet", "--filter", f"label={_LABEL}={self.place.folder}")
        if left:
            image.ask("rm", "--force", *left)

    @property
    def is_bare(self) -> bool:
        """As `Slot.is_bare`: the engine fences it in."""
        return True

    @property
    def caller(self) -> int | None:
        """As `Slot.caller`."""
        return None if self._image.user else self.place.user

    def run(
        self,
        folder: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        directory: str = "/",
        files: Mapping[str, bytes] = MappingProxyType({}),
        limits: Limits,
        tell: Lines,
        turned: Callable[[], None] = lambda: None,
    ) -> Ended:
        """As `Slot.run`: the engine is what the slot runs."""
        name = f"howdah-{uuid.uuid4().hex}"
        options, own = _variables(environment)
        words = [
            *(self._image.engine, "run", "--name", name, "--label", f"{_LABEL}={self.place.folder}"),
            *self._options(self.place.folder / folder, limits),
            *("--workdir", directory, *options),
            *(("--entrypoint", command[0], self._image.name, *command[1:]) if command else (self._image.name,)),
        ]
        over = False
        try:
            ended = super().run(
                folder,
                words,
                {**self._image.environ, **own},
                files=files,
                limits=replace(limits, memory=0, processors=0),
                tell=tell,
                turned=turned,
            )
            over = ended.how == "exited"
        finally:
            if not over:  # of a client that was killed the container goes on
                self._image.ask("rm", "--force", name)
        if (ended.how, ended.code) == ("exited", _FAILED):
            return replace(ended, why=f"image {self._image.name} could not be run: what is wrong is in the log")
        return ended

    def _options(self, folder: Path, limits: Limits) -> list[str]:
        own = os.geteuid() if self.place.user is None else self.place.user
        found = [
            *("--rm", "--interactive", "--network", "host", "--security-opt", "no-new-privileges"),
            *("--pids-limit", str(limits.processes), "--user", self._image.user or f"{own}:{own}"),
            *("--volume", f"{folder}/pfs:/pfs:ro", "--volume", f"{folder}/pfs/out:/pfs/out"),
            *("--volume", f"{folder}{_OWN}"),
        ]
        if limits.memory:
            found += ["--memory", str(limits.memory)]
        if limits.processors:
            found += ["--cpus", str(limits.processors)]
        return found


def _beside(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}-image")


def _variables(given: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """Options that name the variables of code, and the values that the engine finds in its own environment.

    So values, which may be secrets, are on no command line.
    """
    options: list[str] = []
    own: dict[str, str] = {}
    for name, value in given.items():
        if name == "PATH" and value == environment.PATH:
            continue  # the image has its own
        if name.startswith(_ENGINES):
            raise Invalid(f"transform.env: {name} is the container engine's own: choose another name", kind="image")
        if name in _BY_VALUE:
            options += ["--env", f"{name}={value}"]
        else:
            options += ["--env", name]
            own[name] = value
    return options, own
