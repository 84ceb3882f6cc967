"""Code in the image that its pipeline names, by a container engine of this machine: Docker, or what is used like it.

Without an engine that answers, code runs on the machine, as all code does whose pipeline names no image; that is said
once for each job.
"""

from __future__ import annotations

import os
import threading
import uuid
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from howdah.errors import HowdahError, Invalid
from howdah.wire.gen import work_pb2
from howdah.worker import engines, environment
from howdah.worker.engines import Engine
from howdah.worker.fence.limits import Limits
from howdah.worker.slot import Ended, Lines, Place, Slot

_REMEMBERED = 1000  # jobs
_FAILED, _KILLED = 125, 137  # exit codes: of an engine that could not start code, and of code that was ended by SIGKILL
_OWN = "/tmp:/tmp"  # noqa: S108 -- each run has its own
_BY_VALUE = frozenset({"HOME", "PATH", "TMPDIR"})  # the engine has its own
_ENGINES = ("DOCKER_", "CONTAINER", "_CONTAINERS_", "PODMAN_", "BUILDAH_", "STORAGE_", "REGISTRY_", "XDG_", "LD_")
_HUB = "docker.io"


@dataclass(slots=True)
class Known:
    """Whether an image is here, as far as is known; the lock is held by who fetches it."""

    is_here: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass(frozen=True, slots=True)
class Image:
    """One that code is to run in, as `user` if that is not empty."""

    engine: Engine
    name: str
    user: str
    label: str
    """What tells containers of this worker from those of others."""
    known: Known

    @property
    def full_name(self) -> str:
        """With the registry: Docker's where none is told, as everywhere with Docker and Kubernetes."""
        first, is_more, _ = self.name.partition("/")
        if is_more and (first == "localhost" or {".", ":"}.intersection(first)):
            return self.name
        return f"{_HUB}/{self.name}" if is_more else f"{_HUB}/library/{self.name}"

    def is_here(self) -> bool:
        """Whether the engine has it."""
        self.known.is_here = bool(self.engine.ask("image", "inspect", "--format", "{{.Id}}", self.name))
        return self.known.is_here


class Images:
    """Of the worker whose folder this is, for any thread; `wanted` is an engine's name, or what else `found` takes.

    Containers that an earlier worker of this folder has left are removed before there are others.
    """

    def __init__(self, folder: Path, environ: Mapping[str, str], wanted: str) -> None:
        self._label = f"howdah.worker={folder}"
        self._used = folder / "engine-used"
        self._environ = environ
        self._wanted = wanted
        self._lock = threading.Lock()
        self._engine: Engine | None = None
        self._without: deque[str] = deque(maxlen=_REMEMBERED)  # jobs
        self._known: defaultdict[str, Known] = defaultdict(Known)
        if self._used.exists():
            threading.Thread(target=self._clean, name="containers", daemon=True).start()

    def _clean(self) -> None:
        with self._lock, suppress(HowdahError, OSError):
            self._find()

    def _find(self) -> None:
        self._engine = engine = engines.found(self._wanted, self._environ)
        if engine is not None:
            left = engine.ask("ps", "--all", "--quiet", "--filter", f"label={self._label}")
            if left:
                engine.ask("rm", "--force", *left)
            self._used.touch()

    def of(self, task: work_pb2.Task, say: Callable[[str, str], None]) -> Image | None:
        """What a task's code runs in; None is this machine, which is told to `say` if an image was named.

        All code of a job runs in the same. `Invalid` where the engine that is to be used does not answer.
        """
        code = task.code
        if not code.image:
            return None
        with self._lock:
            if task.job.id in self._without:
                return None
            if self._engine is None:
                self._find()
            if self._engine is None:
                self._without.append(task.job.id)
                why = engines.missing(self._wanted)
                say("", f"image {code.image} is not used: {why}, and the code runs on this machine")
                return None
            known = self._known[code.image]
        if code.requirements:
            told = f"image {code.image} has packages of its own: put those of howdah.requirements into it"
            raise Invalid(told, kind="image")
        if code.user and self._engine.maps_users:
            told = "Podman that is not root's runs code as the store's user: leave it out, or run the store as root"
            raise Invalid(f"transform.user {code.user}: {told}", kind="image")
        return Image(self._engine, code.image, code.user, self._label, known)


