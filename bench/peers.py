"""Peers: what they are told to do the same work, as their own manuals have it, and how one gets them.

None is needed by the project or its tests. What is not installed is left out of a run and named in its table, with the
way to it. dvc, oxen and snakemake are looked for in `~/.cache/howdah-bench-peers`, where `just bench-peers` puts each
into an environment of its own (`python -m bench.peers`, with uv), and but for oxen on the path too.

All of it is durable as ours is: git is set to sync, restic and borg do so by themselves, what copies does not, so that
`sync -f` follows it, as it follows dvc and oxen.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.measure import ROOT, Sample, command

FOLDER = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "howdah-bench-peers"
_DEBIAN = "apt install {}"
_PYTHON = "just bench-peers"
_RESTIC = "restic -q -r $place/archive --password-command 'echo bench'"
_GIT = "git -c gc.auto=0 -c core.fsync=all"
_IDENTITY = "git config user.email bench@example.com; git config user.name bench"


@dataclass(frozen=True, slots=True, eq=False)
class Peer:
    """A program, and a line of the shell for each step that is asked of it.

    The lines know `$source`, the files to be put; `$place`, a folder of the peer's own, new in each round;
    `$count`, how often, or the how manieth.
    `ready` is not measured. Those with `copies` work on a copy of the files, `$place/data`, which is made for them.
    """

    name: str
    program: str
    way: str
    steps: Mapping[str, str]
    copies: bool = False

    def found(self) -> str | None:
        """Where the program is, None if it is nowhere."""
        here = shutil.which(self.program, path=str(FOLDER / self.name / "bin"))
        # Any python is a python: oxen's alone has its library.
        return here or (None if self.program == "python" else shutil.which(self.program))


GIT = Peer(
    "git",
    "git",
    _DEBIAN.format("git"),
    {
        "ready": f"cd $place/data; git init -q; {_IDENTITY}",
        "put": f"cd $place/data; {_GIT} add -A; {_GIT} commit -qm all",
        "list": "git -C $place/data ls-tree -r -l HEAD",
        "diff": "git -C $place/data diff --name-status HEAD^ HEAD",
        "small": f"cd $place/data; for i in $(seq $count); do head -c 1024 /dev/zero | tr '\\0' $i > $i.json; "
        f"{_GIT} add $i.json; {_GIT} commit -qm x; done",
    },
    copies=True,
)
RESTIC = Peer(
    "restic",
    "restic",
    _DEBIAN.format("restic"),
    {
        "ready": f"{_RESTIC} init",
        "put": f"{_RESTIC} backup --compression off $source",
        "diff": f"{_RESTIC} diff $(ls -tr $place/archive/snapshots | head -n 2)",
    },
)
BORG = Peer(
    "borg",
    "borg",
    _DEBIAN.format("borgbackup"),
    {
        "ready": "borg init -e none $place/archive",
        "put": "borg create -C none $place/archive::all$count $source",
        "diff": "borg diff $place/archive::all1 all2",
    },
)
DVC = Peer(
    "dvc",
    "dvc",
    _PYTHON,
    {
        "ready": f"cd $place; git init -q; {_IDENTITY}; dvc init -q; git commit -qm start",
        "put": "cd $place; dvc add -q data; git add data.dvc .gitignore; git commit -qm put; sync -f .",
        "list": "cd $place; dvc list . data -R --size --show-hash",
        "diff": "cd $place; dvc diff HEAD^ HEAD",
        "get": "cd $place; mv data away; dvc checkout -q data.dvc",
        "small": "cd $place; for i in $(seq $count); do head -c 1024 /dev/zero | tr '\\0' $i > $i.json; "
        "dvc add -q $i.json; git add $i.json.dvc .gitignore; git commit -qm x; sync -f .; done",
    },
    copies=True,
)
SNAKEMAKE = Peer("snakemake", "snakemake", _PYTHON, {"ready": "true"}, copies=True)
_OXEN = f"{ROOT}/bench/oxen_steps.py"
OXEN = Peer(
    "oxen",
    "python",
    _PYTHON,
    {
        "ready": f"$program {_OXEN} ready $place",
        "put": f"$program {_OXEN} put $place",
        "small": f"$program {_OXEN} small $place $count",
    },
    copies=True,
)
PEERS = (GIT, RESTIC, BORG, DVC, OXEN)


@dataclass(frozen=True, slots=True)
class Place:
    """A peer's folder for one round and one set of files."""

    peer: Peer
    source: Path
    folder: Path = field(repr=False)

    @classmethod
    def new(cls, peer: Peer, source: Path, folder: Path) -> Place:
        """One that is ready for its first step."""
        place = cls(peer, source, folder)
        folder.mkdir(parents=True)
        if peer.copies:
            subprocess.run(["cp", "-r", source, folder / "data"], check=True)
        place.run("ready")
        return place

    @property
    def files(self) -> Path:
        """What it looks at."""
        return self.folder / "data" if self.peer.copies else self.source

    def run(self, step: str, count: int = 0) -> Sample:
        """One step. A program that is a library tells its own time, without that of loading it."""
        told = self.folder / "seconds"
        line = self.peer.steps[step]
        sample = command(["sh", "-euc", line], environ=self._environ(count), cwd=self.folder)
        if told.exists():
            seconds, cpu = map(float, told.read_text().split())
            told.unlink()
            return replace(sample, seconds=seconds, cpu=cpu)
        return sample

    def _environ(self, count: int) -> dict[str, str]:
        found = self.peer.found()
        assert found is not None, f"{self.peer.name} is not installed"
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        return {
            **os.environ,
            "PATH": f"{Path(found).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(home),
            "XDG_CACHE_HOME": str(home / "cache"),
            "XDG_CONFIG_HOME": str(home / "config"),
            "BORG_BASE_DIR": str(home),
            "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes",
            "DVC_NO_ANALYTICS": "1",
            "DVC_SITE_CACHE_DIR": str(home / "site"),
            "program": found,
            "source": str(self.source),
            "place": str(self.folder),
            "count": str(count),
        }


def there() -> list[Peer]:
    """Those that can take part."""
    return [peer for peer in PEERS if peer.found()]


def absent(peers: Sequence[Peer] = ()) -> str:
    """Those of them, or of all, that cannot, each with the way to it."""
    return ", ".join(f"{peer.name} (`{peer.way}`)" for peer in peers or PEERS if not peer.found()) or "none"


def main() -> None:
    """Put those that are Python packages where they are looked for."""
    for peer, package in ((DVC, "dvc"), (OXEN, "oxenai"), (SNAKEMAKE, "snakemake")):
        place = FOLDER / peer.name
        subprocess.run(["uv", "venv", "--quiet", "--clear", "--python", sys.executable, place], check=True)
        subprocess.run(
            ["uv", "pip", "install", "--quiet", "--compile-bytecode", "--python", place, package], check=True
        )
        print(f"{peer.name}: {place}")
    print(f"not installed: {absent()}")


if __name__ == "__main__":
    main()
