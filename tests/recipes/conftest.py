"""A store that runs pipelines, with labels as a target's Sync writes them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from howdah.client import channel, files
from howdah.names import Commit, File, Project, Repo
from howdah.testing.launched import until
from howdah.testing.pipelines import Mill
from howdah.testing.servers import StoreServer
from tests.cli.conftest import Result, in_process
from tests.convert.samples import PICTURES, box, task, uri, written


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreServer]:
    with StoreServer(tmp_path_factory.mktemp("recipes") / "data", workers=2) as server:
        yield server


class Shelf(Mill):
    """Repos of pictures and of labels of them, and the command line."""

    def __call__(self, *words: str) -> Result:
        done = in_process(*words)
        assert done.code == 0, done.stderr
        return done

    def until_logged(self, pipeline: str, text: str) -> None:
        """Wait for a line, which may come after the end of its job."""
        until(lambda: text in self("logs", "--pipeline", pipeline).stdout, what=f"a line with {text}")

    def label(self, repo: str, images: str, *paths: str, x: float = 25) -> str:
        """One commit with a box on each of the newest pictures at these paths; the id of its set."""
        made = {f"{path}.json": self.labeled(number, images, path, x) for number, path in enumerate(paths, 1)}
        return self.put(repo, {"/.howdah/labeling.xml": PICTURES.encode(), **made}, delete=["/"])

    def labeled(self, number: int, images: str, path: str, x: float) -> bytes:
        """The file of a task that shows the newest version of a picture."""
        info = files.inspect(self.conn, File(Commit(Repo(Project(), images), "master"), path))
        commit = info.file.commit
        source = {"repo": str(commit.repo), "commit": commit.id, "path": path, "digest": info.digest.hex()}
        made = task(number, {"image": uri(commit, path)}, box(x=x)) | {"meta": {"howdah": {"source": source}}}
        return written(made)[f"/{number}.json"]


@pytest.fixture
def shelf(server: StoreServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    monkeypatch.setenv("HOWDAH_ADDRESS", server.address)
    monkeypatch.setenv("HOME", str(tmp_path))
    with channel.connect(server.address) as conn:
        yield Shelf(conn)
