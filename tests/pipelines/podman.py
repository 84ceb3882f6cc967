"""Podman with folders and settings of its own: it sees no image of the machine's, and reaches no registry.

Images are made of the machine's own programs, so that no network is needed.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Mapping
from glob import glob
from pathlib import Path, PurePosixPath

_TOOLS = ("sh", "cat", "sleep", "touch", "basename", "head", "tail", "id", "mkdir", "chmod")
# Limits as low as anybody may set; without `runc` it would take a machine whose groups of processes are of one kind.
_SETTINGS = """
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "none"
lock_type = "file"
tmp_dir = "{0}/run"
volume_path = "{0}/volumes"
"""
_STORAGE = '[storage]\ndriver = "vfs"\ngraphroot = "{0}/images"\nrunroot = "{0}/run"\n'
_REGISTRIES = '[[registry]]\nprefix = "docker.io"\nlocation = "docker.io"\nblocked = true\n'
_PROGRAM = """#!/bin/sh
printf '%s\\n' "$*" >> {0}/asked
export CONTAINERS_CONF={0}/settings CONTAINERS_STORAGE_CONF={0}/storage CONTAINERS_REGISTRIES_CONF={0}/registries
exec {1} "$@"
"""
_LOADED = """
import json, pathlib, sys
import grpc
grpc.insecure_channel("localhost:1").unary_unary("/of/loading")
found = [getattr(module, name, None) for module in sys.modules.values() for name in ("__file__", "__cached__")]
print(json.dumps([path for path in found if path]))
"""

PYTHON = os.path.realpath(sys.executable)
PACKAGES = "ENV PYTHONPATH=/packages"


class Podman:
    """The program `podman` in `programs`, which keeps all in the folder and notes each of its command lines."""

    def __init__(self, folder: Path) -> None:
        real = shutil.which("podman")
        self._asked = folder / "asked"
        self.programs = folder / "programs"
        self.programs.mkdir(parents=True)
        self._program = self.programs / "podman"
        self._program.write_text(_PROGRAM.format(folder, real))
        self._program.chmod(0o755)
        for name, text in (("settings", _SETTINGS), ("storage", _STORAGE), ("registries", _REGISTRIES)):
            (folder / name).write_text(text.format(folder))

    @property
    def asked(self) -> list[str]:
        """Its command lines so far."""
        return self._asked.read_text().splitlines()

    @property
    def running(self) -> list[str]:
        """The containers that there are, whatever their state."""
        return self.ask("ps", "--all", "--quiet").split()

    def ask(self, *words: str) -> str:
        """What it prints."""
        return subprocess.run([self._program, *words], check=True, stdout=subprocess.PIPE, text=True).stdout

    def make(self, name: str, files: Mapping[str, str], *changes: str) -> None:
        """An image of files of this machine, by their places in it, and their libraries."""
        told = [word for change in changes for word in ("--change", change)]
        command = [str(self._program), "import", "--quiet", *told, "-", name]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
            assert process.stdin is not None
            with tarfile.open(fileobj=process.stdin, mode="w|", dereference=True) as tar:
                _fill(tar, {**{path: path for path in _libraries(files.values())}, **files})
        assert process.returncode == 0

    def close(self) -> None:
        """Let nothing be left but the files."""
        self.ask("rm", "--all", "--force", "--time", "0")


def tools() -> dict[str, str]:
    """A shell and what scripts use, as in any image."""
    return {f"/bin/{name}": path for name in _TOOLS if (path := shutil.which(name))}


def python() -> dict[str, str]:
    """`PYTHON` with gRPC, which it finds by `PACKAGES`; what lies in `/tmp` of this machine is elsewhere."""
    told = subprocess.run([sys.executable, "-c", _LOADED], check=True, stdout=subprocess.PIPE, text=True)
    found = {path for path in json.loads(told.stdout) if os.path.exists(path)}
    for path in [path for path in found if path.endswith("/__init__.py")]:
        found.update(glob(f"{path.removesuffix('__init__.py')}*.py"))  # of some, Python has another copy inside
    return {PYTHON: PYTHON, **{re.sub(r"^.*/(site|dist)-packages/", "/packages/", path): path for path in found}}


def _libraries(files: Iterable[str]) -> set[str]:
    programs = [path for path in files if ".so" in path or os.access(path, os.X_OK)]
    told = subprocess.run(["ldd", *programs], check=False, capture_output=True, text=True).stdout
    return {os.path.normpath(path) for path in re.findall(r"(?:=> |^\s+)(/\S+) \(0x", told, re.MULTILINE)}


def _fill(tar: tarfile.TarFile, files: Mapping[str, str]) -> None:
    folders = {str(above) for path in files for above in PurePosixPath(path).parents}
    for path in [*sorted(folders), *files]:
        made = tarfile.TarInfo(path.strip("/") or ".")
        made.mode = 0o755
        if path in folders:
            made.type = tarfile.DIRTYPE
            tar.addfile(made)
            continue
        made.size = os.path.getsize(files[path])
        with open(files[path], "rb") as content:
            tar.addfile(made, content)
