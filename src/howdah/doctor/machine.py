"""The machine: Python, and what pipelines and mounts would like to have."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from howdah.doctor.finding import Finding, good, warning
from howdah.errors import HowdahError
from howdah.settings import ENGINE
from howdah.worker import engines, trial
from howdah.worker.refusals import Refused

_ENGINE = "container engine"
_LIMIT = 10.0  # seconds for a program that is asked something


def examine(wanted: str) -> Iterator[Finding]:
    """Every check of the machine, in order; `wanted` is the container engine that a store here would be told to use."""
    yield python(sys.version_info[:3], sys.platform)
    yield engine(wanted, shutil.which, _answers)
    yield fence(sys.platform, trial.fence)
    yield fuse(sys.platform, Path("/dev/fuse"))


def python(version: tuple[int, int, int], platform: str) -> Finding:
    """Whether this Python and system are among those that the suite runs on."""
    told = f"Python {'.'.join(map(str, version))} on {platform}"
    if version[:2] > (3, 13):
        return warning("python", f"{told}: newer than what is tested", "use Python 3.10 to 3.13")
    if platform not in {"linux", "darwin"}:
        return warning("python", f"{told}: not a tested system", "use Linux or macOS")
    return good("python", told)


def engine(wanted: str, find: Callable[[str], str | None], answers: Callable[[list[str]], bool]) -> Finding:
    """What code runs in whose pipeline names an image: a container engine that is here and answers, or nothing."""
    if wanted == engines.NONE:
        return good(_ENGINE, f"none is to be used ({ENGINE.name}): code whose pipeline names an image runs without")
    found = [name for name in engines.named(wanted) if find(name)]
    for name in found:
        if answers([name, "info"]):
            return good(_ENGINE, f"{name} answers: code whose pipeline names an image runs in it")
    if found:
        told = f"{found[0]} is installed, but its engine does not answer"
        return warning(_ENGINE, told, f"start it, or do without: only images need it ({found[0]} info)")
    names = " or ".join(engines.named(wanted))
    return warning(_ENGINE, f"no {names} is installed", f"install {names}, or do without: only images need it")


def fence(platform: str, attempt: Callable[[], None]) -> Finding:
    """Whether code of pipelines can be kept from all but its own; `attempt` does it, and raises `Refused`."""
    if platform != "linux":
        return warning("fence", f"{platform} has none", "use Linux where code of others is to run, or --unfenced")
    try:
        attempt()
    except Refused as refused:
        return warning("fence", f"code of pipelines cannot be fenced in: {refused.told}", refused.remedy)
    except HowdahError as error:
        return warning("fence", error.message, "see what it printed, above")
    return good("fence", "code of pipelines is fenced in")


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
