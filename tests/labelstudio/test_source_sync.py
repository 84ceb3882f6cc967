"""A source Sync makes one task of each file of one commit, row for row as the host's own storages do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.test import override_settings
from projects.models import ProjectSummary
from tasks.models import Annotation, Prediction, Task
from webhooks.models import Webhook

from howdah import uris
from howdah.client import branches, commits, files
from howdah.labelstudio.models import PachydermImportStorageLink
from howdah.names import Commit, File, parse_branch, parse_repo
from tests.labelstudio.conftest import BOX, Shelf, Site
from tests.labelstudio.listening import listening

AWKWARD = [
    "Foto (1) ü.jpg",
    "a b/100% #1?.jpg",
    "[x]*{y}.jpg",
    "quo\"te's.jpg",
    "%41.jpg",
    "=&+;.jpg",
    "n" * 251 + ".jpg",
]


def raw_data(site: Site) -> list[dict[str, Any]]:
    return list(site.project.tasks.order_by("id").values_list("data", flat=True))


def test_each_file_of_the_head_is_a_task_pinned_to_its_commit(site: Site, shelf: Shelf) -> None:
    repo = shelf.repo()
    commit = shelf.put(repo, {"a.jpg": b"a", "deep/b.jpg": b"b"})

    synced = site.sync(site.source(f"{repo}@master"))

    assert (synced["status"], synced["last_sync_count"], synced["meta"]["commit"]) == ("completed", 2, commit)
    assert raw_data(site) == [
        {"$undefined$": f"pfs://default/{repo}@{commit}:/a.jpg"},
        {"$undefined$": f"pfs://default/{repo}@{commit}:/deep/b.jpg"},
    ]
    link = PachydermImportStorageLink.objects.get(task__project=site.project, key="/a.jpg")
    assert (link.commit, len(link.digest)) == (commit, 64)


def test_a_second_sync_adds_only_what_is_new(site: Site, shelf: Shelf) -> None:
    repo = shelf.repo(**{"a.jpg": b"a", "b.jpg": b"b"})
    source = site.source(repo)
    site.sync(source)
    first = raw_data(site)
    shelf.put(repo, {"c.jpg": b"c", "b.jpg": b"changed"})

    again = site.sync(source)

    assert (again["last_sync_count"], again["meta"]["tasks_existed"], again["meta"]["files_changed"]) == (1, 2, 1)
    assert raw_data(site)[0] == first[0]
    assert len(raw_data(site)) == 3


def test_a_file_is_a_task_once_in_the_database_too(site: Site, shelf: Shelf) -> None:
    source = site.source(shelf.repo(**{"a.jpg": b"a"}))
    site.sync(source)
    (other,) = site.add_tasks(1)

    with pytest.raises(IntegrityError), transaction.atomic():
        PachydermImportStorageLink.objects.create(task_id=other, storage_id=source["id"], key="/a.jpg")


def test_awkward_names_come_back_as_they_were(site: Site, shelf: Shelf) -> None:
    repo = shelf.repo()
    shelf.put(repo, {name: name.encode() for name in AWKWARD})
    site.sync(site.source(repo))

    tasks = site.send("GET", f"/api/tasks?project={site.project.id}&fields=all&page_size=100")["tasks"]

    assert sorted(task["storage_filename"].lstrip("/") for task in tasks) == sorted(AWKWARD)
    for task in tasks:
        answer = site.get(task["data"]["image"])
        assert b"".join(answer.streaming_content).decode() == task["storage_filename"].lstrip("/")


def test_filter_folder_and_depth_choose_the_files(site: Site, shelf: Shelf, new_site: Callable[..., Site]) -> None:
    content = {name: b"x" for name in ("a.jpg", "a.txt", "sub/b.jpg", "sub/deep/c.jpg", "subway/d.jpg")}
    repo = shelf.repo(**content)

    def taken(**fields: Any) -> list[str]:
        other = new_site(shelf.address)
        other.sync(other.source(repo, **fields))
        links = PachydermImportStorageLink.objects.filter(task__project=other.project)
        return sorted(links.values_list("key", flat=True))

    assert taken(regex_filter=r".*\.jpg$", recursive_scan=False) == ["/a.jpg"]
    assert taken(prefix="sub") == ["/sub/b.jpg", "/sub/deep/c.jpg"]
    assert taken(prefix="/sub/", recursive_scan=False) == ["/sub/b.jpg"]
    assert taken(regex_filter="sub/.*") == ["/sub/b.jpg", "/sub/deep/c.jpg"]


def test_a_commit_can_be_named(site: Site, shelf: Shelf) -> None:
    repo = shelf.repo()
    old = shelf.put(repo, {"a.jpg": b"a"})
    shelf.put(repo, {"b.jpg": b"b"})

    synced = site.sync(site.source(repo, pach_commit=old))

    assert (synced["last_sync_count"], synced["meta"]["commit"]) == (1, old)


def test_an_open_head_is_not_taken_but_the_commit_before_it(site: Site, shelf: Shelf) -> None:
    repo = shelf.repo()
    finished = shelf.put(repo, {"a.jpg": b"a"})
    opened = commits.start(shelf.conn, parse_branch(repo))
    with files.modify(shelf.conn, opened) as changes:
        changes.put("/b.jpg", b"b")

    synced = site.sync(site.source(repo))
    commits.finish(shelf.conn, opened)

    assert (synced["status"], synced["meta"]["commit"]) == ("completed", finished)


def test_a_head_that_failed_is_not_taken_but_the_commit_before_it(site: Site, shelf: Shelf) -> None:
    repo = shelf.repo()
    finished = shelf.put(repo, {"a.jpg": b"a"})
    source = site.source(repo)
    site.sync(source)
    failed = commits.start(shelf.conn, parse_branch(repo))
    with files.modify(shelf.conn, failed) as changes:
        changes.delete("/a.jpg")
    commits.finish(shelf.conn, failed, error="a job failed")

    synced = site.sync(source)

    assert (synced["status"], synced["meta"]["commit"]) == ("completed", finished)
    assert len(raw_data(site)) == 1


def test_an_empty_repo_gives_no_tasks(site: Site, shelf: Shelf) -> None:
    repo = shelf.repo()
    branches.create(shelf.conn, parse_branch(repo))

    assert site.sync(site.source(repo))["status"] == "completed"
    assert raw_data(site) == []


def test_json_files_hold_tasks(site: Site, shelf: Shelf) -> None:
    repo = shelf.repo(
        **{
            "one.json": json.dumps({"data": {"image": "/1.jpg"}}).encode(),
            "many.json": json.dumps([{"image": "/2.jpg"}, {"data": {"image": "/3.jpg"}, "allow_skip": False}]).encode(),
            "rows.jsonl": b'{"image": "/4.jpg"}\n{"image": "/5.jpg"}\n',
        }
    )
    source = site.source(repo, use_blob_urls=False)

    synced = site.sync(source)

    assert (synced["status"], synced["last_sync_count"]) == ("completed", 5)
    assert sorted(data["image"] for data in raw_data(site)) == [f"/{n}.jpg" for n in range(1, 6)]
    assert site.sync(source)["last_sync_count"] == 0


def test_a_file_that_is_no_task_is_told_and_the_rest_is_taken(site: Site, shelf: Shelf) -> None:
    repo = shelf.repo(**{"a.json": b"{not json", "b.json": b'{"image": "/b.jpg"}', "c.jpg": b"c", "d.json": b"[1]"})

    synced = site.sync(site.source(repo, use_blob_urls=False))

    assert (synced["status"], synced["last_sync_count"]) == ("completed_with_errors", 1)
    told = synced["traceback"].splitlines()
    assert [line.split(":")[0] for line in told] == ["/a.json", "/c.jpg", "/d.json"]
    assert "choose the import method Files" in told[1]


def test_text_that_the_database_cannot_hold_is_told_and_the_rest_is_taken(site: Site, shelf: Shelf) -> None:
    nul = json.dumps({"text": "a\0b"}).encode()
    repo = shelf.repo(**{"a.json": nul, "b.json": b'{"text": "b"}'})

    synced = site.sync(site.source(repo, use_blob_urls=False))

    kept = [data["text"] for data in raw_data(site)]
    if connection.vendor == "sqlite":
        assert (synced["status"], kept) == ("completed", ["a\0b", "b"])
    else:
        assert (synced["status"], kept) == ("completed_with_errors", ["b"])
        assert synced["traceback"].startswith("/a.json: holds what the database cannot keep: ")


def test_an_address_within_json_is_shown_from_the_store(site: Site, shelf: Shelf) -> None:
    images = shelf.repo(**{"x.jpg": b"an image"})
    head = File(Commit(parse_repo(images), "master"), "/x.jpg")
    tasks = json.dumps({"data": {"image": uris.format_uri(head)}}).encode()
    shelf.put(images, {"task.json": tasks})
    site.sync(site.source(images, use_blob_urls=False, regex_filter=".*json"))

    (task,) = site.send("GET", f"/api/tasks?project={site.project.id}&fields=all")["tasks"]

    assert b"".join(site.get(task["data"]["image"]).streaming_content) == b"an image"


def test_webhooks_hear_of_new_tasks(site: Site, shelf: Shelf) -> None:
    # The host refuses addresses on this machine otherwise.
    with listening() as heard, override_settings(SSRF_PROTECTION_ENABLED=False):
        Webhook.objects.create(organization=site.project.organization, project=site.project, url=heard.url)
        site.sync(site.source(shelf.repo(**{"a.jpg": b"a", "b.jpg": b"b"})))

    (body,) = [body for body in heard.bodies if body["action"] == "TASKS_CREATED"]
    assert len(body["tasks"]) == 2


def _rows(project: Any) -> dict[str, list[dict[str, Any]]]:
    """Every row about a project's tasks, without what names rows and times."""
    project.refresh_from_db()
    models = {"task": Task, "annotation": Annotation, "prediction": Prediction, "summary": ProjectSummary}
    return {name: [_row(row) for row in model.objects.filter(project=project).order_by("pk").values()]
            for name, model in models.items()}  # fmt: skip


