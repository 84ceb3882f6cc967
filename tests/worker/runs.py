"""Runs of small scripts in a slot, asked for by values: in this process, or in one of a user without any right."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from howdah.worker import layout
from howdah.worker.fence.limits import Limits
from howdah.worker.slot import Ended, Place, Slot

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_NUMBERS = count()


@dataclass(frozen=True)
class Ran:
    """What came of a script: how it ended, what it printed and what it left in `/pfs/out`."""

    how: str
    why: str
    code: int
    lines: list[str]
    out: dict[str, str] = field(default_factory=dict)


def run(
    slot: Slot,
    command: list[str],
    *,
    inputs: Mapping[str, str] | None = None,
    stdin: list[str] | None = None,
    environment: Mapping[str, str] | None = None,
    directory: str = "/",
    files: Mapping[str, str] | None = None,
    **limits: Any,
) -> Ran:
    """Have the command run with files below `/pfs`; a minute is the most that anything may take."""
    name = f"run-{next(_NUMBERS)}"
    folder = slot.place.folder / name
    layout.make(folder, slot.place.user)
    try:
        layout.give(folder, stdin or [])
        for path, text in (inputs or {}).items():
            first, _, rest = path.strip("/").partition("/")
            layout.open_file(layout.inside(folder, first, rest), text)
        lines: list[str] = []
        ended: Ended = slot.run(
            name,
            command,
            {"PATH": PATH} if environment is None else environment,
            directory=directory,
            files={path: text.encode() for path, text in (files or {}).items()},
            limits=Limits(**{"seconds": 60, "reserve": 1 << 20, **limits}),
            tell=lines.extend,
        )
        out = folder / "pfs/out"
        left = {str(path.relative_to(out)): path.read_text() for path in sorted(out.rglob("*")) if path.is_file()}
        return Ran(ended.how, ended.why, ended.code, lines, left)
    finally:
        layout.remove(folder)


def main() -> None:
    """Have a slot in the folder that is named; runs come and go as lines of JSON."""
    data = Path(sys.argv[1])
    with Slot(Place(data / "slot", covered=(data,))) as slot:
        for line in sys.stdin:
            order = json.loads(line)
            print(json.dumps(asdict(run(slot, order.pop("command"), **order))), flush=True)


if __name__ == "__main__":
    main()
