"""What a worker takes a small file for is what the store takes it for."""

from __future__ import annotations

import os
from pathlib import Path

from howdah.client import channel, files, repos
from howdah.client.changes import modify
from howdah.digest import of_bytes
from howdah.names import Commit, File, Project, Repo
from howdah.testing.servers import StoreServer
from howdah.worker.cache import SMALL


def test_a_small_file_has_the_digest_of_its_bytes(tmp_path: Path) -> None:
    repo = Repo(Project(), "repo")
    master = Commit(repo, "master")
    sizes = (1, 1000, SMALL // 2, SMALL - 1)
    contents = {f"/{number}": os.urandom(size) for number, size in enumerate(sizes)}
    with StoreServer(tmp_path / "data") as server, channel.connect(server.address) as conn:
        repos.create(conn, repo)
        with modify(conn, master) as changes:
            for path, data in contents.items():
                changes.put(path, data, datum="a")
            changes.put("/pieces", b"one")
            changes.put("/pieces", b"two", append=True)
            changes.put("/parts", b"one")
        with modify(conn, master) as changes:
            changes.put("/parts", b"two", append=True)
        told = {info.file.path: info.digest for info in files.list(conn, File(master, "/"))}
    whole = of_bytes(b"onetwo")
    assert told == {**{path: of_bytes(data) for path, data in contents.items()}, "/pieces": whole, "/parts": whole}
