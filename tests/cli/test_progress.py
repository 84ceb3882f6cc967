"""The bar that a terminal shows while files move."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios
from pathlib import Path

import pytest

from tests.cli.conftest import HOWDAH, SECONDS, Howdah


def shown(*words: str) -> str:
    """What the command writes to a terminal that is its standard error."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
    with subprocess.Popen([HOWDAH, *words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=theirs) as done:
        os.close(theirs)
        text = b""
        try:
            while piece := os.read(ours, 1 << 16):
                text += piece
        except OSError:  # how a terminal ends whose other side was closed
            pass
        assert done.wait(SECONDS) == 0
    os.close(ours)
    return text.decode()


@pytest.mark.parametrize("words", [(":/", "-r"), (":/a",)])
def test_get_tells_how_much_is_done(howdah: Howdah, images: str, tmp_path: Path, words: tuple[str, ...]) -> None:
    howdah("put", "file", f"{images}@master:/a", stdin=bytes(3 << 20))
    text = shown("get", "file", f"{images}@master{words[0]}", *words[1:], "-o", str(tmp_path / "out"))
    assert "3.00M/3.00M" in text


def test_a_glob_s_size_is_not_known_beforehand(howdah: Howdah, images: str, tmp_path: Path) -> None:
    howdah("put", "file", f"{images}@master:/a.bin", stdin=bytes(3 << 20))
    assert "3.00M" in shown("get", "file", f"{images}@master:/*.bin", "-o", str(tmp_path / "out"))
