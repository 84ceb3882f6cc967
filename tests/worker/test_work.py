"""Datums worked on, from a real store into one."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from howdah.client import channel, commits, files, repos
from howdah.client.channel import Connection
from howdah.errors import NotFound, Unavailable
from howdah.infos import FileType
from howdah.names import Commit, File, Project, Repo
from howdah.testing.servers import StoreServer
from howdah.worker.cache import Cache
from howdah.worker.environment import About
from howdah.worker.fence.limits import Limits
from howdah.worker.inputs import Fetcher, Input
from howdah.worker.outputs import Copied, Written
from howdah.worker.pipes import Pipes
from howdah.worker.slot import Place, Slot
from howdah.worker.work import Code, Datum, Done, State, send, tried
from tests.client.plain import door
from tests.worker.conftest import place

_NAMES = map("datum-{}".format, count())
_LIMITS = Limits(seconds=60, reserve=1 << 20)
_SHORT = replace(_LIMITS, seconds=0.5)
_LATE = "it took longer than 0.5 seconds: raise datum_timeout"
_FILES = {"/a/one.txt": b"one", "/a/b/two (1).txt": b"two", "/c/[x].txt": b"three", "/large": os.urandom(3 << 20)}


@pytest.fixture(scope="module")
def server(open_folder: Path) -> Iterator[StoreServer]:
    with StoreServer(open_folder / "store/data") as server:
        yield server


@pytest.fixture(scope="module", params=["many-a-message", "one-a-message"])
def conn(server: StoreServer, request: pytest.FixtureRequest) -> Iterator[Connection]:
    """To the store itself, and as to a Pachyderm server, which does not offer our own service."""
    if request.param == "many-a-message":
        with channel.connect(server.address) as conn:
            yield conn
        return
    with door(server.address, without="howdah.bulk.API") as address, channel.connect(address) as conn:
        yield conn


@pytest.fixture(scope="module")
def images(conn: Connection) -> Commit:
    repo = Repo(Project(), f"images-{next(_NAMES)}")
    repos.create(conn, repo)
    repos.create(conn, _output(repo))
    with files.modify(conn, Commit(repo, "master")) as changes:
        for path, data in _FILES.items():
            changes.put(path, data)
    return commits.inspect(conn, Commit(repo, "master")).commit


def _output(repo: Repo) -> Repo:
    return replace(repo, name=f"{repo.name}-out")


@pytest.fixture(scope="module")
def slot(open_folder: Path) -> Iterator[Slot]:
    with Slot(place(open_folder / f"work-{next(_NAMES)}")) as slot:
        yield slot


@pytest.fixture(scope="module")
def fetcher(conn: Connection, open_folder: Path) -> Fetcher:
    return Fetcher(conn, Cache(open_folder / f"cache-{next(_NAMES)}"), linked=True)


def _datum(images: Commit, script: str, *inputs: Input, **code: object) -> Datum:
    given = inputs or (Input("images", File(images, "/")),)
    whole = Code(("sh", "-c", script), limits=_LIMITS)
    about = About("f" * 64, "job", Commit(_output(images.repo), "master"), "spec")
    return Datum(about, given, replace(whole, **code))  # type: ignore[arg-type]


def _try(slot: Slot, fetcher: Fetcher, datum: Datum) -> tuple[Done, list[str]]:
    lines: list[str] = []
    name = next(_NAMES)
    with tried(slot, fetcher, datum, name, lines.extend) as done:
        pass
    assert not (slot.place.folder / name).exists()
    return done, lines


def test_code_sees_a_whole_input_and_nothing_is_fetched_twice(slot: Slot, fetcher: Fetcher, images: Commit) -> None:
    script = "cd /pfs/images; find . -type f | sort; cat a/one.txt a/b/* c/*; wc -c < large"
    done, lines = _try(slot, fetcher, _datum(images, script))
    assert (done.state, done.why) == (State.SUCCESS, "")
    assert lines == ["./a/b/two (1).txt", "./a/one.txt", "./c/[x].txt", "./large", f"onetwothree{3 << 20}"]
    assert done.download_bytes == sum(map(len, _FILES.values()))
    again, told = _try(slot, fetcher, _datum(images, script))
    assert (again.download_bytes, told) == (0, lines)


def test_code_sees_single_files_where_they_are_in_the_repo(
    slot: Slot, conn: Connection, images: Commit, tmp_path: Path
) -> None:
    infos = {path: files.inspect(conn, File(images, path)) for path in _FILES}
    given = [Input("images", File(images, path), infos[path].digest) for path in ("/a/b/two (1).txt", "/c/[x].txt")]
    fetcher = Fetcher(conn, Cache(tmp_path), linked=True)
    done, lines = _try(
        slot, fetcher, _datum(images, "cd /pfs/images; find . -type f | sort | xargs -d '\\n' cat", *given)
    )
    assert lines == ["twothree"]
    assert done.download_bytes == 8


def test_a_file_that_is_missing_of_a_directory_is_fetched_alone(
    slot: Slot, conn: Connection, images: Commit, tmp_path: Path
) -> None:
    fetcher = Fetcher(conn, Cache(tmp_path), linked=True)
    large = File(images, "/large")
    given = Input("images", File(images, "/a/")), Input("images", large, files.inspect(conn, large).digest)
    done, _ = _try(slot, fetcher, _datum(images, "true", *given))
    assert done.download_bytes == 6 + (3 << 20)
    done, lines = _try(slot, fetcher, _datum(images, "cat /pfs/images/c/*"))
    assert (lines, done.download_bytes) == (["three"], 5)


def test_empty_files_have_their_names_alone(slot: Slot, fetcher: Fetcher, images: Commit) -> None:
    given = Input("images", File(images, "/a/"), empty=True)
    done, lines = _try(slot, fetcher, _datum(images, "cd /pfs/images; find . -type f -size 0 | sort", given))
    assert (lines, done.download_bytes) == (["./a/b/two (1).txt", "./a/one.txt"], 0)


def test_lazy_files_are_fetched_as_they_are_read_and_once(slot: Slot, fetcher: Fetcher, images: Commit) -> None:
    script = """
    cd /pfs/images; find . -type p | sort; cat a/one.txt; cat a/b/*; wc -c < large; ln -s /pfs/images/large /pfs/out/x
    cat large
    """
    done, lines = _try(slot, fetcher, _datum(images, script, Input("images", File(images, "/"), lazy=True)))
    assert lines[:4] == ["./a/b/two (1).txt", "./a/one.txt", "./c/[x].txt", "./large"]
    assert lines[4:] == [f"onetwo{3 << 20}", "cat: large: No such file or directory"]
    assert (done.why, done.download_bytes) == ("exit code 1", 6 + (3 << 20))
    given = Input("images", File(images, "/large"), lazy=True)
    done, lines = _try(slot, fetcher, _datum(images, "head -c 10 $images | wc -c; ln -s $images /pfs/out/x", given))
    assert (lines, done.outputs) == (["10"], (Copied("/x", "images", "/large"),))


def test_a_lazy_file_that_cannot_be_fetched_is_no_fault_of_the_code(
    slot: Slot, fetcher: Fetcher, images: Commit
) -> None:
    given = Input("images", File(images, "/none"), lazy=True)
    with pytest.raises(NotFound, match="/none"):
        _try(slot, fetcher, _datum(images, "cat $images", given))


def test_outputs_are_sent_as_the_datums_and_links_without_their_bytes(
    slot: Slot, fetcher: Fetcher, images: Commit, conn: Connection
) -> None:
    script = "echo new > /pfs/out/x; ln -s /pfs/images/large /pfs/out/big; ln -s /pfs/images/a /pfs/out/folder"
    datum = _datum(images, script)
    with tried(slot, fetcher, datum, next(_NAMES), print) as done:
        assert done.upload_bytes == 4
        assert {type(one) for one in done.outputs} == {Written, Copied}
        with files.modify(conn, datum.about.output) as changes:
            send(changes, datum, done.outputs)
    found = {
        info.file.path: info for info in files.walk(conn, File(datum.about.output, "/")) if info.type is FileType.FILE
    }
    assert [*found] == ["/big", "/folder/b/two (1).txt", "/folder/one.txt", "/x"]
    assert {info.file.datum for info in found.values()} == {"f" * 64}
    assert b"".join(files.get(conn, found["/big"].file)) == _FILES["/large"]


def test_code_finds_in_its_environment_what_it_works_on(
    slot: Slot, fetcher: Fetcher, images: Commit, conn: Connection
) -> None:
    one = File(images, "/a/one.txt")
    given = Input("in", one, files.inspect(conn, one).digest, join_on="j", group_by="g h")
    code = {"env": {"A": "1", "PACH_JOB_ID": "mine"}, "working_dir": "/pfs/in"}
    done, lines = _try(
        slot, fetcher, _datum(images, "pwd; env; . /pfs/.env; echo $PACH_DATUM_in_GROUP_BY; cat $in", given, **code)
    )
    assert done.state is State.SUCCESS
    assert (lines[0], lines[-2:]) == ("/pfs/in", ["g h", "one"])
    env = dict(line.split("=", 1) for line in lines if "=" in line)
    assert env.pop("PWD") == "/pfs/in"
    assert env == {
        "PATH": f"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:{Path(sys.executable).parent}",
        "HOME": "/tmp",
        "TMPDIR": "/tmp",
        "LANG": "C.UTF-8",
        "A": "1",
        "PACH_JOB_ID": "job",
        "PACH_OUTPUT_COMMIT_ID": "master",
        "PACH_DATUM_ID": "f" * 64,
        "PPS_PIPELINE_NAME": f"{images.repo.name}-out",
        "PPS_PROJECT_NAME": "default",
        "PPS_SPEC_COMMIT": "spec",
        "in": "/pfs/in/a/one.txt",
        "in_COMMIT": images.id,
        "PACH_DATUM_in_JOIN_ON": "j",
        "PACH_DATUM_in_GROUP_BY": "g h",
    }


@pytest.mark.parametrize(
    ("script", "code", "state", "why"),
    [
        ("exit 0", {}, State.SUCCESS, ""),
        ("exit 3", {}, State.FAILED, "exit code 3"),
        ("exit 3", {"accept_return_code": (3, 4)}, State.SUCCESS, ""),
        ("kill -9 $$", {}, State.FAILED, "it was ended by SIGKILL"),
        ("exit 3", {"err_cmd": ("sh",), "err_stdin": ("exit 0",)}, State.RECOVERED, "exit code 3"),
        ("exit 3", {"err_cmd": ("sh",), "err_stdin": ("exit 4",)}, State.FAILED, "exit code 3"),
        ("exit 3", {"err_cmd": ("false",), "accept_return_code": (1,)}, State.FAILED, "exit code 3"),
        ("sleep 60", {"err_cmd": ("true",), "limits": _SHORT}, State.RECOVERED, _LATE),
        ("mkfifo /pfs/out/p", {}, State.FAILED, "output /p is a named pipe: write a file, or write it to /tmp"),
    ],
)  # fmt: skip
def test_what_becomes_of_a_datum(
    slot: Slot, fetcher: Fetcher, images: Commit, script: str, code: dict[str, object], state: State, why: str
) -> None:
    given = Input("images", File(images, "/a/"))
    done, _ = _try(slot, fetcher, _datum(images, script, given, **code))
    assert (done.state, done.why) == (state, why)
    assert done.outputs == ()


def test_what_mends_a_datum_reads_lines_of_its_own_and_sees_what_was_left(
    slot: Slot, fetcher: Fetcher, images: Commit
) -> None:
    code = {
        "cmd": ("sh",),
        "stdin": ("echo tried; echo x > /pfs/out/x; exit 1",),
        "err_cmd": ("cat", "-", "/pfs/out/x"),
        "err_stdin": ("mended",),
    }
    done, lines = _try(slot, fetcher, _datum(images, "", Input("images", File(images, "/a/")), **code))
    assert (done.state, lines, done.outputs) == (State.RECOVERED, ["tried", "mended", "x"], ())


def test_inputs_in_the_cache_cannot_be_changed_by_code(slot: Slot, fetcher: Fetcher, images: Commit) -> None:
    script = "cd /pfs/images/a; echo other > one.txt; chmod 777 one.txt; truncate -s 0 one.txt; cat one.txt"
    for _ in range(2):
        _, lines = _try(slot, fetcher, _datum(images, script))
        assert lines[-1] == "one"


def test_without_a_fence_one_link_leads_from_datum_to_datum(conn: Connection, images: Commit, tmp_path: Path) -> None:
    fetcher = Fetcher(conn, Cache(tmp_path / "cache"), linked=False)
    link = tmp_path / "slot/pfs"
    with Slot(Place(tmp_path / "slot", plain=True, pfs=tmp_path / "pfs")) as slot:
        datum = _datum(
            images, 'cat "$images/a/one.txt"; echo; echo changed > "$images/a/one.txt"; cd; pwd; ln -s a /no/x'
        )
        with pytest.raises(Unavailable, match=f"pfs does not lead to {link}: sudo ln -sfn {link} {tmp_path}/pfs"):
            _try(slot, fetcher, datum)
        (tmp_path / "pfs").symlink_to(link)
        for _ in range(2):
            done, lines = _try(slot, fetcher, datum)
            assert lines[0] == "one"
            assert lines[1].startswith(f"{tmp_path}/slot/datum-")
        script = f"echo new > {tmp_path}/pfs/out/x; ln -s ../images/a {tmp_path}/pfs/out/y"
        done, _ = _try(slot, fetcher, _datum(images, script))
        assert {one.path for one in done.outputs} == {"/x", "/y"}


def test_code_reads_its_inputs_whatever_the_workers_mask_is(
    slot: Slot, conn: Connection, images: Commit, tmp_path: Path
) -> None:
    mask = os.umask(0o077)
    try:
        given = Input("images", File(images, "/a/")), Input("images", File(images, "/c/"), empty=True)
        fetcher = Fetcher(conn, Cache(tmp_path / "cache"), linked=True)
        script = "cat /pfs/images/a/b/* /pfs/images/c/* /pfs/.env > /dev/null && echo x > /pfs/out/x"
        done, lines = _try(slot, fetcher, _datum(images, script, *given))
    finally:
        os.umask(mask)
    assert (done.state, lines) == (State.SUCCESS, [])


def test_a_datum_that_is_killed_before_its_code_begins_is_not_begun(
    slot: Slot, conn: Connection, images: Commit, open_folder: Path
) -> None:
    class Fetching(Fetcher):
        def fetch(self, folder: Path, given: Input, pipes: Pipes) -> int:
            slot.kill(folder.name, "job stopped")
            return super().fetch(folder, given, pipes)

    fetcher = Fetching(conn, Cache(open_folder / f"cache-{next(_NAMES)}"), linked=True)
    done, lines = _try(slot, fetcher, _datum(images, "echo begun", err_cmd=("echo", "mended")))
    assert (done.state, done.why, lines) == (State.FAILED, "job stopped", [])


def test_an_error_of_who_listens_ends_the_slot_and_not_the_next_run(
    fetcher: Fetcher, images: Commit, open_folder: Path
) -> None:
    def fail(_: list[str]) -> None:
        raise RuntimeError("the log is full")

    datum = _datum(images, "echo x; sleep 60")
    with Slot(place(open_folder / "listening")) as slot:
        with pytest.raises(RuntimeError, match="the log is full"), tried(slot, fetcher, datum, "x", fail):
            pass
        with pytest.raises(Unavailable, match="the fence has ended"):
            _try(slot, fetcher, datum)
    assert not (slot.place.folder / "x").exists()
