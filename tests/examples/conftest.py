"""A store with workers, and examples on it: each in a project of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from howdah.client import channel, files
from howdah.client.channel import Connection
from howdah.names import Commit, File, Project, Repo
from howdah.settings import ADDRESS
from howdah.testing.servers import StoreServer
from tests.cli.conftest import in_process

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="package")
def open_folder() -> Iterator[Path]:
    """A folder that everybody can enter, which pytest's own are not, and not in `/tmp`, which code does not see."""
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="howdah-") as made:
        os.chmod(made, 0o755)
        yield Path(made)


@pytest.fixture(scope="package")
def workers(open_folder: Path) -> Iterator[StoreServer]:
    with StoreServer(open_folder / "data", workers=2) as server:
        yield server


@pytest.fixture(scope="package")
def conn(workers: StoreServer) -> Iterator[Connection]:
    with channel.connect(workers.address) as conn:
        yield conn


class Example:
    """The example in a folder of the same name, in a project of that name."""

    def __init__(self, conn: Connection, name: str, folder: Path) -> None:
        self.conn = conn
        self.project = name
        self.folder = folder
        self("create", "project", name)

    def __call__(self, *words: str, code: int = 0) -> str:
        """A command of `howdah`, in the project."""
        done = in_process(*words, "--project", self.project)
        assert done.code == code, done.stderr + self.logs()
        return done.stdout

    def draw(self, target: Path, source: str = "") -> None:
        """Have the example's script, or that of another one, make up data."""
        script = (EXAMPLES / source if source else self.folder) / "draw.py"
        subprocess.run([sys.executable, str(script), str(target)], check=True, timeout=60)

    def pipeline(self, spec: str, *words: str) -> None:
        """Create the pipelines of a specification or template, its scripts being those of the folder.

        A store at the usual address is this one.
        """
        text = (self.folder / spec).read_text("utf-8").replace(ADDRESS.default, str(self.conn.address))
        for script in self.folder.glob("*.py"):
            text = text.replace(f"/{script.name}", str(script))
        target = self.folder / f"adapted-{spec}"
        target.write_text(text, "utf-8")
        kind = "--jsonnet" if spec.endswith(".jsonnet") else "-f"
        self("create", "pipeline", kind, str(target), *words)

    def put(self, repo: str, source: Path) -> None:
        """One commit of a folder's files, or of a file."""
        place = f"{repo}@master" if source.is_dir() else f"{repo}@master:/{source.name}"
        self("put", "file", place, *(["-r"] if source.is_dir() else []), "-f", str(source))

    def done(self, repo: str, code: int = 0) -> str:
        """Wait for all that the newest commit of a repo leads to; the id of the set."""
        told = json.loads(self("inspect", "commit", f"{repo}@master", "--raw"))
        found = str(told["commit"]["id"])
        self("wait", "job", found, code=code)
        return found

    def tree(self, repo: str) -> dict[str, bytes]:
        """The files of a repo by their paths."""
        top = File(Commit(Repo(Project(self.project), repo), "master"), "/")
        found = files.get_tree(self.conn, top)
        return {path: b"".join(content) for path, content in found if content is not None}

    def job(self, pipeline: str, id: str) -> Any:
        """What is told of a job."""
        return json.loads(self("inspect", "job", f"{self.project}/{pipeline}@{id}", "--raw"))

    def metrics(self, repo: str) -> list[Any]:
        """What the commits of a repo tell, the newest first."""
        return [json.loads(line) for line in self("metrics", repo, "--raw").splitlines()]

    def logs(self) -> str:
        """What code printed, for a test that fails."""
        return in_process("list", "job", "--project", self.project).stdout


@pytest.fixture
def example(
    request: pytest.FixtureRequest,
    conn: Connection,
    workers: StoreServer,
    open_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Example:
    """The example that the test's mark names."""
    monkeypatch.setenv("HOWDAH_ADDRESS", workers.address)
    monkeypatch.setenv("HOME", str(tmp_path))
    source, name = request.param
    folder = open_folder / name
    shutil.copytree(EXAMPLES / source, folder)
    return Example(conn, name, folder)
