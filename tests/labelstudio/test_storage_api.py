"""The REST interface and Check Connection, as the dialog and published scripts use them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent import futures
from typing import Any

import grpc
import pytest
from django.test import Client, override_settings
from django.utils import timezone

from howdah.client import commits, repos
from howdah.labelstudio import api, importing, runs
from howdah.labelstudio.models import PachydermImportStorage
from howdah.names import parse_branch, parse_repo
from tests.labelstudio.conftest import Shelf, Site, eventually

SOURCE, TARGET = "/api/storages/pachyderm", "/api/storages/export/pachyderm"


def reason(site: Site, kind: str, repo: str, **fields: Any) -> str:
    """Why Check Connection fails, as the dialog shows it."""
    answer = site.send("POST", f"{kind}/validate", site.fields(repo, **fields), expect=400)
    return str(next(iter(answer["validation_errors"].values()))[0])


@pytest.mark.parametrize("kind", [SOURCE, TARGET])
def test_check_connection_succeeds(site: Site, shelf: Shelf, kind: str) -> None:
    site.send("POST", f"{kind}/validate", site.fields(shelf.repo(**{"a.jpg": b"a"})))


def test_a_missing_repo_is_named_with_the_remedy(site: Site) -> None:
    assert reason(site, SOURCE, "nowhere") == (
        f"repo default/nowhere not found at {site.address}; create it: howdah create repo nowhere"
    )


def test_a_missing_branch_is_named_with_those_that_are(site: Site, shelf: Shelf) -> None:
    repo = shelf.repo(**{"a.jpg": b"a"})
    assert reason(site, SOURCE, f"{repo}@nope") == f"branch nope not found in repo default/{repo}; its branches: master"


def test_a_missing_project_commit_and_folder_are_named(site: Site, shelf: Shelf) -> None:
    repo, commit = shelf.repo(**{"a.jpg": b"a"}), "0" * 12 + "4" + "0" * 19
    assert "project nobody not found" in reason(site, SOURCE, f"nobody/{repo}")
    assert "project nobody not found" in reason(site, TARGET, f"nobody/{repo}")
    assert reason(site, SOURCE, repo, pach_commit=commit) == f"commit {commit} not found in repo default/{repo}"
    assert "folder /none not found" in reason(site, SOURCE, repo, prefix="none")


@pytest.mark.parametrize("kind", [SOURCE, TARGET])
def test_an_address_where_nobody_answers_is_named(site: Site, shelf: Shelf, kind: str) -> None:
    told = reason(site, kind, shelf.repo(), pachd_address="grpc://127.0.0.1:9")
    assert "grpc://127.0.0.1:9 does not answer" in told


@pytest.mark.parametrize("kind", [SOURCE, TARGET])
def test_a_server_that_is_no_store_is_told(site: Site, kind: str) -> None:
    server = grpc.server(futures.ThreadPoolExecutor(1))
    address = f"grpc://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    assert f"what answers at {address} is no store" in reason(site, kind, "images", pachd_address=address)
    server.stop(None).wait()


@pytest.mark.parametrize("kind", [SOURCE, TARGET])
def test_a_refused_token_is_told(site: Site, kind: str) -> None:
    with _refusing_store("no authentication token (try logging in)") as address:
        told = reason(site, kind, "images", pachd_address=address, pach_authn_token="wrong")
    assert "refused the token" in told


class _refusing_store:  # noqa: N801  (used as a block)
    """A gRPC server that lets nobody in."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._server = grpc.server(futures.ThreadPoolExecutor(2))

    def __enter__(self) -> str:
        text = self._text

        class Refuse(grpc.GenericRpcHandler):
            def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
                def refuse(_: Any, context: grpc.ServicerContext) -> None:
                    context.abort(grpc.StatusCode.UNAUTHENTICATED, text)

                return grpc.unary_unary_rpc_method_handler(refuse)

        self._server.add_generic_rpc_handlers((Refuse(),))
        port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()
        return f"grpc://127.0.0.1:{port}"

    def __exit__(self, *_: object) -> None:
        self._server.stop(None).wait()


