"""Installs from a bundle on a machine without network, and runs the walkthrough's test on that, browser and all.

To be started in network and mount namespaces of its own (see `test_air_gap`). Its arguments are a scratch folder, in
which the bundle's source lies as `howdah`, and the bundle. The resolver there notes every question.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

from howdah.testing.launched import Launched, get
from tests.launch.offline import note_lookups, unroutable

_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"  # no other Python's programs, no uv


def _install(scratch: Path, bundle: str) -> None:
    """The documented command: it installs, starts, and leads to the login page."""
    command = (str(Path(sys.executable).resolve()), str(scratch / "howdah/launch.py"), "--bundle", bundle)
    with Launched(scratch / "data", "--port", "0", environ={"PATH": _PATH}, command=command) as launched:
        assert get(f"{launched.url}/user/login/").status == 200
        assert f"from {bundle}" in launched.printed
        assert "Preparing" not in launched.printed
        assert launched.stop() == 0


def _walk(scratch: Path) -> int:
    """The walkthrough, on what is installed now; pytest's exit code."""
    words = ["-q", "-n0", "-p", "no:cacheprovider", f"--basetemp={scratch / 'tests'}"]
    walkthrough = Path(__file__).with_name("test_walkthrough.py")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "HOWDAH_"))}
    environ |= {"PATH": _PATH, "HOWDAH_INSTALLED_IN": str(scratch / "howdah")}
    command = [sys.executable, "-m", "pytest", *words, str(walkthrough)]
    return subprocess.run(command, check=False, env=environ).returncode


def main(scratch: Path, bundle: str) -> int:
    """Do it and print what anybody asked for as one line of JSON at the end."""
    asked: list[str] = []
    note_lookups(asked, scratch)
    with contextlib.suppress(socket.gaierror):  # the recorder itself must work, or its silence would mean nothing
        socket.getaddrinfo("a-name-to-prove-it.example", 80)
    proof = list(asked)
    asked.clear()
    before = unroutable()
    _install(scratch, bundle)
    code = _walk(scratch)
    print(json.dumps({"proof": proof, "asked": asked, "no_route": unroutable() - before}))
    return code


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
