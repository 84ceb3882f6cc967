"""Make a golden store: `python -m tests.store.golden.make FILE.tar.gz`, from the root of the repository.

Run it whenever a migration or another change of formats is about to be released, name the file after the newest
migration, and keep the older ones: each is a folder that somebody may have. What is in it is said here, by values.
"""

from __future__ import annotations

import json
import sys
import tarfile
import tempfile
from pathlib import Path

from howdah.names import Branch, Commit, Pipeline, Project, Repo
from howdah.pfs import branches, commits, graph, repos, writing
from howdah.pps import pipelines, secrets
from howdah.server.folder import open_store
from howdah.store.store import Store

IMAGES = Repo(Project(), "images")
LABELS = Repo(Project(), "labels")
IDS = "commits.json"

COUNT = Pipeline(Project(), "count")
SPECIFICATION = {
    "pipeline": {"name": COUNT.name},
    "transform": {"cmd": ["wc"]},
    "input": {"pfs": {"repo": LABELS.name, "glob": "/*"}},
}

Files = dict[str, bytes]

FIRST: Files = {"/liberty.png": b"\x89PNG not really", "/d/ü (1).jpg": b"\xff\xd8 neither", "/empty": b""}
LONG: Files = {"/long": bytes(9 << 20)}  # of several chunks
MANY: Files = {f"/many/{at:04}.txt": b"the same" for at in range(1500)}  # a tree of two levels
APPENDED = b" and more"
LABEL: Files = {"/1.json": b'{"label": "statue"}'}

COMMITS: dict[str, Files] = {
    "first": FIRST,
    "long": FIRST | LONG,
    "many": {**FIRST, **LONG, **MANY, "/liberty.png": FIRST["/liberty.png"] + APPENDED},
    "removed": {path: data for path, data in {**FIRST, **LONG}.items() if not path.startswith("/d/")}
    | {"/liberty.png": FIRST["/liberty.png"] + APPENDED},
    "open": {**FIRST, **LONG, "/liberty.png": FIRST["/liberty.png"] + APPENDED, "/waiting": b"edits"},
}
"""What the commits of `images` hold, the oldest first; the last is open, and its edits wait."""


def fill(store: Store) -> dict[str, str]:
    """Write everything; returns the ids of the commits of `COMMITS`, and `label`'s."""
    with graph.step(store) as made:
        repos.create(made.tx, IMAGES, "photographs", now=made.now)
        repos.create(made.tx, LABELS, "what is on them", now=made.now)
    ids = {"first": _put(store, FIRST), "long": _put(store, LONG)}
    ids["many"] = _put(store, {**MANY, "/liberty.png": APPENDED})
    session = writing.Session(store, Commit(IMAGES, "master"))
    session.delete("/many/")
    session.delete("/d/")
    session.close()
    ids["removed"] = _head(store, IMAGES)
    _put(store, LABEL, LABELS)
    with graph.step(store) as made:
        branches.create(made, Branch(LABELS, "checked"), Commit(LABELS, "master"))
    ids["label"] = _head(store, LABELS)
    ids["job"] = _pipeline(store)
    ids["open"] = _start(store)
    _put(store, {"/d/ü (1).jpg": FIRST["/d/ü (1).jpg"], "/waiting": b"edits"})
    return ids


def _pipeline(store: Store) -> str:
    """A pipeline in its second version, whose first job was stopped, and a secret; the id of the second job."""
    wish = pipelines.Wish(SPECIFICATION, json.dumps(SPECIFICATION), update=True)
    for _ in range(2):
        writing.step(store, lambda made: pipelines.create(made, store, wish))
    with store.database.write() as tx:
        secrets.create(tx, '{"metadata": {"name": "password"}, "data": {"word": "aG93ZHk="}}', now=store.now())
    return _head(store, Repo(COUNT.project, COUNT.name))


def _put(store: Store, files: Files, repo: Repo = IMAGES) -> str:
    session = writing.Session(store, Commit(repo, "master"))
    for path, data in files.items():
        session.put(path, data)
    session.close()
    return _head(store, repo)


def _head(store: Store, repo: Repo) -> str:
    with store.database.read() as tx:
        head = branches.inspect(tx, Branch(repo, "master")).head
    assert head is not None
    return head.id


def _start(store: Store) -> str:
    with graph.step(store) as made:
        return commits.start(made, Branch(IMAGES, "master"), "to be finished").id


def main(target: Path) -> None:
    """Make the file."""
    with tempfile.TemporaryDirectory() as scratch:
        data = Path(scratch, "data")
        with open_store(data) as store:
            ids = fill(store)
        (data / IDS).write_text(json.dumps(ids), "utf-8")
        with tarfile.open(target, "w:gz", compresslevel=9) as tar:
            tar.add(data, ".")
    print(f"{target}: {target.stat().st_size} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
