"""Pachyderm's own client as it is, on our server: whose processor time it takes.

`python -m bench.sdk` (or `just bench sdk`), with the extra `test`. No server can make the client faster; what is asked
of ours is that it is not what one waits for.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs

from bench.measure import Aim, at_most, grid, machine, parser, publish, scratch, told
from bench.watched import Watched

_DATA = b"0123456789" * 1000
_PUT = at_most(0.33)


def _seen(server: Watched, action: Callable[[], object]) -> tuple[float, float, float]:
    """Seconds by the clock, and of the client's and the server's processor."""
    mine, theirs, started = time.process_time(), server.cpu(), time.perf_counter()
    action()
    return time.perf_counter() - started, time.process_time() - mine, server.cpu() - theirs


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
    cells = []
    server = Watched(folder / "data")
    with server:
        for what, (action, aim) in _actions(Client(host="127.0.0.1", port=server.port), count).items():
            seconds, mine, theirs = _seen(server, action)
            ratio = theirs / mine
            each = (told(part / count) for part in (seconds, mine, theirs))
            cells.append([what, *each, f"{ratio:.2f}", aim.judge(ratio) if aim else ""])
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
