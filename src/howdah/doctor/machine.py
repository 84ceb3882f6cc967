"""The machine: Python, and what pipelines and mounts would like to have."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from howdah.doctor.finding import Finding, good, warning

_LIMIT = 10.0  # seconds for a program that is asked something


def examine() -> Iterator[Finding]:
    """Every check of the machine, in order."""
    yield python(sys.version_info[:3], sys.platform)
    yield engine(shutil.which, _answers)
    yield namespaces(sys.platform, shutil.which, _answers)
    yield fuse(sys.platform, Path("/dev/fuse"))


def python(version: tuple[int, int, int], platform: str) -> Finding:
    """Whether this Python and system are among those that the suite runs on."""
    told = f"Python {'.'.join(map(str, version))} on {platform}"
    if version[:2] > (3, 13):
        return warning("python", f"{told}: newer than what is tested", "use Python 3.10 to 3.13")
    if platform not in {"linux", "darwin"}:
        return warning("python", f"{told}: not a tested system", "use Linux or macOS")
    return good("python", told)


def engine(find: Callable[[str], str | None], answers: Callable[[list[str]], bool]) -> Finding:
    """Whether a container engine is here and running."""
    found = [name for name in ("docker", "podman") if find(name)]
    for name in found:
        if answers([name, "info"]):
            return good("container engine", f"{name} answers")
    if found:
        told = f"{found[0]} is installed, but its engine does not answer"
        return warning("container engine", told, f"start it, or do without: only images need it ({found[0]} info)")
    return warning(
        "container engine", "none is installed", "install Docker or Podman, or do without: only images need it"
    )


def namespaces(platform: str, find: Callable[[str], str | None], answers: Callable[[list[str]], bool]) -> Finding:
    """Whether a process may get a view of the file system of its own."""
    if platform != "linux":
        return warning("namespaces", f"{platform} has none", "use Linux where code is to run fenced in")
    if not find("unshare"):
        return warning("namespaces", "cannot be tried: unshare is not installed", "install the package util-linux")
    command = (
        ["unshare", "--mount", "true"]
        if os.geteuid() == 0
        else ["unshare", "--user", "--map-root-user", "--mount", "true"]
    )
    if answers(command):
        return good("namespaces", "a process can be fenced in")
    remedy = "allow unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone=1), or run as root"
    return warning("namespaces", "are refused", remedy)


def fuse(platform: str, device: Path) -> Finding:
    """Whether file systems can be mounted without being root."""
    if platform == "linux" and device.exists():
        return good("fuse", f"{device} is there")
    return warning("fuse", "is not there", "nothing needs it: use `howdah get file` instead of a mount")


def _answers(command: list[str]) -> bool:
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_LIMIT, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
