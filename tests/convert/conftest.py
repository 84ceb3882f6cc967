"""A store with labels and the media that they speak of."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from howdah import convert
from howdah.client import channel, commits, files, repos
from howdah.client.channel import Connection
from howdah.names import Branch, Commit, File, Project, Repo
from howdah.testing.servers import StoreServer
from tests.convert.samples import PICTURES, written

_NUMBERS = count(1)


class Shelf:
    """A store's content: repos of each test's own."""

    def __init__(self, conn: Connection) -> None:
        self.conn = conn

    def repo(self) -> Repo:
        """A new repo."""
        repo = Repo(Project(), f"repo{next(_NUMBERS)}")
        repos.create(self.conn, repo)
        return repo

    def put(self, content: Mapping[str, bytes], repo: Repo | None = None) -> Commit:
        """One commit on master, of a new repo if none is told."""
        commit = commits.start(self.conn, Branch(repo or self.repo()))
        with files.modify(self.conn, commit) as changes:
            for path, data in content.items():
                changes.put(path, data)
        commits.finish(self.conn, commit)
        return commit

    def labels(self, *tasks: Mapping[str, Any], config: str = PICTURES, more: Mapping[str, bytes] = {}) -> File:
        """A commit of labels with their configuration; the folder that it is."""
        return File(self.put({"/.howdah/labeling.xml": config.encode(), **written(*tasks), **more}), "/")

    def tree(self, top: File) -> dict[str, bytes]:
        """All files below, by their paths."""
        found = files.get_tree(self.conn, top)
        return {path: b"".join(content) for path, content in found if content is not None}


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreServer]:
    with StoreServer(tmp_path_factory.mktemp("convert") / "data") as server:
        yield server


@pytest.fixture(scope="session")
def shelf(server: StoreServer) -> Iterator[Shelf]:
    with channel.connect(server.address) as conn:
        yield Shelf(conn)


Export = Callable[..., tuple[Path, convert.Report]]


@pytest.fixture
def export(shelf: Shelf, tmp_path: Path) -> Export:
    """Exports into a new folder, which it gives with the report."""

    def made(place: File | Path, format: str, **options: Any) -> tuple[Path, convert.Report]:
        out = tmp_path / f"out{next(_NUMBERS)}"
        return out, convert.export(shelf.conn, place, convert.Options(format, **options), convert.ToFolder(out))

    return made


def names(folder: Path) -> list[str]:
    """The files below a folder."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def parsed(path: Path) -> Any:
    """What a file of JSON says."""
    return json.loads(path.read_text("utf-8"))
