"""What the command line takes to start, beside what loading its one library takes: that of nothing but its words.

`python -m bench.cli` (or `just bench cli`) takes half a minute.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from bench.measure import Row, Side, alternate, at_most, command, machine, publish, scratch, table
from howdah.testing.servers import StoreServer

_WORDS = {"`howdah --help`": (["--help"], at_most(2)), "`howdah version`, one call": (["version"], at_most(4))}
_BESIDE = "`python3 -c 'import click'`"


def rows(folder: Path, rounds: int) -> list[Row]:
    """The commands beside the library, each with its aim."""
    howdah = Path(sys.executable).with_name("howdah")
    with StoreServer(folder / "data") as server:
        environ = {**os.environ, "HOME": str(folder), "HOWDAH_ADDRESS": server.address, "PACH_CONFIG": ""}

        def side(name: str, words: list[str | Path]) -> Side:
            return Side(name, lambda: command(words, environ=environ))

        sides = [side(name, [howdah, *words]) for name, (words, _) in _WORDS.items()]
        found = alternate([*sides, side(_BESIDE, [sys.executable, "-c", "import click"])], rounds, warm=True)
    return [Row(name, found[name], found[_BESIDE], aim) for name, (_, aim) in _WORDS.items()]


def run(folder: Path, rounds: int) -> str:
    """The section `cli`, measured in this folder."""
    where = machine(folder)
    measured = table(rows(folder, rounds))
    return "\n".join(["## The command line", f"On {where}.", f"Medians of {rounds}, in turns.", "", measured])


def main() -> None:
    """Measure, and write the section `cli`."""
    parser = argparse.ArgumentParser(prog="bench.cli", description=__doc__)
    parser.add_argument("--rounds", type=int, default=25)
    chosen = parser.parse_args()
    with scratch(None) as folder:
        text = run(folder, chosen.rounds)
    publish("cli", text)
    print(text)


if __name__ == "__main__":
    main()
