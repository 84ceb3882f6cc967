"""What URLs may name and how much they may bring, whatever they lead to."""

from __future__ import annotations

import http.server
import os
import socket
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from howdah.client import channel, files, repos
from howdah.errors import Denied, HowdahError, Invalid, Unavailable, Unsupported, WrongState
from howdah.names import Commit, File
from howdah.server.rules import Rules
from howdah.server.urls import Urls
from howdah.testing.servers import StoreServer
from tests.server.conftest import REPO
from tests.server.webs import body, redirect, web


def read(url: str, rules: Rules = Rules(), *, recursive: bool = False) -> dict[str, bytes]:  # noqa: B008
    return {rest: b"".join(pieces) for rest, pieces in Urls(rules).read(url, recursive=recursive)}


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "100.100.100.200",
        "168.63.129.16",
        "[::ffff:169.254.169.254]",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:a9fe:a9fe::]",
        "0.0.0.0",
        "224.0.0.1",
        "metadata.google.internal",
        "2852039166",
        "0xa9fea9fe",
    ],
)
def test_nothing_is_fetched_from_where_clouds_keep_secrets(address: str) -> None:
    with pytest.raises(Denied, match="nothing is fetched from the address"):
        read(f"http://{address}/latest/meta-data/")


def test_a_name_that_leads_to_such_an_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def found(*_: Any, **__: Any) -> list[Any]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("93.184.216.34", 80)),
            (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("169.254.169.254", 80)),
        ]

    monkeypatch.setattr(socket, "getaddrinfo", found)
    for scheme in ("http", "https"):
        with pytest.raises(Denied, match=r"169\.254\.169\.254"):
            read(f"{scheme}://harmless.example/")


@pytest.mark.parametrize(
    ("to", "kind"),
    [
        ("http://169.254.169.254/latest", Denied),
        ("http://[fe80::1]/", Denied),
        ("file:///etc/passwd", WrongState),
        ("ftp://127.0.0.1/x", Unsupported),
    ],
)
def test_a_redirect_leads_no_further_than_a_url(to: str, kind: type[HowdahError]) -> None:
    with web(redirect(to)) as url, pytest.raises(kind):
        read(url)


def test_networks_of_ones_own_can_be_closed() -> None:
    with web(body(b"x")) as url:
        assert read(url) == {"": b"x"}
        with pytest.raises(Denied, match=r"127\.0\.0\.1 is no public address"):
            read(url, Rules(is_public_only=True))


def test_what_is_larger_than_the_limit_is_not_kept() -> None:
    for told in (None, -1):
        with web(body(b"x" * 2000, told=told)) as url:
            with pytest.raises(WrongState, match="holds more than 1999 bytes, which is this server's limit"):
                read(url, Rules(most=1999))
            assert len(read(url, Rules(most=2000))[""]) == 2000


def test_an_answer_that_is_cut_short_is_no_file() -> None:
    with web(body(b"x" * 10, told=20)) as url, pytest.raises(Unavailable, match="error retrieving content from"):
        read(url)


def _drips(handler: http.server.BaseHTTPRequestHandler) -> None:
    """Sends a byte now and then, for as long as somebody listens."""
    handler.send_response(200)
    handler.end_headers()
    try:
        while not threading.Event().wait(0.05):
            handler.wfile.write(b"x")
            handler.wfile.flush()
    except OSError:
        return


def test_a_server_that_drips_is_left_when_its_time_is_over() -> None:
    with web(_drips) as url, pytest.raises(Unavailable, match="took longer than 1 s, which is this server's limit"):
        read(url, Rules(seconds=1))


def test_reading_ends_when_nobody_waits_any_more() -> None:
    with web(_drips) as url:
        with Urls().awaited() as urls:
            [(_, pieces)] = urls.read(url)
            assert next(pieces)
        with pytest.raises(Unavailable, match="who asked for it is gone"):
            next(pieces)


@pytest.mark.parametrize("url", ["no-scheme", "://x", "s3:///key", "gs://-/x"])
def test_what_is_no_url_is_invalid(url: str) -> None:
    with pytest.raises(Invalid):
        read(url)


