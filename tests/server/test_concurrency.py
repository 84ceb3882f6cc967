"""Several at once: nothing is lost, nothing is mixed."""

import os
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from howdah.client import commits, files, repos
from howdah.client.channel import Connection
from howdah.errors import Invalid, Unavailable
from howdah.infos import FileType
from howdah.names import Commit, File
from howdah.testing.servers import StoreServer
from howdah.wire import pfs
from howdah.wire.gen import pfs_pb2
from tests.server.conftest import REPO

SILENT = 24
CALLS = 3000
HEAD = Commit(REPO, "master")


def paths(connection: Connection, commit: Commit = HEAD) -> set[str]:
    return {info.file.path for info in files.walk(connection, File(commit, "/")) if info.type is FileType.FILE}


def test_a_reader_of_a_commit_sees_it_unchanged_while_the_branch_goes_on(connection: Connection) -> None:
    with files.modify(connection, HEAD) as changes:
        for at in range(500):
            changes.put(f"/{at:03}", b"old")
    old = commits.inspect(connection, HEAD).commit
    walk = files.walk(connection, File(old, "/"))
    seen = [next(walk).file.path for _ in range(10)]
    with files.modify(connection, HEAD) as changes:
        changes.delete("/")
        changes.put("/new", b"new")
    seen += [info.file.path for info in walk]
    assert len(seen) == 501
    assert paths(connection) == {"/new"}


def put_url(connection: Connection, path: str, url: str) -> None:
    with files.modify(connection, HEAD) as changes:
        changes.put_url(path, url)


def test_addresses_that_never_answer_hold_up_nobody_else(connection: Connection) -> None:
    with ThreadPoolExecutor(SILENT) as pool, ExitStack() as silence:
        silent = silence.enter_context(socket.create_server(("127.0.0.1", 0), backlog=SILENT))
        silent.settimeout(20)
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/photo.jpg"
        waiting = [pool.submit(put_url, connection, f"/{at}", url) for at in range(SILENT)]
        for _ in waiting:
            silence.enter_context(silent.accept()[0])
        assert repos.inspect(connection, REPO).repo == REPO
    assert {type(each.exception()) for each in waiting} == {Unavailable}


@pytest.mark.parametrize("url", ["http://[::1", "http://host:port/x", "http://a b/x", "http:///x"])
def test_an_address_that_is_none_is_refused(connection: Connection, url: str) -> None:
    with pytest.raises(Invalid, match="URL .* invalid"):
        put_url(connection, "/a", url)


def test_an_address_that_never_answers_does_not_keep_the_server_from_stopping(
    server: StoreServer, connection: Connection
) -> None:
    with ThreadPoolExecutor(1) as pool, socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/photo.jpg"
        waiting = pool.submit(put_url, connection, "/a", url)
        with silent.accept()[0]:
            assert server.stop() == 0
        assert isinstance(waiting.exception(), Unavailable)


def test_thousands_of_calls_at_once_are_all_answered(server: StoreServer, connection: Connection) -> None:
    request = pfs_pb2.InspectRepoRequest(repo=pfs.repo_to_wire(REPO))
    os.kill(server.process.pid, signal.SIGSTOP)
    try:
        begun = [connection.begin(connection.pfs.InspectRepo, request) for _ in range(CALLS)]
    finally:
        os.kill(server.process.pid, signal.SIGCONT)
    assert all(each.result(timeout=60).repo.name == REPO.name for each in begun)
