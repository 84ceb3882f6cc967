"""A bare Debian with Python, which stands for the image that the Dockerfile begins from."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_MIRROR = "http://deb.debian.org/debian"
_PACKAGES = "python3,python3-venv,ca-certificates"


def _make(base: Path, debootstrap: str) -> None:
    """Put the system into `base`, whole or not at all."""
    half = base.with_name(f"{base.name}.half")
    shutil.rmtree(half, ignore_errors=True)
    command = [debootstrap, "--variant=minbase", f"--include={_PACKAGES}", "bookworm", str(half), _MIRROR]
    made = subprocess.run(command, check=False, capture_output=True, text=True)
    assert made.returncode == 0, made.stdout[-3000:] + made.stderr
    for name in ("python", "python3"):  # as the image of Python has them
        (half / "usr/local/bin" / name).symlink_to("/usr/bin/python3")
    shutil.rmtree(half / "var/cache/apt/archives", ignore_errors=True)
    half.rename(base)


@pytest.fixture(scope="session")
def base() -> Path:
    """The root folder; kept from run to run, since making it takes most of a minute."""
    if sys.platform != "linux":
        pytest.skip("platform: containers are Linux's")
    if os.geteuid() != 0:
        pytest.skip("platform: only root can change root")
    debootstrap = shutil.which("debootstrap", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if debootstrap is None:
        pytest.skip("debootstrap is missing")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "howdah-tests"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        base = cache / "debian-bookworm-python-1"
        if not base.exists():
            _make(base, debootstrap)
    return base