class Contained(Slot):
    """A slot whose code runs in containers of one image, which see `/pfs` and `/tmp` of the run, and the network."""

    def __init__(self, place: Place, image: Image, running: AbstractContextManager[object] | None = None) -> None:
        self._image = image
        super().__init__(replace(place, folder=_beside(place.folder), plain=False), running)

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
        directory: str = "",
        files: Mapping[str, bytes] = MappingProxyType({}),
        limits: Limits,
        tell: Lines,
        turned: Callable[[], None] = lambda: None,
    ) -> Ended:
        """As `Slot.run`: the engine is what the slot runs.

        The image is fetched first where it is not there, which takes nothing of the code's time. Without a command or
        a directory it is the image's own.
        """
        options, own = _variables(environment)
        if (ended := self._pulled(folder, limits, tell)) is not None:
            return ended
        engine, name = self._image.engine, f"howdah-{uuid.uuid4().hex}"
        options += self._options(folder, limits)
        options += ["--workdir", directory] if directory else []
        options += ["--entrypoint", command[0]] if command else []
        try:
            ended = super().run(
                folder,
                [engine.path, "run", "--name", name, *options, self._image.name, *command[1:]],
                {**engine.environ, **own},
                files=files,
                limits=replace(limits, memory=0, processors=0),
                tell=tell,
                turned=turned,
            )
        finally:
            if ended is None or ended.how != "exited":  # of a client that was killed the container goes on
                engine.ask("rm", "--force", name)
        return self._meant(ended, limits)

    def _pulled(self, folder: str, limits: Limits, tell: Lines) -> Ended | None:
        """Have the image here; how it ended where it is not."""
        image = self._image
        if image.known.is_here or image.is_here():
            return None
        with image.known.lock:
            if image.is_here():  # another slot has fetched it
                return None
            tell([f"image {image.name} is not here yet: {image.full_name} is pulled"])
            free = replace(limits, memory=0, processors=0, disk=0, seconds=0.0)
            command = [image.engine.path, "pull", "--quiet", image.full_name]
            ended = super().run(folder, command, image.engine.environ, limits=free, tell=tell)
        if ended.how != "exited":
            return ended
        if ended.code == 0:
            return None
        return replace(ended, how="unable", why=f"image {image.name} could not be pulled: what is wrong is in the log")

    def _options(self, name: str, limits: Limits) -> list[str]:
        folder = self.place.folder / name
        user = os.geteuid() if self.place.user is None else self.place.user
        group = os.getegid() if self.place.user is None else self.place.user
        found = [
            *("--label", self._image.label, "--rm", "--interactive", "--network", "host"),
            *("--log-driver", "none", "--stop-signal", "KILL"),
            *("--security-opt", "no-new-privileges", "--security-opt", "label=disable"),
            *("--pids-limit", str(limits.processes), "--user", self._image.user or f"{user}:{group}"),
            *("--volume", f"{folder}/pfs:/pfs:ro", "--volume", f"{folder}/pfs/out:/pfs/out"),
            *("--volume", f"{folder}{_OWN}"),
        ]
        if self._image.engine.maps_users:
            found += ["--userns", "keep-id"]
        if limits.memory:
            found += ["--memory", str(limits.memory)]
        if limits.processors:
            found += ["--cpus", str(min(limits.processors, os.cpu_count() or 1))]  # Docker refuses more
        return found

    def _meant(self, ended: Ended, limits: Limits) -> Ended:
        """The same, with what the engine's exit codes mean."""
        if ended.how != "exited":
            return ended
        if ended.code == _FAILED:
            self._image.known.is_here = False  # as long as nobody has looked again
            return replace(ended, why=f"image {self._image.name} could not be run: what is wrong is in the log")
        if ended.code == _KILLED and limits.memory:
            why = f"as what uses more than {limits.memory} bytes of memory is: raise resource_limits.memory"
            return replace(ended, why=f"it was killed (exit code 137), {why}")
        return ended


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
