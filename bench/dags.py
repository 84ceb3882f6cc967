"""The same ten stages over the same files: our pipelines, dvc's stages, snakemake's rules, first and after an edit.

`python -m bench.dags` (or `just bench dags`) on Linux. A stage runs one and the same script on a folder of files. dvc
runs a stage on all folders, since a stage is what it knows to have changed; snakemake and we run it on each folder.
All are told before what the stages are; ours is measured by a client that is connected, the others are commands, as
their users run them.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from bench.measure import Row, Sample, Series, Side, ahead, alternate, machine, measure, parser, publish, scratch, table
from bench.peers import DVC, SNAKEMAKE, Peer, Place, absent
from howdah.client import channel, commits
from howdah.client.channel import Connection
from howdah.testing.pipelines import Mill, pfs
from howdah.testing.servers import StoreServer

_SLOTS = 2
_FOLDERS = 10
# Each with those that it reads; two branches that meet again.
STAGES = {
    "s1": ["data"], "s2": ["s1"], "s3": ["s2"], "s4": ["s3"], "s5": ["s3"],
    "s6": ["s4"], "s7": ["s5"], "s8": ["s6", "s7"], "s9": ["s8"], "s10": ["s9"],
}  # fmt: skip
# On the folder $2 of the inputs $3 and more, into $1.
SCRIPT = """\
out=$1 folder=$2; shift 2; mkdir -p $out/$folder
for file in $1/$folder/*; do
  name=${file##*/}; { for input in "$@"; do cat $input/$folder/$name; done; echo seen; } > $out/$folder/$name
done
"""


def write(folder: Path, count: int, turn: int) -> None:
    """The files of one turn: nobody has seen their content before."""
    for number in range(_FOLDERS):
        (folder / f"{number:02}").mkdir(parents=True)
    for number in range(count):
        (folder / f"{number % _FOLDERS:02}/{number:05}.txt").write_text(f"{turn} {number}\n")


def edit(folder: Path, count: int) -> Path:
    """Another content for one of the files; returns which."""
    path = folder / f"00/{0:05}.txt"
    path.write_text(f"edited {count}\n")
    return path


def _dvc(place: Path) -> None:
    (place / "run.sh").write_text(SCRIPT)
    stages = {}
    for name, inputs in STAGES.items():
        each = f"for folder in $(ls data); do sh run.sh {name} $folder {' '.join(inputs)}; done"
        stages[name] = {"cmd": each, "deps": [*inputs, "run.sh"], "outs": [name]}
    (place / "dvc.yaml").write_text(json.dumps({"stages": stages}))


def _snakemake(place: Path) -> None:
    (place / "run.sh").write_text(SCRIPT)
    every = [f"{number:02}" for number in range(_FOLDERS)]
    rules = [f"rule all:\n    input: expand('s10/{{folder}}', folder={every!r})\n"]
    for name, inputs in STAGES.items():
        read = ", ".join(f"'{each}/{{folder}}'" for each in inputs)
        line = f"sh run.sh {name} {{wildcards.folder}} {' '.join(inputs)}"
        rules.append(
            f"rule {name}:\n    input: {read}\n    output: directory('{name}/{{folder}}')\n    shell: '{line}'\n"
        )
    (place / "Snakefile").write_text("\n".join(rules))


_RUN = {"dvc": "cd $place; dvc repro -q", "snakemake": f"cd $place; snakemake -q all -c {_SLOTS}"}
_TELL: dict[str, Callable[[Path], None]] = {"dvc": _dvc, "snakemake": _snakemake}


@dataclass(slots=True)
class Runs:
    """One round: the first run of everything, and one after an edit. The second side of a comparison asks for it."""

    folder: Path
    count: int
    rounds: int = 0

    def peer(self, peer: Peer) -> tuple[Sample, Sample]:
        """Of a peer, in a folder of its own."""
        files = self._files()
        told = replace(peer, steps={**peer.steps, "run": _RUN[peer.name]})
        place = Place.new(told, files, self.folder / f"{peer.name}-{self.rounds}")
        _TELL[peer.name](place.folder)
        first = place.run("run")
        # A folder's own time tells snakemake that something in it is another.
        shutil.copy(edit(place.files, self.rounds), path := place.files / "00/new")
        path.unlink()
        return first, place.run("run")

    def ours(self, conn: Connection) -> tuple[Sample, Sample]:
        """Of a store, in repos of its own."""
        files = self._files()
        mill = Mill(conn)
        repo = mill.repo()
        names = {"data": repo}
        for name, inputs in STAGES.items():
            given = [pfs(names[each], "/(*)/", name=each, join_on="$1") for each in inputs]
            paths = " ".join(f"/pfs/{each}" for each in inputs)
            lines = [
                f"cat > /tmp/run.sh <<'END'\n{SCRIPT}END",
                f"sh /tmp/run.sh /pfs/out $(ls /pfs/{inputs[0]}) {paths}",
            ]
            names[name] = mill.pipeline({"join": given} if len(given) > 1 else given[0], *lines)
        content = {f"/{path.relative_to(files)}": path.read_bytes() for path in files.rglob("*.txt")}
        first = measure(lambda: self._whole(mill, repo, content))
        changed = {f"/00/{0:05}.txt": b"edited %d\n" % self.rounds}
        return first, measure(lambda: self._whole(mill, repo, changed))

    def _files(self) -> Path:
        """Those of the next turn."""
        self.rounds += 1
        files = self.folder / f"files-{self.rounds}"
        write(files, self.count, self.rounds)
        return files

    def _whole(self, mill: Mill, repo: str, content: dict[str, bytes]) -> None:
        infos = [*commits.inspect_set(mill.conn, mill.put(repo, content), wait=True)]
        assert len(infos) > len(STAGES)
        assert not [info for info in infos if info.error]


def run(folder: Path, count: int, rounds: int) -> str:
    """The table."""
    runs = Runs(folder, count)
    peers = [peer for peer in (DVC, SNAKEMAKE) if peer.found()]
    seconds: dict[str, list[Sample]] = {}

    def side(name: str, both: Callable[[], tuple[Sample, Sample]]) -> Side:
        def first() -> Sample:
            found, again = both()
            seconds.setdefault(name, []).append(again)
            return found

        return Side(name, first)

    with StoreServer(folder / "data", workers=_SLOTS) as server, channel.connect(server.address) as conn:
        sides = [side("ours", lambda: runs.ours(conn))]
        sides += [side(peer.name, lambda peer=peer: runs.peer(peer)) for peer in peers]  # type: ignore[misc]
        found = alternate(sides, rounds)
    again = {name: Series(name, tuple(samples)) for name, samples in seconds.items()}
    rows = []
    for peer in peers:
        rows.append(Row(f"10 stages, {count:,} files, first", found["ours"], found[peer.name], ahead(1)))
        rows.append(Row("one file edited", again["ours"], again[peer.name], ahead(1)))
    return f"{table(rows)}\n\nNot installed: {absent((DVC, SNAKEMAKE))}."


def main() -> None:
    """Measure and publish."""
    options = parser("dags", __doc__).parse_args()
    with scratch(options.folder) as folder:
        about = f"On {machine(folder)}. Processor's times of ours are the client's."
        text = f"## Stages beside dvc and snakemake\n{about}\n\n{run(folder, 1000, 3 if options.full else 1)}"
    print(text)
    publish("dags", text)


if __name__ == "__main__":
    main()
