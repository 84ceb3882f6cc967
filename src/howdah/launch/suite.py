"""Runs all checks and tests inside the installation: `python -m howdah.launch.suite ROOT [pytest arguments]`.

What the tests need from the system is installed where we may (Debian, as root) and named in one line where not. All
steps run even if one fails, so that one run tells everything; the exit code is 0 only if all are well.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from glob import glob
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Tool:
    """Something of the system's that tests use: how its presence is seen, and Debian's package of it."""

    name: str
    commands: tuple[str, ...]
    package: str


TOOLS = (
    Tool("Chromium", ("chromium", "chromium-browser", "google-chrome"), "chromium"),
    Tool("FFmpeg", ("ffmpeg",), "ffmpeg"),
    Tool("fontconfig with fonts", ("fc-list",), "fontconfig fonts-dejavu-core"),
    Tool("debootstrap", ("debootstrap", "/usr/sbin/debootstrap"), "debootstrap"),
    Tool("git", ("git",), "git"),
    Tool("PostgreSQL", ("initdb", "/usr/lib/postgresql/*/bin/initdb"), "postgresql"),
    Tool("nginx", ("nginx", "/usr/sbin/nginx"), "nginx-light"),
    Tool("Caddy", ("caddy",), "caddy"),
    Tool("iproute2", ("ip",), "iproute2"),
    Tool("unshare", ("unshare",), "util-linux"),
    Tool("setpriv", ("setpriv",), "util-linux"),
    Tool("Podman", ("podman",), "podman"),
    Tool("runc", ("runc",), "runc"),
)
LINUX_ONLY = {"debootstrap", "iproute2", "unshare", "setpriv", "Podman", "runc"}


def missing(find: Callable[[str], str | None], platform: str) -> list[Tool]:
    """The tools of which `find` knows no command."""
    wanted = [tool for tool in TOOLS if platform == "linux" or tool.name not in LINUX_ONLY]
    return [tool for tool in wanted if not any(find(command) for command in tool.commands)]


def find(command: str) -> str | None:
    """Where a command is; one with a `*` may lie in any folder that fits, the last of which is taken."""
    return max(glob(command), default=None) if "*" in command else shutil.which(command)


def advice(tools: list[Tool]) -> str:
    """One line that tells how to get the tools."""
    packages = " ".join(tool.package for tool in tools)
    names = ", ".join(tool.name for tool in tools)
    return f"Tests that need {names} will not run. On Debian or Ubuntu: sudo apt-get install {packages}"


def _provide_tools(environ: Mapping[str, str]) -> None:
    tools = missing(find, sys.platform)
    apt = shutil.which("apt-get")
    if tools and apt and os.geteuid() == 0:
        packages = [package for tool in tools for package in tool.package.split()]
        quiet = {**environ, "DEBIAN_FRONTEND": "noninteractive"}
        print(f"* Installing from the system's packages: {' '.join(packages)}", flush=True)
        for command in ([apt, "update", "-q"], [apt, "install", "-yq", "--no-install-recommends", *packages]):
            subprocess.run(command, env=quiet, check=False, stdout=subprocess.DEVNULL)  # noqa: S603
        tools = missing(find, sys.platform)
    if tools:
        print(f"* {advice(tools)}", flush=True)


def steps(scripts: Path, python: str, pytest_arguments: list[str]) -> list[tuple[str, list[str]]]:
    """Every step's name and command, in order; the quick ones first."""
    return [
        ("ruff check", [python, "-m", "ruff", "check", "."]),
        ("ruff format", [python, "-m", "ruff", "format", "--check", "."]),
        ("import contracts", [str(scripts / "lint-imports")]),
        ("mypy", [python, "-m", "mypy"]),
        # Files in our own order (tests/conftest.py): the slow ones must not be what is waited for at the end.
        (
            "pytest",
            [python, "-m", "pytest", "-n", "2", "--dist", "loadfile", "--no-loadscope-reorder", *pytest_arguments],
        ),
    ]


def _run(name: str, command: list[str], root: Path) -> bool:
    print(f"\n* {name}", flush=True)
    started = time.monotonic()
    code = subprocess.run(command, cwd=root, check=False).returncode  # noqa: S603
    told = "passed" if code == 0 else f"FAILED (exit code {code})"
    print(f"* {name}: {told} in {time.monotonic() - started:.0f} s", flush=True)
    return code == 0


def main(argv: list[str]) -> int:
    """Run everything; 1 if anything failed."""
    root = Path(argv[0])
    _provide_tools(os.environ)
    scripts = Path(sys.prefix) / "bin"
    failed = [name for name, command in steps(scripts, sys.executable, argv[1:]) if not _run(name, command, root)]
    print(f"\n* FAILED: {', '.join(failed)}" if failed else "\n* All passed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