@pytest.mark.parametrize(
    ("repo", "fields", "told"),
    [
        ("images@", {}, "nothing after @"),
        ("im ages", {}, "only alphanumeric characters"),
        ("images@one", {"pach_branch": "two"}, "in the repo field but 'two' in its own field"),
        ("images", {"regex_filter": "("}, "is no regular expression"),
        ("images", {"pachd_address": "ftp://x"}, "expected grpc://HOST:PORT"),
        ("", {}, ""),
    ],
)
def test_fields_that_mean_nothing_are_told(site: Site, repo: str, fields: dict[str, Any], told: str) -> None:
    assert told in reason(site, SOURCE, repo, **fields)


def test_repo_project_and_branch_can_be_given_together_or_apart(site: Site, shelf: Shelf) -> None:
    repo = shelf.repo(**{"a.jpg": b"a"})
    ways: list[dict[str, Any]] = [
        {"pach_repo": f"default/{repo}@master"},
        {"pach_repo": repo, "pach_branch": "master", "pach_project": "default"},
        {"pach_repo": repo, "pach_branch": None, "pach_project": "", "pach_commit": None, "pach_authn_token": None},
    ]
    for given in ways:
        assert site.sync(site.source(repo, **given))["status"] == "completed"


def test_the_token_is_never_sent_back_and_survives_an_edit(site: Site, shelf: Shelf) -> None:
    source = site.source(shelf.repo(**{"a.jpg": b"a"}), pach_authn_token="secret")
    path = f"{SOURCE}/{source['id']}"

    edited = site.send("PATCH", path, {"title": "renamed", "pach_authn_token": "", "pachd_address": site.address})

    for answer in (source, edited, site.send("GET", path), *site.send("GET", f"{SOURCE}?project={site.project.id}")):
        assert "pach_authn_token" not in answer
        assert "secret" not in str(answer)
    assert PachydermImportStorage.objects.get(pk=source["id"]).pach_authn_token == "secret"


def test_a_stored_token_is_not_sent_to_another_address(site: Site, shelf: Shelf) -> None:
    source = site.source(shelf.repo(**{"a.jpg": b"a"}), pach_authn_token="secret")
    body = {**site.fields("images"), "id": source["id"], "pachd_address": "grpc://127.0.0.1:9"}

    answer = site.send("POST", f"{SOURCE}/validate", body, expect=400)

    assert "Enter the token of the new address" in str(answer["validation_errors"])


def test_check_connection_on_an_edit_saves_nothing(site: Site, shelf: Shelf) -> None:
    repo = shelf.repo(**{"a.jpg": b"a"})
    source = site.source(repo)

    site.send("POST", f"{SOURCE}/validate", {**site.fields(repo), "id": source["id"], "title": "not saved"})

    assert site.send("GET", f"{SOURCE}/{source['id']}")["title"] == "mine"


def test_an_edit_that_moves_nothing_needs_no_store(new_site: Callable[..., Site], fragile: Shelf) -> None:
    site = new_site(fragile.address)
    source = site.source(fragile.repo(**{"a.jpg": b"a"}))
    fragile.server.stop()
    form = {**source, "title": "renamed", "prefix": "", "regex_filter": "", "pach_authn_token": ""}
    assert site.send("PATCH", f"{SOURCE}/{source['id']}", form)["title"] == "renamed"
    site.send("PATCH", f"{SOURCE}/{source['id']}", {"pach_repo": "another"}, expect=400)


def test_files_previews_what_a_sync_would_take(site: Site, shelf: Shelf) -> None:
    repo = shelf.repo(**{"a.jpg": b"abc", "b.txt": b"b", "c/d.jpg": b"d"})
    listed = site.send("POST", f"{SOURCE}/files", site.fields(repo, regex_filter=".*jpg"))["files"]
    assert [(row["key"], row["size"]) for row in listed] == [("/a.jpg", 3), ("/c/d.jpg", 1)]

    cut = site.send("POST", f"{SOURCE}/files", site.fields(repo, limit=1))["files"]
    assert [row["key"] for row in cut] == ["/a.jpg", None]
    assert site.send("POST", f"{TARGET}/files", site.fields(repo + "-not-yet"))["files"] == []


