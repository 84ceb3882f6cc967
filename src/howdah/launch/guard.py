"""Runs a command so that it ends when the launcher dies, however it dies: `python -m howdah.launch.guard PID COMMAND…`.

On Linux the kernel is told to send SIGTERM to this process when its parent is gone, and the command takes this
process's place. Elsewhere this process stays, watches its parent, and passes signals on.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
from types import FrameType

_PR_SET_PDEATHSIG = 1
_LOOK_EVERY = 0.5
_GRACE = 10.0


def _ask_kernel() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")


def _watch(parent: int, command: list[str]) -> int:
    child = subprocess.Popen(command)  # noqa: S603
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(_LOOK_EVERY):
            if os.getppid() != parent:
                child.terminate()
                if not ended.wait(_GRACE):
                    child.kill()
                return

    def pass_on(number: int, _frame: FrameType | None) -> None:
        child.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, pass_on)
    threading.Thread(target=look, daemon=True).start()
    code = child.wait()
    ended.set()
    return code if code >= 0 else 128 - code


def main(argv: list[str]) -> int:
    """Run the command for as long as the process `argv[0]` is our parent."""
    parent, command = int(argv[0]), argv[1:]
    if sys.platform != "linux":
        return _watch(parent, command)
    _ask_kernel()
    if os.getppid() == parent:
        os.execv(command[0], command)  # noqa: S606
    return 1  # it died before the kernel was told


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
