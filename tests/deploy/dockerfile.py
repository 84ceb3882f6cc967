"""Reads a Dockerfile and carries out its steps in plain folders, where no container engine runs.

Only what our Dockerfile uses is understood; anything else is an error, so that a step is never passed over. A stage is
a folder that begins as a copy of the base; RUN changes root into it, with the stage's own environment and the
machine's package sources (as an engine's build arguments would bring them), and no other file of the machine.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_SOURCES = re.compile(
    r"(PIP_(INDEX|EXTRA_INDEX|CERT|DEFAULT_TIMEOUT)|UV_(DEFAULT_)?INDEX|SSL_CERT_FILE|https?_proxy)", re.I
)
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction: its word, its options, and the rest of it in one line."""

    word: str
    options: Mapping[str, str]
    rest: str


def parse(text: str) -> list[Step]:
    """The instructions in order, lines joined where a backslash says so, comments left out."""
    kept = "\n".join(line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))
    steps = []
    for line in kept.replace("\\\n", " ").splitlines():
        word, _, rest = line.partition(" ")
        options = {}
        while found := re.match(r"\s*--([a-z-]+)=(\S+)\s+", rest):
            options[found[1]] = found[2]
            rest = rest[found.end() :]
        steps.append(Step(word.upper(), options, " ".join(rest.split())))
    return steps


@dataclass(slots=True)
class Stage:
    """A root folder in the making, or made: an image."""

    root: Path
    environ: dict[str, str] = field(default_factory=lambda: {"PATH": _PATH})
    workdir: str = "/"
    user: str = "0:0"
    entrypoint: list[str] = field(default_factory=list)
    healthcheck: list[str] = field(default_factory=list)

    def inside(self, command: list[str], environ: Mapping[str, str], binds: Mapping[Path, str]) -> list[str]:
        """The command that runs `command` as process 1 in this root, seeing `binds` of the machine's files.

        A bind's place may end with `:ro`, as an engine's does.
        """
        mounts = "".join(_mount(machine, f"{self.root}{place}") for machine, place in binds.items())
        known = [f"{name}={value}" for name, value in {**self.environ, **environ}.items()]
        enter = ["chroot", f"--userspec={self.user}", str(self.root), "env", "-i", f"--chdir={self.workdir}", *known]
        engine = f"mount -t proc proc {self.root}/proc && mount -t tmpfs -o mode=1777 tmpfs {self.root}/dev/shm"
        script = f'{mounts}{engine} && exec "$@"'
        return ["unshare", "--mount", "--pid", "--fork", "sh", "-c", script, "sh", *enter, *command]


def _mount(machine: Path, told: str) -> str:
    place, _, mode = told.partition(":")
    return f"mount --bind {machine} {place} && " + (f"mount -o remount,bind,ro {place} && " if mode == "ro" else "")


class Builder:
    """Builds all stages of one Dockerfile below a folder; `base` is a root folder that stands for every FROM."""

    def __init__(self, context: Path, base: Path, folder: Path, cache: Path) -> None:
        self._context, self._base, self._folder, self._cache = context, base, folder, cache
        self._stages: list[Stage] = []
        self._names: dict[str, Stage] = {}

    def build(self, text: str) -> Stage:
        """The last stage, made."""
        for step in parse(text):
            getattr(self, f"_{step.word.lower()}")(step)
        return self._stages[-1]

    def _arg(self, step: Step) -> None:
        assert step.rest.startswith("PYTHON_IMAGE=python:3."), step

    def _from(self, step: Step) -> None:
        image, _, name = step.rest.partition(" AS ")
        assert image == "${PYTHON_IMAGE}", step
        root = self._folder / f"stage-{len(self._stages)}"
        subprocess.run(["cp", "-a", str(self._base), str(root)], check=True)
        self._stages.append(Stage(root))
        self._names[name] = self._stages[-1]

    def _workdir(self, step: Step) -> None:
        stage = self._stages[-1]
        stage.workdir = step.rest
        (stage.root / step.rest.lstrip("/")).mkdir(parents=True, exist_ok=True)

    def _copy(self, step: Step) -> None:
        *names, target = step.rest.split()
        stage = self._stages[-1]
        source = self._names[step.options["from"]].root if "from" in step.options else self._context
        into = stage.root / (Path(stage.workdir) / target).as_posix().lstrip("/")
        for name in names:
            found = source / name.lstrip("/")
            if "from" in step.options:
                subprocess.run(["cp", "-a", f"{found}/.", str(into)], check=True)
            elif found.is_dir():
                shutil.copytree(found, into, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(found, into / found.name if target.endswith("/") else into)

    def _run(self, step: Step) -> None:
        stage = self._stages[-1]
        sources = {name: value for name, value in os.environ.items() if _SOURCES.match(name)}
        sources["UV_CACHE_DIR"] = "/mnt"
        binds = {self._cache: "/mnt", Path("/etc/resolv.conf"): "/etc/resolv.conf", _CERTIFICATES: str(_CERTIFICATES)}
        command = stage.inside(["sh", "-c", step.rest], sources, binds)
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert done.returncode == 0, f"{step.rest}\n{done.stdout}{done.stderr}"

    def _env(self, step: Step) -> None:
        name, _, value = step.rest.partition("=")
        assert "$" not in value, step
        self._stages[-1].environ[name] = value

    def _user(self, step: Step) -> None:
        self._stages[-1].user = step.rest

    def _volume(self, step: Step) -> None:
        for place in json.loads(step.rest):
            assert (self._stages[-1].root / place.lstrip("/")).is_dir()

    def _expose(self, step: Step) -> None:
        assert step.rest.isdigit()

    def _healthcheck(self, step: Step) -> None:
        self._stages[-1].healthcheck = json.loads(step.rest.removeprefix("CMD "))

    def _entrypoint(self, step: Step) -> None:
        self._stages[-1].entrypoint = json.loads(step.rest)
