"""Several at once: nothing is lost, nothing is mixed."""

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
from tests.server.conftest import MASTER, REPO

WRITERS = 8
EACH = 10
SILENT = 24
HEAD = Commit(REPO, "master")


def paths(connection: Connection, commit: Commit = HEAD) -> set[str]:
    return {info.file.path for info in files.walk(connection, File(commit, "/")) if info.type is FileType.FILE}


def test_writers_to_one_branch_each_get_their_own_commit(connection: Connection) -> None:
    def work(number: int) -> None:
        for at in range(EACH):
            with files.modify(connection, HEAD) as changes:
                changes.put(f"/{number}/{at}", b"%d %d" % (number, at))

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(work, range(WRITERS)))
    assert paths(connection) == {f"/{number}/{at}" for number in range(WRITERS) for at in range(EACH)}
    line = list(commits.list(connection, REPO, to=HEAD))
    assert len(line) == WRITERS * EACH
    assert [info.size_upper_bound for info in line] == sorted((info.size_upper_bound for info in line), reverse=True)


def test_streams_into_one_open_commit_are_all_in_it(connection: Connection) -> None:
    commit = commits.start(connection, MASTER)

    def work(number: int) -> None:
        for at in range(EACH):
            with files.modify(connection, commit) as changes:
                changes.put(f"/{number}/{at}", b"x")
                changes.put("/log", b"%d\n" % number, append=True)
            assert f"/{number}/{at}" in paths(connection, commit)

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(work, range(WRITERS)))
    commits.finish(connection, commit)
    assert len(paths(connection)) == WRITERS * EACH + 1
    log = b"".join(files.get(connection, File(HEAD, "/log"))).split()
    assert sorted(log) == sorted(b"%d" % number for number in range(WRITERS) for _ in range(EACH))


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
