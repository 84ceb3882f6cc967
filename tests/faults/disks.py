"""Disks of a test's own: small ones, and ones that are made read-only and writable again."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


class Disk:
    """A mounted file system; `folder` is its root."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def leave(self, free: int) -> None:
        """Fill it up but for so many bytes."""
        self.clear()
        found = os.statvfs(self.folder)
        size = max(0, found.f_bavail * found.f_frsize - free)
        with self._ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(size, 1))

    def clear(self) -> None:
        """Take away what `leave` put there."""
        self._ballast.unlink(missing_ok=True)

    def be(self, way: str) -> None:
        """`ro` for read-only, `rw` for writable: as the system makes it when a disk fails."""
        subprocess.run(["mount", "-o", f"remount,{way}", self.folder], check=True)  # noqa: S603


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Disk]:
    """A disk at a folder, which is made; skips the test where nobody may mount."""
    if sys.platform != "linux":
        pytest.skip("platform: small disks in memory are Linux's")
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False).returncode:  # noqa: S603
        pytest.skip("mounting a small disk takes root")
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)  # noqa: S603
