"""The site as it is served: large files and slow readers cost little and keep nobody else waiting."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from howdah.client import channel, commits, files, repos
from howdah.labelstudio import serve
from howdah.names import parse_branch, parse_repo
from howdah.testing.launched import Launched, until
from tests.backup.test_product import TOKEN, USER, ask

MEGABYTE = 1 << 20
LARGE = 300
SLOW = 40  # more than there are threads that work
CONFIG = '<View><Video name="v" value="$video"/><Choices name="c" toName="v"><Choice value="yes"/></Choices></View>'
BLOCK = hashlib.sha256(b"film").digest() * (MEGABYTE // 32)


@pytest.fixture(scope="module")
def launched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launched]:
    with Launched(tmp_path_factory.mktemp("serving") / "data", "--port", "0", environ=USER) as launched:
        assert launched.url
        yield launched


@pytest.fixture(scope="module")
def film(launched: Launched) -> str:
    """The path of a film of so many megabytes, each of which begins with its number."""
    with channel.connect(launched.store) as conn:
        repos.create(conn, parse_repo("films"))
        commit = commits.start(conn, parse_branch("films@master"))
        with files.modify(conn, commit) as changes:
            changes.put("/large.mp4", (_megabyte(number) for number in range(LARGE)))
        commits.finish(conn, commit)
    project = ask(launched.url, "/api/projects", {"title": "Films", "label_config": CONFIG})["id"]
    fields = {"project": project, "title": "S", "pach_repo": "films"}
    source = ask(launched.url, "/api/storages/pachyderm", fields)["id"]
    ask(launched.url, f"/api/storages/pachyderm/{source}/sync", {})
    (task,) = ask(launched.url, f"/api/tasks?project={project}&fields=all")["tasks"]
    return str(task["data"]["video"])


def _megabyte(number: int) -> bytes:
    return number.to_bytes(8, "big") + BLOCK[8:]


def resident(launched: Launched) -> int:
    """Megabytes of memory that Label Studio's processes hold; what they share counts once."""
    main = launched.children()["label-studio"]
    found = 0
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError, IndexError):
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if main in (int(folder.name), parent):
                (share,) = re.findall(r"^Pss:\s+(\d+) kB", (folder / "smaps_rollup").read_text(), re.MULTILINE)
                found += int(share) // 1024
    return found


@contextlib.contextmanager
def asked(launched: Launched, path: str, **headers: str) -> Iterator[http.client.HTTPResponse]:
    """The answer, of which nothing is read but its head, by a client that takes little at a time."""
    parts = urlsplit(launched.url)
    assert parts.hostname and parts.port  # noqa: PT018
    conn = http.client.HTTPConnection(parts.hostname, parts.port, timeout=120)
    conn.sock = socket.socket()
    conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    conn.sock.settimeout(120)
    conn.sock.connect((parts.hostname, parts.port))
    conn.request("GET", path, headers={"Authorization": f"Token {TOKEN}", **headers})
    with contextlib.closing(conn):
        yield conn.getresponse()


linux = pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="platform: memory is told by /proc")


@linux
@pytest.mark.timeout(600)
def test_a_large_file_is_never_in_memory_as_a_whole(launched: Launched, film: str) -> None:
    with asked(launched, film, Range="bytes=0-1000") as answer:
        answer.read()
    before, highest = resident(launched), 0
    with asked(launched, film) as answer:
        for number in range(LARGE):
            assert answer.read(MEGABYTE) == _megabyte(number)
            if number % 10 == 0:
                highest = max(highest, resident(launched))
        assert answer.read() == b""
    print("held for a large file, in MB:", highest - before)  # noqa: T201
    assert highest - before < LARGE // 3


@linux
@pytest.mark.timeout(600)
def test_slow_readers_keep_nobody_waiting_and_little_memory(launched: Launched, film: str) -> None:
    assert SLOW > serve.THREADS
    with asked(launched, film, Range="bytes=0-1000") as answer:
        answer.read()
    before = resident(launched)
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(asked(launched, film)) for _ in range(SLOW)]
        assert [answer.read(1024) for answer in slow] == [_megabyte(0)[:1024]] * SLOW

        with ThreadPoolExecutor(8) as people:
            told: list[Any] = list(people.map(lambda _: ask(launched.url, "/api/projects"), range(40)))
        assert {len(found["results"]) for found in told} == {1}
        print("held for slow readers, in MB:", resident(launched) - before)  # noqa: T201
        assert resident(launched) - before < SLOW * 10

        # They were not forgotten, nor cut off.
        rest = slow[-1]
        assert rest.read(MEGABYTE - 1024) == _megabyte(0)[1024:]
        for number in range(1, 20):
            assert rest.read(MEGABYTE) == _megabyte(number)
    until(lambda: len(ask(launched.url, "/api/projects")["results"]) == 1, what="an answer after they left")
