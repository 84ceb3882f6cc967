"""Files of tasks reach the browser from the store: whole or in part, and only to people of the project."""

from __future__ import annotations

import email
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from howdah.labelstudio.uris import encode
from howdah.testing.servers import StoreServer
from tests.labelstudio.conftest import Shelf, Site

CONTENT = bytes(range(256)) * 40


def media(site: Site, name: str = "a.jpg", content: bytes = CONTENT) -> str:
    """The path under which the only file of a new source is shown."""
    shelf = Shelf.at(site.address)
    site.sync(site.source(shelf.repo(**{name: content})))
    (task,) = site.send("GET", f"/api/tasks?project={site.project.id}&fields=all")["tasks"]
    return str(task["data"]["image"])


def address(path: str, uri: str) -> str:
    """Another file at the path of a task's."""
    return f"{path.partition('?')[0]}?fileuri={encode(uri)}"


def body(answer: Any) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


@pytest.mark.parametrize(
    ("header", "first", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-", 0, 10240),
        ("bytes=10-19", 10, 20),
        ("bytes=10000-", 10000, 10240),
        ("bytes=10000-99999", 10000, 10240),
        ("bytes=-7", 10233, 10240),
        ("bytes=-99999", 0, 10240),
    ],
)
def test_each_form_of_range_gives_that_part(site: Site, header: str, first: int, end: int) -> None:
    answer = site.get(media(site), range=header)
    assert answer.status_code == 206
    assert answer.headers["Content-Range"] == f"bytes {first}-{end - 1}/10240"
    assert answer.headers["Content-Length"] == str(end - first)
    assert body(answer) == CONTENT[first:end]


@pytest.mark.parametrize("header", ["", "bytes=5-2", "bytes=a-b", "lines=1-2", "bytes=0-5,4-9", "bytes=-"])
def test_what_is_no_range_gives_the_whole(site: Site, header: str) -> None:
    answer = site.get(media(site), **({"range": header} if header else {}))
    assert (answer.status_code, answer.headers["Content-Length"]) == (200, "10240")
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert body(answer) == CONTENT


@pytest.mark.parametrize("header", ["bytes=10240-", "bytes=-0", "bytes=99999-100000"])
def test_a_range_behind_the_end_is_refused_with_the_size(site: Site, header: str) -> None:
    answer = site.get(media(site), range=header)
    assert (answer.status_code, answer.headers["Content-Range"]) == (416, "bytes */10240")


def test_several_ranges_are_parts_of_one_body(site: Site) -> None:
    answer = site.get(media(site), range="bytes=0-0, 10-19,-7,20000-")
    assert answer.status_code == 206
    sent = body(answer)
    assert answer.headers["Content-Length"] == str(len(sent))
    head = f"Content-Type: {answer.headers['Content-Type']}\r\n\r\n".encode()
    parts: Any = email.message_from_bytes(head + sent)
    assert parts.get_content_type() == "multipart/byteranges"
    assert [(part["Content-Range"], part.get_payload(decode=True)) for part in parts.get_payload()] == [
        ("bytes 0-0/10240", CONTENT[:1]),
        ("bytes 10-19/10240", CONTENT[10:20]),
        ("bytes 10233-10239/10240", CONTENT[-7:]),
    ]


def test_an_empty_file_is_shown_as_such(site: Site) -> None:
    answer = site.get(media(site, "empty.txt", b""))
    assert (answer.status_code, answer.headers["Content-Length"], body(answer)) == (200, "0", b"")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.jpg", "image/jpeg"),
        ("a.mp3", "audio/mpeg"),
        ("a.wav", "audio/x-wav"),
        ("a.mp4", "video/mp4"),
        ("a.txt", "text/plain; charset=utf-8"),
        ("a.csv", "text/csv; charset=utf-8"),
        ("a.json", "application/json"),
        ("a.unknown", "application/octet-stream"),  # as CONTENT is
    ],
)
def test_the_type_follows_the_name(site: Site, name: str, kind: str) -> None:
    assert site.get(media(site, name)).headers["Content-Type"] == kind


def test_a_name_that_tells_no_type_leaves_it_to_the_first_bytes(site: Site) -> None:
    picture = b"\x89PNG\r\n\x1a\n" + bytes(1000)
    path = media(site, "picture", picture)
    for headers in ({}, {"range": "bytes=500-"}, {"range": "bytes=-1"}):
        assert site.get(path, **headers).headers["Content-Type"] == "image/png"
    assert site.client.head(path).headers["Content-Type"] == "image/png"