def test_preview_of_more_than_can_be_looked_at_says_that_there_may_be_more(
    site: Site, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "PREVIEW_SECONDS", -1.0)
    listed = site.send("POST", f"{SOURCE}/files", site.fields(shelf.repo(**{"a.jpg": b"a"})))["files"]
    assert [row["key"] for row in listed] == [None]


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("kind", [SOURCE, TARGET])
def test_paths_answer_with_and_without_a_slash(site: Site, shelf: Shelf, kind: str, slash: str) -> None:
    made = site.send("POST", kind + slash, site.fields(shelf.repo(**{"a.jpg": b"a"})), expect=201)
    assert made["type"] == "pachyderm"
    assert site.send("GET", f"{kind}/{made['id']}{slash}")["id"] == made["id"]
    assert site.send("GET", f"{kind}{slash}?project={site.project.id}")[0]["id"] == made["id"]
    assert site.send("GET", f"{kind}/form{slash}")[0]["fields"][0]["name"] == "title"
    site.send("DELETE", f"{kind}/{made['id']}{slash}", expect=204)


def test_the_host_lists_the_type_first(site: Site) -> None:
    for path in ("/api/storages/types", "/api/storages/export/types"):
        assert site.send("GET", path)[0] == {"name": "pachyderm", "title": "Pachyderm"}


def test_an_empty_address_is_the_store_that_the_settings_name(site: Site, shelf: Shelf) -> None:
    with override_settings(HOWDAH_ADDRESS=shelf.address):
        assert site.sync(site.source(shelf.repo(**{"a.jpg": b"a"}), pachd_address=""))["last_sync_count"] == 1


def test_numbers_that_nobody_filled_in_come_empty_from_the_dialog(site: Site, shelf: Shelf) -> None:
    repo, empty = shelf.repo(), {"every_minutes": "", "every_annotations": ""}
    site.send("POST", f"{TARGET}/validate", site.fields(repo, **empty))
    made = site.target(repo, **empty)
    assert (made["every_minutes"], made["every_annotations"]) == (None, None)
    path = f"{TARGET}/{made['id']}"
    by_rule = {"commit_when": "every", "every_minutes": "5", "every_annotations": ""}
    assert site.send("PATCH", path, by_rule)["every_minutes"] == 5
    assert site.send("PATCH", path, {"every_minutes": "", "every_annotations": "3"})["every_minutes"] is None


def test_what_nobody_chose_in_the_dialog_is_the_default_and_stays_what_it_was_on_edit(site: Site, shelf: Shelf) -> None:
    empty = {"use_blob_urls": "", "on_edit": "", "on_remove": ""}
    made = site.source(shelf.repo(**{"a.json": b"[]"}), **empty)
    assert (made["use_blob_urls"], made["on_edit"], made["on_remove"]) == (True, "move", "archive")
    path = f"{SOURCE}/{made['id']}"
    site.send("PATCH", path, {"use_blob_urls": False, "on_edit": "new"})
    edited = site.send("PATCH", path, {**empty, "title": "renamed"})
    assert (edited["use_blob_urls"], edited["on_edit"], edited["title"]) == (False, "new", "renamed")
    target = site.target(shelf.repo(), layout="", commit_when="")
    assert (target["layout"], target["commit_when"]) == ("task", "sync")


def test_selects_of_the_dialog_give_no_value_which_would_hide_the_stored_one(site: Site) -> None:
    for kind in (SOURCE, TARGET):
        fields = [field for row in site.send("GET", f"{kind}/form") for field in row["fields"]]
        chosen = [field for field in fields if field["type"] == "select"]
        assert chosen
        for field in chosen:
            assert "value" not in field
            assert field["placeholder"] == field["options"][0]["label"]


def test_a_target_is_not_synced_by_being_made(site: Site, shelf: Shelf) -> None:
    site.annotate(*site.add_tasks(1))
    repo = shelf.repo()
    site.target(repo)
    assert shelf.history(repo) == []


