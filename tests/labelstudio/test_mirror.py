"""A project mirrors its branch: edited, moved, removed and returned files, with every label kept."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from projects.models import ProjectSummary
from tasks.models import Annotation, AnnotationDraft, Task
from webhooks.models import Webhook

from howdah.client import branches, commits, files
from howdah.labelstudio.models import DrawnOn, PachydermImportStorageLink, SourceState, SyncReport
from howdah.names import parse_branch
from tests.labelstudio.conftest import BOX, Shelf, Site
from tests.labelstudio.listening import listening


def shown(site: Site, **wanted: Any) -> dict[str, str]:
    """The files that tasks show, by path; with `wanted`, of such links only. Checks that address and link agree."""
    links = PachydermImportStorageLink.objects.filter(task__project=site.project, **{"past": False, **wanted})
    found = {}
    for link in links.select_related("task"):
        address = next(iter(link.task.data.values()))
        assert address.endswith(f"@{link.commit}:{link.key}")
        found[link.key] = b"".join(
            site.get(f"/tasks/{link.task_id}/resolve/?fileuri={_encoded(address)}").streaming_content
        )
    return {path: content.decode() for path, content in found.items()}


def _encoded(address: str) -> str:
    from howdah.labelstudio.uris import encode  # noqa: PLC0415  (the host has to be loaded)

    return encode(address)


def task_of(site: Site, path: str, **wanted: Any) -> int:
    links = PachydermImportStorageLink.objects.filter(task__project=site.project, key=path, **wanted)
    return int(links.values_list("task_id", flat=True).get())


def next_task(site: Site) -> int | None:
    answer = site.get(f"/api/projects/{site.project.id}/next")
    return answer.json()["id"] if answer.status_code == 200 else None


def counts(synced: Any) -> dict[str, int]:
    """What the report of the last Sync counts."""
    report = SyncReport.objects.filter(source=synced["id"]).latest("ended")
    return {name: count for name, count in report.counts.items() if count and name != "problems"}


def test_an_edited_file_shows_its_new_version_and_keeps_what_was_drawn(site: Site, shelf: Shelf) -> None:
    repo = shelf.repo()
    first = shelf.put(repo, {"a.jpg": b"old", "b.jpg": b"b"})
    source = site.source(repo)
    site.sync(source)
    task = task_of(site, "/a.jpg")
    drawn = site.annotate(task)
    shelf.put(repo, {"a.jpg": b"new"})

    synced = site.sync(source)

    assert shown(site) == {"/a.jpg": "new", "/b.jpg": "b"}
    assert counts(synced) == {"edited": 1, "existed": 2}
    assert list(Annotation.objects.filter(task=task).values_list("id", flat=True)) == [drawn]
    note = DrawnOn.objects.get(annotation=drawn)
    assert (note.commit, note.path) == (first, "/a.jpg")
    link = PachydermImportStorageLink.objects.get(task=task)
    assert (link.former["commit"], link.former["digest"]) == (first, note.digest)


def test_a_version_shown_again_needs_no_note(site: Site, shelf: Shelf) -> None:
    repo = shelf.repo(**{"a.jpg": b"old"})
    source = site.source(repo)
    site.sync(source)
    on_old = site.annotate(task_of(site, "/a.jpg"))
    shelf.put(repo, {"a.jpg": b"new"})
    site.sync(source)
    on_new = site.annotate(task_of(site, "/a.jpg"), lead_time=0.0)

    shelf.put(repo, {"a.jpg": b"old"})
    site.sync(source)

    assert set(DrawnOn.objects.filter(annotation__in=[on_old, on_new]).values_list("annotation", flat=True)) == {on_new}


def test_an_edited_file_can_become_another_task(site: Site, shelf: Shelf) -> None:
    repo = shelf.repo(**{"a.jpg": b"old"})
    source = site.source(repo, on_edit="new")
    site.sync(source)
    task = task_of(site, "/a.jpg")
    second = shelf.put(repo, {"a.jpg": b"new"})

    synced = site.sync(source)

    assert shown(site) == {"/a.jpg": "new"}
    assert shown(site, past=True) == {"/a.jpg": "old"}
    assert task_of(site, "/a.jpg", past=True, newer=second) == task
    assert counts(synced) == {"edited": 1, "added": 1}

    shelf.put(repo, {"a.jpg": b"old"})
    site.sync(source)

    assert (shown(site), shown(site, past=True)) == ({"/a.jpg": "old"}, {"/a.jpg": "new"})
    assert site.project.tasks.count() == 2


def test_an_edited_file_can_be_left(site: Site, shelf: Shelf) -> None:
    repo = shelf.repo(**{"a.jpg": b"old"})
    source = site.source(repo, on_edit="leave")
    site.sync(source)
    shelf.put(repo, {"a.jpg": b"new"})

    synced = site.sync(source)

    assert shown(site) == {"/a.jpg": "old"}
    assert counts(synced) == {"left": 1, "existed": 1}
    site.send("PATCH", f"/api/storages/pachyderm/{source['id']}", {"on_edit": "move"})
    site.sync(source)
    assert shown(site) == {"/a.jpg": "new"}


def test_a_moved_file_keeps_task_and_annotations(site: Site, shelf: Shelf) -> None:
    repo = shelf.repo(**{"a.jpg": b"a", "b.jpg": b"b"})
    source = site.source(repo)
    site.sync(source)
    task = task_of(site, "/a.jpg")
    drawn = site.annotate(task)
    shelf.put(repo, {"cats/a.jpg": b"a", "c.jpg": b"c"}, delete=("/a.jpg",))

    synced = site.sync(source)

    assert shown(site) == {"/b.jpg": "b", "/c.jpg": "c", "/cats/a.jpg": "a"}
    assert task_of(site, "/cats/a.jpg") == task
    assert counts(synced) == {"moved": 1, "added": 1, "existed": 2}
    assert not DrawnOn.objects.filter(annotation=drawn).exists()


def test_the_task_of_a_removed_file_is_archived_and_asked_for_no_more(site: Site, shelf: Shelf) -> None:
    repo = shelf.repo(**{"a.jpg": b"a", "b.jpg": b"b"})
    source = site.source(repo)
    site.sync(source)
    gone, left = task_of(site, "/a.jpg"), task_of(site, "/b.jpg")
    assert next_task(site) == gone
    commit = shelf.put(repo, {}, delete=("/a.jpg",))

    synced = site.sync(source)

    assert counts(synced) == {"removed": 1, "existed": 1}
    assert task_of(site, "/a.jpg", archived=True, removed=commit) == gone
    assert next_task(site) == left
    chosen = site.send("POST", f"/api/dm/actions?id=next_task&project={site.project.id}", {"filters": None})
    assert chosen["id"] == left
    site.annotate(left)
    assert next_task(site) is None
    # Opened by hand, it is there, with its picture and for labeling.
    opened = site.send("GET", f"/api/tasks/{gone}")
    assert b"".join(site.get(opened["data"]["image"]).streaming_content) == b"a"
    site.annotate(gone)
    assert Task.objects.filter(project=site.project, is_labeled=True).count() == 2


@pytest.mark.parametrize("content", ["a", "another"])
def test_a_file_that_returns_brings_its_task_back(site: Site, shelf: Shelf, content: str) -> None:
    repo = shelf.repo(**{"a.jpg": b"a", "b.jpg": b"b"})
    source = site.source(repo)
    site.sync(source)
    task = task_of(site, "/a.jpg")
    shelf.put(repo, {}, delete=("/a.jpg",))
    site.sync(source)
    shelf.put(repo, {"a.jpg": content.encode()})

    synced = site.sync(source)

    assert counts(synced)["restored"] == 1
    assert task_of(site, "/a.jpg", archived=False, removed="") == task
    assert shown(site) == {"/a.jpg": content, "/b.jpg": "b"}
    assert next_task(site) == task


def test_tasks_that_nobody_worked_on_can_be_deleted(site: Site, shelf: Shelf) -> None:
    repo = shelf.repo(**{f"{name}.jpg": name.encode() for name in "abcd"})
    source = site.source(repo, on_remove="delete")
    site.sync(source)
    annotated, begun = task_of(site, "/a.jpg"), task_of(site, "/b.jpg")
    site.annotate(annotated)
    AnnotationDraft.objects.create(task_id=begun, user=site.user, result=[BOX])
    columns = ProjectSummary.objects.get(project=site.project).all_data_columns["$undefined$"]
    shelf.put(repo, {}, delete=("/a.jpg", "/b.jpg", "/c.jpg"))

    synced = site.sync(source)

    assert counts(synced) == {"removed": 2, "deleted": 1, "existed": 1}
    links = PachydermImportStorageLink.objects.filter(task__project=site.project)
    assert set(links.values_list("key", "archived")) == {("/a.jpg", True), ("/b.jpg", True), ("/d.jpg", False)}
    assert ProjectSummary.objects.get(project=site.project).all_data_columns["$undefined$"] == columns - 1


def test_webhooks_hear_of_deleted_tasks(site: Site, shelf: Shelf) -> None:
    repo = shelf.repo(**{"a.jpg": b"a", "b.jpg": b"b"})
    source = site.source(repo, on_remove="delete")
    site.sync(source)
    gone = task_of(site, "/a.jpg")
    shelf.put(repo, {}, delete=("/a.jpg",))

    # The host refuses addresses on this machine otherwise.
    with listening() as heard, override_settings(SSRF_PROTECTION_ENABLED=False):
        Webhook.objects.create(organization=site.project.organization, project=site.project, url=heard.url)
        site.sync(source)

    (body,) = [body for body in heard.bodies if body["action"] == "TASKS_DELETED"]
    assert body["tasks"] == [{"id": gone}]


def test_a_folder_that_is_gone_takes_its_tasks_with_it(site: Site, shelf: Shelf) -> None:
    repo = shelf.repo(**{"in/a.jpg": b"a", "b.jpg": b"b"})
    source = site.source(repo, prefix="in")
    site.sync(source)
    shelf.put(repo, {}, delete=("/in/a.jpg",))
    assert counts(site.sync(source)) == {"removed": 1}
    shelf.put(repo, {"c.jpg": b"c"})
    assert counts(site.sync(source)) == {}
    shelf.put(repo, {"in/a.jpg": b"a"})
    assert counts(site.sync(source)) == {"restored": 1, "existed": 1}


def test_tasks_of_removed_files_can_be_left(site: Site, shelf: Shelf) -> None:
    repo = shelf.repo(**{"a.jpg": b"a"})
    source = site.source(repo, on_remove="leave")
    site.sync(source)
    commit = shelf.put(repo, {}, delete=("/a.jpg",))

    site.sync(source)

    assert task_of(site, "/a.jpg", archived=False, removed=commit) == next_task(site)


def test_a_source_can_go_back_in_time_and_to_another_branch(site: Site, shelf: Shelf) -> None:
    repo = shelf.repo()
    first = shelf.put(repo, {"a.jpg": b"1", "b.jpg": b"b"})
    shelf.put(repo, {"a.jpg": b"2", "c.jpg": b"c"}, delete=("/b.jpg",))
    source = site.source(repo)
    path = f"/api/storages/pachyderm/{source['id']}"
    site.sync(source)
    task = task_of(site, "/a.jpg")
    site.annotate(task)

    site.send("PATCH", path, {"pach_commit": first})
    back = site.sync(source)

    assert shown(site, removed="") == {"/a.jpg": "1", "/b.jpg": "b"}
    assert counts(back) == {"edited": 1, "added": 1, "removed": 1, "existed": 1}

    branches.create(shelf.conn, parse_branch(f"{repo}@other"))
    other = commits.start(shelf.conn, parse_branch(f"{repo}@other"))
    with files.modify(shelf.conn, other) as changes:
        changes.put("/a.jpg", b"3")
    commits.finish(shelf.conn, other)
    site.send("PATCH", path, {"pach_commit": "", "pach_repo": f"{repo}@other"})
    site.sync(source)

    assert shown(site, removed="") == {"/a.jpg": "3"}
    assert task_of(site, "/a.jpg") == task
    assert Annotation.objects.filter(task=task).count() == 1


def test_a_sync_of_what_was_synced_looks_at_no_file(site: Site, shelf: Shelf) -> None:
    repo = shelf.repo(**{f"{n}.jpg": b"%d" % n for n in range(30)})
    source = site.source(repo)
    site.sync(source)

    with CaptureQueriesContext(connection):
        again = site.sync(source)

    assert counts(again) == {"existed": 30}


def test_a_task_that_was_deleted_comes_back(site: Site, shelf: Shelf) -> None:
    repo = shelf.repo(**{"a.jpg": b"a", "b.jpg": b"b"})
    source = site.source(repo)
    site.sync(source)
    Task.objects.get(pk=task_of(site, "/a.jpg")).delete()

    again = site.sync(source)

    assert counts(again) == {"added": 1, "existed": 1}
    assert shown(site) == {"/a.jpg": "a", "/b.jpg": "b"}


@pytest.mark.parametrize("lost", [{"place": ""}, {"commit": "0" * 32}, {"links": 77}])
def test_what_the_last_sync_left_is_not_believed_when_it_cannot_be_true(
    site: Site, shelf: Shelf, lost: dict[str, Any]
) -> None:
    repo = shelf.repo(**{"a.jpg": b"a", "b.jpg": b"b", "c.jpg": b"c"})
    source = site.source(repo)
    site.sync(source)
    shelf.put(repo, {"b.jpg": b"2", "d.jpg": b"c"}, delete=("/a.jpg", "/c.jpg"))
    SourceState.objects.filter(storage=source["id"]).update(**lost)

    again = site.sync(source)

    assert counts(again) == {"edited": 1, "moved": 1, "removed": 1, "existed": 2}
    assert shown(site, removed="") == {"/b.jpg": "2", "/d.jpg": "c"}


def test_another_selection_archives_what_is_not_selected(site: Site, shelf: Shelf) -> None:
    repo = shelf.repo(**{"cats/a.jpg": b"a", "dogs/b.jpg": b"b"})
    source = site.source(repo)
    site.sync(source)
    site.send("PATCH", f"/api/storages/pachyderm/{source['id']}", {"prefix": "dogs"})

    site.sync(source)

    assert shown(site, removed="") == {"/dogs/b.jpg": "b"}
    assert shown(site, archived=True) == {"/cats/a.jpg": "a"}


def test_another_repo_with_the_same_files_is_shown_from_there(site: Site, shelf: Shelf) -> None:
    content = {"a.jpg": b"a", "b.jpg": b"b"}
    repo, copy = shelf.repo(**content), shelf.repo(**content | {"b.jpg": b"2"})
    source = site.source(repo)
    site.sync(source)
    drawn = site.annotate(task_of(site, "/a.jpg"))
    site.send("PATCH", f"/api/storages/pachyderm/{source['id']}", {"pach_repo": copy})

    site.sync(source)

    assert shown(site) == {"/a.jpg": "a", "/b.jpg": "2"}
    addresses = [next(iter(task.data.values())) for task in site.project.tasks.all()]
    assert all(f"/{copy}@" in address for address in addresses)
    assert not DrawnOn.objects.filter(annotation=drawn).exists()


def test_a_column_tells_what_became_of_the_source(site: Site, shelf: Shelf) -> None:
    repo = shelf.repo(**{f"{name}.jpg": name.encode() for name in "abc"})
    source = site.source(repo)
    site.sync(source)
    site.add_tasks(1)
    for name in "ab":
        site.annotate(task_of(site, f"/{name}.jpg"))
    shelf.put(repo, {"a.jpg": b"new"}, delete=("/b.jpg",))
    site.sync(source)

    columns = site.send("GET", f"/api/dm/columns?project={site.project.id}")["columns"]
    (column,) = [column for column in columns if column["title"] == "Source"]
    page = f"/api/tasks?project={site.project.id}&fields=all"
    with CaptureQueriesContext(connection) as queries:
        tasks = site.send("GET", page)["tasks"]
    assert {task["storage_filename"]: task["source_state"] for task in tasks} == {
        "/a.jpg": "edited since", "/b.jpg": "removed", "/c.jpg": "current", None: ""
    }  # fmt: skip
    assert sum("howdah" in query["sql"] or "drawnon" in query["sql"] for query in queries) == 1

    where = {"filter": f"filter:tasks:{column['id']}", "operator": "contains", "type": "List", "value": "removed"}
    query = json.dumps({"filters": {"conjunction": "and", "items": [where]}})
    (task,) = site.send("GET", f"{page}&query={query}")["tasks"]
    assert task["storage_filename"] == "/b.jpg"


def test_a_commit_that_moves_edits_and_removes_many_is_carried_out_in_batches(
    site: Site, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    from howdah.labelstudio import importing  # noqa: PLC0415  (the host has to be loaded)

    monkeypatch.setattr(importing, "BATCH", 3)
    repo = shelf.repo(**{f"{n:02}.jpg": b"%d" % n for n in range(20)})
    source = site.source(repo)
    site.sync(source)
    shelf.put(
        repo,
        {
            **{f"moved{n:02}.jpg": b"%d" % n for n in range(8)},
            **{f"{n:02}.jpg": b"edited %d" % n for n in range(8, 14)},
        },
        delete=tuple(f"/{n:02}.jpg" for n in [*range(8), *range(14, 18)]),
    )

    synced = site.sync(source)

    assert counts(synced) == {"moved": 8, "edited": 6, "removed": 4, "existed": 16}
    assert shown(site, removed="") == {
        **{f"/moved{n:02}.jpg": str(n) for n in range(8)},
        **{f"/{n:02}.jpg": f"edited {n}" for n in range(8, 14)},
        **{f"/{n:02}.jpg": str(n) for n in range(18, 20)},
    }
