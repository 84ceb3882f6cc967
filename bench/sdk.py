"""Pachyderm's own client as it is, on our server: whose processor time it takes.

`python -m bench.sdk` (or `just bench sdk`), with the extra `test`. No server can make the client faster; what is asked
of ours is that it is not what one waits for. Beside it stands a server that does nothing: less than that no store in
Python takes.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs

from bench.measure import ROOT, Aim, at_most, grid, machine, parser, publish, scratch, told
from bench.watched import Watched, cpu

_DATA = b"0123456789" * 1000
_PUT = at_most(0.33)


def _seen(process: int, action: Callable[[], object]) -> tuple[float, float, float]:
    """Seconds by the clock, and of the client's and the server's processor."""
    mine, theirs, started = time.process_time(), cpu(process), time.perf_counter()
    action()
    return time.perf_counter() - started, time.process_time() - mine, cpu(process) - theirs


def _idle(count: int) -> tuple[float, float, float]:
    """As `_seen`, of puts to a server that does nothing."""
    process = subprocess.Popen([sys.executable, "-m", "bench.idle"], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        client: Any = Client(host="127.0.0.1", port=int(process.stdout.readline()))
        commit = pfs.Commit(repo=pfs.Repo(name="sdk", type="user"), id="0" * 32)

        def put() -> None:
            for number in range(count):
                client.pfs.put_file_from_bytes(commit=commit, path=f"/{number:06d}", data=_DATA)

        return _seen(process.pid, put)
    finally:
        process.kill()
        process.communicate()


def _actions(client: Any, count: int) -> dict[str, tuple[Callable[[], object], Aim | None]]:
    repo = pfs.Repo(name="sdk", type="user")
    client.pfs.create_repo(repo=repo)
    one, many = (pfs.Branch(repo=repo, name=name) for name in ("one", "many"))
    head = pfs.Commit(repo=repo, branch=many)

    def in_one() -> None:
        with client.pfs.commit(branch=one) as commit:
            for number in range(count):
                commit.put_file_from_bytes(path=f"/{number:06d}", data=_DATA)

    def in_many() -> None:
        for number in range(count):
            client.pfs.put_file_from_bytes(commit=head, path=f"/{number:06d}", data=_DATA)

    def read() -> None:
        for number in range(count):
            with client.pfs.pfs_file(pfs.File(commit=head, path=f"/{number:06d}")) as file:
                assert file.read() == _DATA

    return {
        "put_file_from_bytes, all in one commit": (in_one, _PUT),
        "put_file_from_bytes, a commit each": (in_many, _PUT),
        "list_file": (lambda: [*client.pfs.list_file(file=pfs.File(commit=head, path="/"))], None),
        "pfs_file, one after the other": (read, None),
    }


def run(count: int, folder: Path) -> str:
    """The section `sdk`, measured in this folder."""
    where = machine(folder)
    found: list[tuple[str, tuple[float, float, float], Aim | None]] = []
    server = Watched(folder / "data")
    with server:
        for what, (action, aim) in _actions(Client(host="127.0.0.1", port=server.port), count).items():
            found.append((what, _seen(server.process.pid, action), aim))
    found.append(("put_file_from_bytes, to a server that does nothing", _idle(count), None))
    cells = []
    for what, (seconds, mine, theirs), aim in found:
        each = (told(part / count) for part in (seconds, mine, theirs))
        cells.append([what, *each, f"{theirs / mine:.2f}", aim.judge(theirs / mine) if aim else ""])
    heads = ["", "time", "processor: client", "server", "server's beside client's", "aim"]
    return "\n".join(
        [
            "## Pachyderm's client",
            f"On {where}.",
            f"pachyderm-sdk as it is published, {count:,} files of 10 KB; figures are for one file.",
            "",
            grid(heads, cells),
        ]
    )


def main() -> None:
    """Measure, and write the section `sdk`."""
    chosen = parser("sdk", __doc__).parse_args()
    with scratch(chosen.folder) as folder:
        text = run(5000 if chosen.full else 1000, folder)
    publish("sdk", text)
    print(text)


if __name__ == "__main__":
    main()