def test_schemes_are_those_that_are_offered() -> None:
    with pytest.raises(Unsupported, match="only gs, http, https, s3 are offered"):
        read("ftp://127.0.0.1/x")
    with pytest.raises(Unsupported, match="only https are offered"):
        read("http://127.0.0.1/x", Rules(schemes=frozenset({"https"})))
    with web(redirect("http://127.0.0.1/")) as url, pytest.raises(Unsupported):
        Urls().write(url, iter(()))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "allowed"
    (folder / "d").mkdir(parents=True)
    (folder / "a b?#.txt").write_bytes(b"a")
    (folder / "d" / "b").write_bytes(b"bb")
    (tmp_path / "secret").write_bytes(b"secret")
    return folder


def test_files_of_the_machine_are_read_in_folders_that_are_named(folder: Path) -> None:
    rules = Rules(folders=(folder,))
    assert read(f"file://{folder}/a b?#.txt", rules) == {"": b"a"}
    assert read(f"file://{folder}", rules, recursive=True) == {"a b?#.txt": b"a", "d/b": b"bb"}
    with pytest.raises(WrongState, match="No such file"):
        read(f"file://{folder}/none", rules)
    with pytest.raises(WrongState, match="directory"):
        read(f"file://{folder}", rules)
    with pytest.raises(WrongState, match="holds more than 2 bytes"):
        read(f"file://{folder}", Rules(folders=(folder,), most=2), recursive=True)
    with pytest.raises(Denied, match="below the folders that"):
        read(f"file://{folder}/d/b")


def test_no_path_or_link_leads_out_of_a_folder(folder: Path) -> None:
    rules = Rules(folders=(folder,))
    (folder / "d" / "link").symlink_to(folder.parent / "secret")
    for path in ("../secret", "d/../../secret", "d/link"):
        with pytest.raises(Denied, match="in none of the folders"):
            read(f"file://{folder}/{path}", rules)
    with pytest.raises(Denied):
        read(f"file://{folder}", rules, recursive=True)
    (folder / "d" / "link").unlink()
    (folder / "d" / "out").symlink_to(folder.parent)
    with pytest.raises(Denied):
        Urls(rules).write(f"file://{folder}/d/out", iter([("x", iter([b"x"]))]))
    with pytest.raises(Denied):
        Urls(rules).write(f"file://{folder}/d", iter([("out/x", iter([b"x"]))]))
    assert not (folder.parent / "x").exists()


def test_a_pipe_is_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    with pytest.raises(WrongState, match="no regular file"):
        read(f"file://{folder}/pipe", Rules(folders=(folder,)))


def test_files_are_written_whole_or_not_at_all(folder: Path) -> None:
    urls = Urls(Rules(folders=(folder,), most=1))
    assert urls.write(f"file://{folder}/new", iter([("x/y", iter([b"1", b"2"])), ("z", iter([]))])) == 2
    assert (folder / "new" / "x" / "y").read_bytes() == b"12"

    def broken() -> Any:
        yield b"1"
        raise Unavailable("gone")

    with pytest.raises(Unavailable, match="gone"):
        urls.write(f"file://{folder}/new", iter([("z", broken())]))
    assert sorted(path.name for path in (folder / "new").iterdir()) == ["x", "z"]
    assert (folder / "new" / "z").read_bytes() == b""


def test_without_its_extra_a_bucket_is_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    with pytest.raises(Unsupported, match=r"pip install 'howdah\[objects\]'"):
        read("s3://bucket/key")


def test_options_and_settings_of_the_server_are_the_rules(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOWDAH_URL_BYTES", "1")
    monkeypatch.setenv("HOWDAH_URL_PUBLIC_ONLY", "true")
    options = ("--url-folder", str(folder), "--url-scheme", "http")
    with StoreServer(folder.parent / "data", *options) as server, channel.connect(server.address) as connection:
        repos.create(connection, REPO)

        def put(url: str) -> None:
            with files.modify(connection, Commit(REPO, "master")) as changes:
                changes.put_url("/x", url)

        with pytest.raises(Denied, match="no public address"):
            put("http://127.0.0.1/")
        with pytest.raises(Unsupported, match="only http, file are offered"):
            put("https://127.0.0.1/")
        with pytest.raises(WrongState, match="more than 1 bytes"):
            put(f"file://{folder}/d/b")
        put(f"file://{folder}/a b?#.txt")
        assert files.inspect(connection, File(Commit(REPO, "master"), "/x")).size == 1


def test_a_bucket_without_credentials_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", "http://127.0.0.1:1")  # where the machine's role would be asked for
    with pytest.raises(Denied, match="nothing to show who it is: set AWS_ACCESS_KEY_ID .* AWS_SKIP_SIGNATURE"):
        read("s3://bucket/key")
