"""Streams that break in the middle."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from howdah.client import channel, files, repos
from howdah.client.channel import Connection
from howdah.errors import Unavailable
from howdah.names import Commit, File, Project, Repo
from howdah.testing.servers import StoreServer
from tests.client.plain import door

COUNT = 2500
HEAD = Commit(Repo(Project(), "broken"), "master")
LISTS = ("/howdah.bulk.API/List", "/pfs_v2.API/ListFile")
WALKS = ("/howdah.bulk.API/Walk", "/pfs_v2.API/WalkFile")


@pytest.fixture(scope="module", params=["", "howdah.bulk.API"], ids=["many-a-message", "one-a-message"])
def conn(server: StoreServer, request: pytest.FixtureRequest) -> Iterator[Connection]:
    """To a store with a folder of many files, where each kind of stream breaks once."""
    opened = door(server.address, without=request.param, breaks=[*LISTS, *WALKS])
    with opened as address, channel.connect(address) as conn:
        repos.create(conn, HEAD.repo, update=True)
        with files.modify(conn, HEAD) as changes:
            changes.delete("/")
            for number in range(COUNT):
                changes.put(f"/{number:05d}", b"x")
        yield conn


def test_list_goes_on_where_it_broke_in_the_commit_where_it_began(conn: Connection) -> None:
    found = files.list(conn, File(HEAD, "/"), number=COUNT)
    first = next(found)
    with files.modify(conn, HEAD) as changes:
        changes.put("/99999", b"later")
    infos = [first, *found]

    assert [info.file.path for info in infos] == [f"/{number:05d}" for number in range(COUNT)]
    assert {info.file.commit for info in infos} == {first.file.commit}


def test_walk_that_breaks_says_so(conn: Connection) -> None:
    with pytest.raises(Unavailable):
        list(files.walk(conn, File(HEAD, "/")))
