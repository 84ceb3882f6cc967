"""Runs the walkthrough's test, browser and all, on a machine without network whose resolver notes every question.

To be started in network and mount namespaces of its own (see `test_air_gap`), with a scratch folder as its argument.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

from tests.launch.offline import note_lookups, unroutable


def main(scratch: Path) -> int:
    """Run it and print what anybody asked for as one line of JSON at the end."""
    asked: list[str] = []
    note_lookups(asked, scratch)
    with contextlib.suppress(socket.gaierror):  # the recorder itself must work, or its silence would mean nothing
        socket.getaddrinfo("a-name-to-prove-it.example", 80)
    proof = list(asked)
    asked.clear()
    before = unroutable()
    words = ["-q", "-n0", "-p", "no:cacheprovider", f"--basetemp={scratch / 'tests'}"]
    walkthrough = Path(__file__).with_name("test_walkthrough.py")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "HOWDAH_"))}
    done = subprocess.run([sys.executable, "-m", "pytest", *words, str(walkthrough)], check=False, env=environ)
    print(json.dumps({"proof": proof, "asked": asked, "no_route": unroutable() - before}))
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
