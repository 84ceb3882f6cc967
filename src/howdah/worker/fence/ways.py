"""The two ways to run code: fenced, and, where the kernel does not allow that, plain.

A way forks the first process of a run, which then sees and may do what it is to; tells which processes are the run's;
and ends them. `slot` is where the runs' folders are, `shared` the file system of their shared memory.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress

from howdah.worker.fence import given, kernel, root

_SHM = "/dev/shm"  # noqa: S108


class Fenced:
    """In namespaces: the code has no way out, and when a run's first process ends, the kernel ends all others."""

    slot = "/.slot"
    shared = _SHM

    def __init__(self, view: root.View, user: int | None) -> None:
        self._view = view
        self._user = user
        self._own = os.open("/proc/self/ns/pid", os.O_RDONLY)
        self._memory: int | None = None
        kernel.lock_capabilities()

    def fork(self, memory: int) -> int:
        """As `os.fork`, into a namespace of processes, with an empty file system in memory of at most so many bytes."""
        self._clear(memory)
        kernel.setns(self._own, kernel.NEWPID)
        kernel.unshare(kernel.NEWPID)
        return os.fork()

    def _clear(self, memory: int) -> None:
        if self._memory is not None:
            found = os.statvfs(_SHM)
            if memory == self._memory and found.f_files - found.f_ffree <= 1:
                return
            kernel.detach(_SHM)
        options = "mode=1777" + (f",size={memory}" if memory else "")
        kernel.mount("tmpfs", _SHM, kernel.NOSUID | kernel.NODEV, options)
        self._memory = memory

    def settle(self, folder: str, files: Mapping[str, bytes]) -> None:
        """In the first process: see what the run is to see, these small files too."""
        self._view.show(folder)
        given.put(files, self._user)

    def drop(self) -> None:
        """In the first process: be the user, without any right."""
        if self._user is not None:
            os.setgroups([])
            os.setresgid(self._user, self._user, self._user)
            os.setresuid(self._user, self._user, self._user)
        kernel.empty_capabilities()
        kernel.hide()

    def members(self, first: int) -> Iterator[int]:
        """The run's processes without the first."""
        return (process for process in _processes() if process not in {first, os.getpid()})

    def kill(self, first: int) -> None:
        """Let the run end."""
        os.kill(first, signal.SIGKILL)

    def finish(self, first: int) -> None:
        """Wait until all of the run is gone."""
        os.waitpid(first, 0)  # not before all others of the namespace are

    def end(self) -> None:
        """Nothing: of a run nothing is left."""


class Plain:
    """As ordinary processes, which are looked for and killed at the end. Nothing keeps the code from anything.

    What a container engine's program has started `lingers` until the next run: first the engine is to put away what it
    keeps of it.
    """

    shared = ""

    def __init__(self, slot: str, *, lingers: bool = False) -> None:
        self.slot = slot
        self._lingers = lingers
        if sys.platform == "linux":
            kernel.adopt()

    def fork(self, memory: int) -> int:
        """As `os.fork`."""
        self.end()
        return os.fork()

    def settle(self, folder: str, files: Mapping[str, bytes]) -> None:
        """Nothing: whoever asks for the run has made `/pfs` lead to the folder."""

    def drop(self) -> None:
        """Nothing."""

    def members(self, first: int) -> Iterator[int]:
        """The run's processes without the first, where the system tells them."""
        return (process for process in _descendants() if process != first)

    def kill(self, first: int) -> None:
        """Let all end that can be found."""
        if not self._lingers:
            _kill(_descendants())
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(first, signal.SIGKILL)  # all that one can do where no system tells of descendants
        _kill([first])

    def finish(self, first: int) -> None:
        """End what is left of the run, and wait until it is gone."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(first, signal.SIGKILL)
        os.waitpid(first, 0)
        if not self._lingers:
            self.end()

    def end(self) -> None:
        """End what is left of all runs, and wait until it is gone."""
        with suppress(ChildProcessError):  # which says that there are none
            while True:
                os.waitpid(-1, os.WNOHANG)
                _kill(_descendants())
                os.waitpid(-1, 0)


Way = Fenced | Plain


def _processes() -> Iterator[int]:
    with suppress(OSError):
        yield from (int(name) for name in os.listdir("/proc") if name.isdecimal())


def _parents() -> dict[int, int]:
    found = {}
    for process in _processes():
        with suppress(OSError), open(f"/proc/{process}/stat", encoding="utf-8", errors="replace") as file:
            found[process] = int(file.read().rpartition(")")[2].split()[1])
    return found


def _descendants() -> list[int]:
    """The processes below this one, where the system tells."""
    parents = _parents()
    found = [os.getpid()]
    for process in found:  # grows meanwhile
        found += [child for child, parent in parents.items() if parent == process]
    return found[1:]


def _kill(processes: Iterable[int]) -> None:
    for process in processes:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(process, signal.SIGKILL)
