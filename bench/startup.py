"""How long one waits at the start: from nothing to the login page, later, and in Cloudera AI.

`python -m bench.startup` (or `just bench startup`) with the extra `test`, and with uv on the path. Packages
come from uv's cache, which the first, uncounted installation fills: what is compared is the work, not the network. The
peer is Label Studio alone, as its own documents install and start it.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import urlopen

from bench.measure import ROOT, Row, Sample, Side, alternate, command, machine, publish, table
from howdah.launch import environment, ports

_LIMIT = 900.0
_LOOK_EVERY = 0.02
_ENGINE = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from IPython.core.interactiveshell import InteractiveShell
InteractiveShell.instance().run_cell(open({script!r}).read())
"""


@dataclass
class Ground:
    """Where one run works: each first start gets a new folder, and the last of each kind serves the later starts."""

    folder: Path
    last: dict[str, Path] = field(default_factory=dict)
    count: int = 0

    def new(self, kind: str) -> Path:
        """A folder that nothing was in."""
        self.count += 1
        self.last[kind] = self.folder / f"{kind}-{self.count}"
        self.last[kind].mkdir()
        return self.last[kind]


def _environ(folder: Path, **more: str) -> dict[str, str]:
    """An empty home, and the machine's sources and cache of packages."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    cache = os.environ.get("UV_CACHE_DIR") or str(Path.home() / ".cache" / "uv")
    return {**environment.clean(os.environ), "HOME": str(home), "UV_CACHE_DIR": cache, **more}


def _until_login(words: list[str], port: int, environ: dict[str, str], cwd: Path, stop: int = signal.SIGTERM) -> Sample:
    """From the command to its login page; then it is told to end, and its processor time counts to its end."""
    started = time.perf_counter()
    with (cwd / "printed.txt").open("wb") as printed:
        process = subprocess.Popen(
            words, env=environ, cwd=cwd, stdin=subprocess.DEVNULL, stdout=printed, stderr=subprocess.STDOUT
        )
    while not _answers(port):
        ended = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if ended or time.perf_counter() > started + _LIMIT:
            raise RuntimeError(f"{shlex.join(words)} leads to no login page:\n{(cwd / 'printed.txt').read_text()}")
        time.sleep(_LOOK_EVERY)
    seconds = time.perf_counter() - started
    process.send_signal(stop)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return Sample(seconds, used.ru_utime + used.ru_stime)


def _answers(port: int) -> bool:
    with suppress(OSError), urlopen(f"http://127.0.0.1:{port}/user/login/", timeout=30) as answer:
        return bool(answer.status == 200)
    return False


def _clone(folder: Path) -> Path:
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder / "howdah")], check=True)
    return folder / "howdah"


class Laptop:
    """`python3 launch.py` in a clone."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def first(self) -> Sample:
        """Nothing is there but the clone."""
        folder = self._ground.new("laptop")
        _clone(folder)
        return self.later()

    def later(self) -> Sample:
        """Everything is there."""
        folder = self._ground.last["laptop"]
        port = ports.any_free("127.0.0.1")
        words = [sys.executable, "howdah/launch.py", "--no-browser", "--data", "data", "--port", str(port)]
        return _until_login(words, port, _environ(folder), folder)


class Cloudera:
    """A project's tasks in an engine like Cloudera AI's: a session that installs, then the application."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def first(self) -> Sample:
        """Both tasks, one after the other."""
        _clone(self._ground.new("cloudera"))
        return self._run("deploy/cloudera_install.py", "launch.py")

    def later(self) -> Sample:
        """The application alone."""
        return self._run("launch.py")

    def _run(self, *scripts: str) -> Sample:
        folder = self._ground.last["cloudera"]
        port = ports.any_free("127.0.0.1")
        told = {"CDSW_APP_PORT": str(port), "CDSW_ENGINE_ID": "e1", "CDSW_DOMAIN": "cml.example.com", "PIP_USER": "1"}
        engines = [shlex.join([sys.executable, "-c", _ENGINE.format(script=script)]) for script in scripts]
        words = ["sh", "-c", " && ".join([*engines[:-1], f"exec {engines[-1]}"])]
        return _until_login(words, port, _environ(folder, **told), folder / "howdah", signal.SIGINT)


class Peer:
    """Label Studio alone, of the same version: a new environment, `uv pip install`, `label-studio start`."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def first(self) -> Sample:
        """Installing, its migrations, and its start."""
        self._ground.new("peer")
        making = ["uv", "venv", "--quiet", "--python", sys.executable, "venv"]
        constraints = ["-c", str(ROOT / "constraints.txt"), "-b", str(ROOT / "constraints.txt")]
        installing = ["uv", "pip", "install", "--quiet", "--python", "venv", *constraints, "label-studio"]
        return self._run(making, installing)

    def later(self) -> Sample:
        """Its start."""
        return self._run()

    def _run(self, *before: list[str]) -> Sample:
        folder = self._ground.last["peer"]
        port = ports.any_free("127.0.0.1")
        start = [
            "venv/bin/label-studio",
            "start",
            "--no-browser",
            "--port",
            str(port),
            "--data-dir",
            str(folder / "data"),
        ]
        (folder / "data").mkdir(exist_ok=True)
        words = ["sh", "-c", " && ".join([*map(shlex.join, before), f"exec {shlex.join(start)}"])]
        return _until_login(words, port, _environ(folder, COLLECT_ANALYTICS="false"), folder)


def starts(ground: Ground, rounds: int) -> list[Row]:
    """First and later starts, ours and the peer's in turns."""
    laptop, cloudera, peer = Laptop(ground), Cloudera(ground), Peer(ground)
    sides: dict[str, Laptop | Cloudera | Peer] = {"laptop": laptop, "cloudera": cloudera, "peer": peer}
    command(["uv", "pip", "install", "--dry-run", "--python", sys.executable, "label-studio"])  # uv is there and works
    peer.first()
    first = alternate([Side(name, side.first) for name, side in sides.items()], rounds)
    later = alternate([Side(name, side.later) for name, side in sides.items()], rounds + 2, warm=True)
    rows = []
    for what, name in (("`python3 launch.py`", "laptop"), ("Cloudera AI", "cloudera")):
        rows.append(Row(f"{what}, first: install to login page", first[name], first["peer"]))
        rows.append(Row(f"{what}, later", later[name], later["peer"]))
    return rows


def main() -> None:
    """Measure all and put it into the document."""
    parser = argparse.ArgumentParser(prog="bench.startup", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="of the first starts; each takes three minutes")
    parser.add_argument("--folder", type=Path, help="where to work (default: a new one in the system's scratch folder)")
    options = parser.parse_args()
    scratch = Path(tempfile.mkdtemp(prefix="howdah-bench-", dir=options.folder))
    ground = Ground(scratch)
    text = "\n".join(
        [
            "## Starting",
            f"On {machine(scratch)}.",
            f"Medians of {options.rounds} first and {options.rounds + 2} later starts, taken in turns.",
            "Packages come from a local cache; the peer is Label Studio of the same version, which uv installs into an",
            "environment of its own.",
            "",
            table([_named(row) for row in starts(ground, options.rounds)]),
        ]
    )
    publish("startup", text)
    print(text)
    shutil.rmtree(scratch)


def _named(row: Row) -> Row:
    return Row(row.what, row.ours, type(row.peer)("Label Studio alone", row.peer.samples))


if __name__ == "__main__":
    main()
