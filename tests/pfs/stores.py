"""Stores for tests of the file system's verbs."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from howdah.names import Branch, Commit, File, Project, Repo
from howdah.pfs import commits, files, graph, repos, writing
from howdah.server.folder import open_store
from howdah.store.store import Store

REPO = Repo(Project(), "images")
MASTER = Branch(REPO, "master")
HEAD = Commit(REPO, "master")


@contextmanager
def new_store(data: Path) -> Iterator[Store]:
    """A store with the repo `images`."""
    with open_store(data) as store:
        with store.database.write() as tx:
            repos.create(tx, REPO, "", now=store.now(), update=True)
        yield store


def write(store: Store, changes: dict[str, bytes | None], commit: Commit = HEAD) -> None:
    """One stream that replaces files; None removes one."""
    session = writing.Session(store, commit)
    for path, data in changes.items():
        session.delete(path)
        if data is not None:
            session.put(path, data)
    session.close()


def start(store: Store, description: str = "") -> Commit:
    """An open commit on master."""
    with graph.step(store) as made:
        return commits.start(made, MASTER, description)


def content(store: Store, commit: Commit = HEAD) -> dict[str, bytes]:
    """Every file of a commit with its bytes."""
    found = [entry.path for entry in files.entries(store, File(commit, "/"))]
    return {path: b"".join(files.get(store, File(commit, path))) for path in found}


def ids(store: Store) -> list[str]:
    """The repo's commits, newest first."""
    return [info.commit.id for info in commits.list(store.database, REPO)]
