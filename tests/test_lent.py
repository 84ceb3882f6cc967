"""Memory that one process lends and another reads: the one that was named, or none."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from howdah.lent import HEAD, Borrowed, Lent, Name

READ = (
    "import sys; from howdah.lent import Borrowed, Name;"
    " name = Name(int(sys.argv[1]), int(sys.argv[2]), bytes.fromhex(sys.argv[3]));"
    " sys.stdout.buffer.write(Borrowed(name).read(int(sys.argv[4]), int(sys.argv[5])))"
)


def descriptors() -> list[str]:
    return [os.readlink(f"/proc/self/fd/{one}") for one in os.listdir("/proc/self/fd") if one.isdigit() and _open(one)]


def _open(descriptor: str) -> bool:
    return os.path.lexists(f"/proc/self/fd/{descriptor}")


def test_another_process_reads_what_stands_there_now() -> None:
    lent = Lent(9000)
    for content in (b"first", b"after"):
        lent.view[HEAD + 4000 : HEAD + 4005] = content
        line = [sys.executable, "-c", READ, *map(str, lent.name[:2]), lent.name.proof.hex()]
        done = subprocess.run([*line, str(HEAD + 3999), "7"], capture_output=True, check=True)
        assert done.stdout == b"\0" + content + b"\0"


def test_a_copy_is_read_and_no_more_than_there_is() -> None:
    lent = Lent(10)
    borrowed = Borrowed(lent.name)
    lent.view[HEAD : HEAD + 3] = b"abc"
    read = borrowed.read(HEAD, 99)
    lent.view[HEAD : HEAD + 3] = b"xyz"
    assert read == b"abc" + bytes(7)
    assert borrowed.read(HEAD + 10, 5) == b""


OTHERS: dict[str, Callable[[Name], Name]] = {
    "proof": lambda name: name._replace(proof=bytes(32)),
    "no proof": lambda name: name._replace(proof=b""),
    "part of the proof": lambda name: name._replace(proof=name.proof[:31]),
    "descriptor": lambda name: name._replace(descriptor=1 << 20),
    "process": lambda name: name._replace(process=(1 << 32) - 1),
}


@pytest.mark.parametrize("other", OTHERS)
def test_what_was_not_named_is_not_read(other: str) -> None:
    lent = Lent(10)
    with pytest.raises(OSError):  # noqa: PT011 -- whatever the system says
        Borrowed(OTHERS[other](lent.name))


def test_files_and_pipes_are_no_memory_and_are_not_opened(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(HEAD))
    os.mkfifo(tmp_path / "pipe")  # to open it would wait for who writes
    for name in ("file", "pipe"):
        descriptor = os.open(tmp_path / name, os.O_RDWR)
        try:
            with pytest.raises(FileNotFoundError, match="no memory that is lent"):
                Borrowed(Name(os.getpid(), descriptor, bytes(32)))
        finally:
            os.close(descriptor)


def test_nothing_is_left_open() -> None:
    lent = Lent(10)
    Borrowed(lent.name).read(0, 1)
    with pytest.raises(FileNotFoundError):
        Borrowed(lent.name._replace(proof=bytes(32)))
    del lent
    gc.collect()
    assert not [link for link in descriptors() if "memfd:howdah" in link]


def test_a_system_without_such_memory_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "memfd_create")
    with pytest.raises(OSError, match="cannot be lent"):
        Lent(10)
