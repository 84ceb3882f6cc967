"""Media made on the spot, so that nothing is downloaded and everybody may have them."""

from __future__ import annotations

import math
import shutil
import subprocess
from datetime import datetime, timedelta
from pathlib import Path

import pytest


def _ffmpeg(*words: str) -> None:
    program = shutil.which("ffmpeg")
    if program is None:
        pytest.skip("FFmpeg is not installed: `python3 launch.py test` installs it or says how")
    subprocess.run([program, "-loglevel", "error", "-y", *words], check=True, timeout=120)


def sound(path: Path, seconds: int = 20) -> Path:
    """A siren; the format is by the file's name."""
    wail = f"aevalsrc=exprs='0.6*sin(2*PI*t*(300+40*sin(t)))*abs(sin(t))':duration={seconds}:sample_rate=22050"
    _ffmpeg("-f", "lavfi", "-i", wail, str(path))
    return path


def film(path: Path, seconds: int = 60) -> Path:
    """A test card with snow on it, which compresses so badly that no player reads the whole file ahead.

    The table of contents is at the end, where an encoder leaves it: a player has to jump there first.
    """
    card = f"testsrc2=size=320x240:rate=25:duration={seconds}"
    coding = ["-c:v", "libx264", "-preset", "ultrafast", "-b:v", "6M", "-g", "25", "-pix_fmt", "yuv420p"]
    _ffmpeg("-f", "lavfi", "-i", card, "-vf", "noise=alls=60:allf=t", *coding, str(path))
    return path


def series(path: Path, rows: int = 500) -> Path:
    """Readings of two sensors, ten a second, with a header."""
    start = datetime(2026, 1, 1, 12)
    lines = ["time,velocity,acceleration"]
    for row in range(rows):
        when = (start + timedelta(milliseconds=100 * row)).strftime("%Y-%m-%d %H:%M:%S.%f")
        lines.append(f"{when},{40 + 20 * math.sin(row / 30):.3f},{math.cos(row / 30):.3f}")
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def story(path: Path) -> Path:
    """A short text with people and places in it, not all in ASCII."""
    path.write_text("Ada met Grace in Zürich.\nThey spoke of 東京 and engines.\n", "utf-8")
    return path


def article(path: Path) -> Path:
    """A page with a heading and a picture that is not there, as saved from the Web."""
    path.write_text("<h1>News</h1><p>Ada met Grace in Zürich.</p><img src='gone.png' alt=''>", "utf-8")
    return path