def _row(row: dict[str, Any]) -> dict[str, Any]:
    unlike = ("id", "project_id", "task_id", "unique_id", "created_at", "updated_at", "data", "completed_by_id")
    return {name: value for name, value in row.items() if name not in (*unlike, "updated_by_id")}


@pytest.mark.parametrize("as_files", [True, False])
def test_rows_are_those_of_the_hosts_own_storage(
    new_site: Callable[..., Site],
    shelf: Shelf,
    as_files: bool,  # noqa: FBT001
) -> None:
    task = {
        "data": {"image": "/x.jpg", "id": 1},
        "annotations": [{"result": [BOX], "lead_time": 2.5}, {"result": [], "was_cancelled": True}],
        "predictions": [{"result": [BOX], "model_version": "v1", "score": 0.5}],
    }
    content = (
        {f"{n}.jpg": b"x" for n in range(5)} if as_files
        else {"1.json": b'[{"image": "/2.jpg"}, {"image": "/3.jpg"}]', "2.json": json.dumps(task).encode()}
    )  # fmt: skip
    stock, ours = new_site(shelf.address), new_site(shelf.address)
    for site in (stock, ours):
        site.project.maximum_annotations = 2
        site.project.save()
        site.add_tasks(1)

    _sync_local_files(stock, content, use_blob_urls=as_files)
    ours.sync(ours.source(shelf.repo(**content), use_blob_urls=as_files))

    rows, expected = _rows(ours.project), _rows(stock.project)
    if not as_files:
        # The host counts the data of a task again with each prediction and annotation that comes with it.
        (summary,) = rows["summary"]
        assert summary["all_data_columns"] == {"image": 4, "id": 1}
        expected["summary"][0]["all_data_columns"] = summary["all_data_columns"]
    assert rows == expected
    assert [set(d) for d in raw_data(ours)] == [set(d) for d in raw_data(stock)]


