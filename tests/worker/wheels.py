"""A wheel that needs no network."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

_INFO = "howdah_example-1.0.dist-info"


def make(folder: Path) -> None:
    """A folder with one wheel, whose package says hello."""
    folder.mkdir()
    with zipfile.ZipFile(folder / "howdah_example-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("howdah_example.py", "GREETING = 'hello'\n")
        wheel.writestr(f"{_INFO}/METADATA", "Metadata-Version: 2.1\nName: howdah-example\nVersion: 1.0\n")
        wheel.writestr(
            f"{_INFO}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{_INFO}/RECORD", "")


def environ(home: Path, wheels: Path) -> dict[str, str]:
    """The environment in which uv takes wheels from a folder alone."""
    kept = {"HOME": str(home), "PATH": os.environ["PATH"], "UV_CACHE_DIR": str(home / "uv")}
    return {**kept, "UV_OFFLINE": "1", "UV_NO_INDEX": "1", "UV_FIND_LINKS": str(wheels)}