@pytest.mark.parametrize("kind", [SOURCE, TARGET])
def test_people_who_were_removed_see_and_change_nothing(
    site: Site, shelf: Shelf, new_user: Callable[..., Any], kind: str
) -> None:
    made = site.send("POST", kind, site.fields(shelf.repo(**{"a.jpg": b"a"})), expect=201)
    other = Site(new_user(removed=True), site.project, shelf.address)

    for method, path, body in (
        ("GET", f"{kind}/{made['id']}", None),
        ("PATCH", f"{kind}/{made['id']}", {"title": "taken"}),
        ("DELETE", f"{kind}/{made['id']}", None),
        ("POST", f"{kind}/{made['id']}/sync", None),
        ("GET", f"{kind}?project={site.project.id}", None),
        ("POST", kind, other.fields("images")),
        ("POST", f"{kind}/validate", other.fields("images")),
        ("POST", f"{kind}/validate", {**other.fields("images"), "id": made["id"]}),
        ("POST", f"{kind}/files", other.fields("images")),
    ):
        answer = other.client.generic(method, path, json.dumps(body or {}), content_type="application/json")
        assert answer.status_code in (403, 404), (method, path, answer.status_code, answer.content)


def test_nobody_is_let_in_without_signing_in(site: Site) -> None:
    for path in (SOURCE, TARGET, f"{SOURCE}/form", f"{SOURCE}/1"):
        assert Client().get(path).status_code == 401


def test_a_missing_repo_during_a_sync_fails_with_the_reason(site: Site, shelf: Shelf) -> None:
    repo = shelf.repo(**{"a.jpg": b"a"})
    source = site.source(repo)
    repos.delete(shelf.conn, parse_repo(repo))

    failed = site.sync(source)

    assert failed["status"] == "failed"
    assert failed["traceback"].startswith(f"Repo default/{repo} not found")


def test_two_syncs_at_once_are_refused_and_a_long_one_is_answered_early(
    site: Site, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "WAIT", 0.05)
    go, real = threading.Event(), importing.run

    def slow(*args: Any) -> Any:
        assert go.wait(30)
        return real(*args)

    monkeypatch.setattr(importing, "run", slow)
    source = site.source(shelf.repo(**{"a.jpg": b"a"}))
    path = f"{SOURCE}/{source['id']}"

    assert site.send("POST", f"{path}/sync")["status"] in {"queued", "in_progress"}
    assert "already under way" in site.send("POST", f"{path}/sync", expect=409)["detail"]
    go.set()

    assert eventually(lambda: site.send("GET", path)["status"] == "completed", "the end of the Sync")


def test_a_branch_with_an_open_first_commit_is_told(site: Site, shelf: Shelf) -> None:
    repo = shelf.repo()
    commit = commits.start(shelf.conn, parse_branch(repo))
    assert "has no finished commit yet; finish commit" in reason(site, SOURCE, repo)
    commits.finish(shelf.conn, commit, error="a job failed")
    assert "has no finished commit yet; mend what made it (a job failed)" in reason(site, SOURCE, repo)
    assert "ended with an error (a job failed)" in reason(site, SOURCE, repo, pach_commit=commit.id)


def test_a_sync_is_cancelled_only_while_it_runs(site: Site, shelf: Shelf) -> None:
    source = site.source(shelf.repo(**{"a.jpg": b"a"}))
    told = site.send("POST", f"/api/storages/pachyderm/{source['id']}/cancel", expect=409)
    assert told["detail"] == "no Sync of this storage is under way"
    now = str(timezone.now())
    meta = {"time_in_progress": now, "time_last_ping": now, "owner": {"host": "elsewhere"}, "done": 5}
    PachydermImportStorage.objects.filter(pk=source["id"]).update(status="in_progress", last_sync_job="x", meta=meta)
    told = site.send("POST", f"/api/storages/pachyderm/{source['id']}/cancel")
    assert told["status"] == "failed"
    assert told["traceback"].startswith(f"Cancelled by {site.user.email}. What was done until then stays")