@pytest.mark.parametrize("name", ["page.html", "drawing.svg"])
def test_a_file_that_could_run_is_shown_in_a_sandbox(site: Site, name: str) -> None:
    answer = site.get(media(site, name))
    assert answer.headers["Content-Security-Policy"] == "sandbox"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_an_unchanged_file_is_not_sent_again(site: Site) -> None:
    path = media(site)
    first = site.get(path)
    assert first.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    assert {"Cookie", "Authorization"} <= set(first.headers["Vary"].split(", "))
    again = site.get(path, if_none_match=f'"other", W/{first.headers["ETag"]}')
    assert (again.status_code, body(again)) == (304, b"")


def test_a_range_of_another_version_gives_the_whole(site: Site) -> None:
    answer = site.get(media(site), range="bytes=0-0", if_range='"another"')
    assert answer.status_code == 200


def test_a_range_of_this_version_is_that_part(site: Site) -> None:
    path = media(site)
    tag = site.get(path).headers["ETag"]
    assert site.get(path, range="bytes=0-0", if_range=tag).status_code == 206


def test_what_is_not_pinned_is_asked_for_each_time(site: Site) -> None:
    path = media(site)
    repo = site.send("GET", f"/api/storages/pachyderm?project={site.project.id}")[0]["pach_repo"]
    answer = site.get(address(path, f"pfs://default/{repo}@master:/a.jpg"))
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "private, no-cache")
    assert "ETag" not in answer.headers


def test_head_tells_the_size(site: Site) -> None:
    answer = site.client.head(media(site))
    assert (answer.status_code, answer.headers["Content-Length"]) == (200, "10240")


def test_older_and_project_paths_serve_as_well(site: Site) -> None:
    path = media(site)
    for other in (
        path.replace("/resolve/", "/presign/"),
        f"/projects/{site.project.id}/resolve/?{path.partition('?')[2]}",
    ):
        assert body(site.get(other, range="bytes=-3")) == CONTENT[-3:]


def test_paths_stay_on_the_site_they_came_from(site: Site) -> None:
    assert media(site).startswith("/tasks/")


def test_removed_people_and_those_who_are_not_signed_in_get_nothing(site: Site, new_user: Callable[..., Any]) -> None:
    path = media(site)
    stranger = Site(new_user(removed=True), site.project, site.address)
    assert stranger.get(path).status_code == 403
    assert Client().get(path).status_code == 401


@pytest.mark.parametrize("path", ["/missing.jpg", "/", "/folder", "/../a.jpg"])
def test_a_path_that_is_no_file_is_not_found(site: Site, path: str) -> None:
    shown = media(site, "folder/a.jpg")
    repo = site.send("GET", f"/api/storages/pachyderm?project={site.project.id}")[0]["pach_repo"]
    uri = f"pfs://default/{repo}@master:{path}"
    assert site.get(f"{shown.partition('?')[0]}?fileuri={encode(uri)}").status_code in (400, 404)


def test_a_large_file_comes_as_a_stream_and_can_be_left_early(site: Site) -> None:
    path = media(site, "film.mp4", b"0123456789abcdef" * (1 << 20))
    answer = site.get(path)
    pieces = iter(answer.streaming_content)
    first = next(pieces)
    answer.close()
    assert 0 < len(first) < 16 << 20
    assert body(site.get(path, range="bytes=16777200-")) == b"0123456789abcdef"


def test_a_store_that_is_away_is_told(new_site: Callable[..., Site], fragile: Shelf) -> None:
    site = new_site(fragile.address)
    path = media(site)
    fragile.server.stop()
    answer = site.get(path)
    assert answer.status_code == 502
    assert "does not answer" in answer.json()["detail"]
    with StoreServer(fragile.server.data, port=fragile.server.port):
        assert site.get(path).status_code == 200


def test_old_versions_stay_shown_after_the_file_changed(site: Site, shelf: Shelf) -> None:
    path = media(site)
    repo = site.send("GET", f"/api/storages/pachyderm?project={site.project.id}")[0]["pach_repo"]
    shelf.put(repo, {"a.jpg": b"new"})
    assert body(site.get(path)) == CONTENT