def _sync_local_files(site: Site, content: dict[str, bytes], *, use_blob_urls: bool) -> None:
    folder = Path(settings.LOCAL_FILES_DOCUMENT_ROOT) / f"files{site.project.id}"
    folder.mkdir()
    for name, data in content.items():
        (folder / name).write_bytes(data)
    body = {"project": site.project.id, "path": str(folder), "use_blob_urls": use_blob_urls}
    storage = site.send("POST", "/api/storages/localfiles/", body, expect=201)
    assert site.send("POST", f"/api/storages/localfiles/{storage['id']}/sync")["status"] == "completed"


def test_media_paths_are_built_for_any_number_of_addresses(site: Site, shelf: Shelf) -> None:
    repo = shelf.repo(**{"a.jpg": b"a", "b.jpg": b"b"})
    site.sync(site.source(repo))
    storage = PachydermImportStorageLink.objects.filter(task__project=site.project).first().storage
    task = site.project.tasks.first()
    html = f"<img src=\"pfs://default/{repo}@master:/a.jpg\"><img src='pfs://default/{repo}@master:/b.jpg'>"

    resolved = storage.resolve_uri({"pages": [html, "plain"]}, task)

    assert resolved["pages"][0].count(f"/tasks/{task.id}/resolve/?fileuri=") == 2
    assert resolved["pages"][1] == "plain"
    assert storage.resolve_uri("pfs://default/another@master:/a.jpg", task) is None
