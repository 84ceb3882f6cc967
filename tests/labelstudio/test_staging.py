"""Every way in which an annotation changes leaves its rows in the outbox, in the same transaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from howdah.labelstudio import host, staging
from howdah.labelstudio.models import StagedChange
from tests.labelstudio.conftest import BOX, Shelf, Site

Staged = list[tuple[str, int | None, int, str]]


@pytest.fixture
def target(site: Site, shelf: Shelf) -> Any:
    return site.target(shelf.repo())


def staged(target: Any) -> Staged:
    """What waits: event, annotation, task, author; it waits no more after this."""
    rows = StagedChange.objects.filter(storage_id=target["id"]).order_by("id")
    found = list(rows.values_list("event", "annotation_id", "task_id", "author"))
    rows.delete()
    return found


def act(site: Site, name: str, *tasks: int, **body: Any) -> Any:
    """An action of the Data Manager on these tasks."""
    selected = {"selectedItems": {"all": False, "included": list(tasks)}, "project": site.project.id, **body}
    return site.send("POST", f"/api/dm/actions?project={site.project.id}&id={name}", selected)


def test_save_update_skip_and_delete(site: Site, target: Any, new_user: Any) -> None:
    (task,) = site.add_tasks(1)
    me, other = site.user.email, Site(new_user(), site.project, site.address)
    key = site.annotate(task)
    assert staged(target) == [("created", key, task, me)]
    other.send("PATCH", f"/api/annotations/{key}", {"result": []})
    assert staged(target) == [("changed", key, task, other.user.email)]
    skipped = site.annotate(task, was_cancelled=True)
    assert staged(target) == [("created", skipped, task, me)]
    other.send("DELETE", f"/api/annotations/{key}", expect=204)
    assert staged(target) == [("deleted", key, task, other.user.email)]


def test_actions_of_the_data_manager(site: Site, target: Any) -> None:
    tasks = site.add_tasks(3)
    keys = [site.annotate(task) for task in tasks]
    staged(target)
    act(site, "delete_tasks_annotations", tasks[0])
    assert staged(target) == [("deleted", keys[0], tasks[0], site.user.email)]
    act(site, "delete_tasks", *tasks[:2])
    assert staged(target) == [("deleted", keys[1], tasks[1], site.user.email)]
    act(site, "delete_tasks", tasks[2])
    assert staged(target) == [("deleted", keys[2], tasks[2], site.user.email)]


def test_predictions_that_become_annotations(site: Site, target: Any) -> None:
    (task,) = site.add_tasks(1)
    host.Prediction.objects.create(task_id=task, project=site.project, result=[BOX], model_version="a")
    act(site, "predictions_to_annotations", task, model_version="a")
    key = host.Annotation.objects.get(task_id=task).pk
    assert staged(target) == [("created", key, task, site.user.email)]


def test_annotations_that_are_imported(site: Site, target: Any) -> None:
    body: Any = [{"data": {"image": "/x.jpg"}, "annotations": [{"result": [BOX]}, {"result": []}]}]
    site.send("POST", f"/api/projects/{site.project.id}/import", body, expect=201)
    assert [event for event, *_ in staged(target)] == ["created", "created"]


def test_updates_in_bulk(site: Site, target: Any) -> None:
    first, second = site.add_tasks(2)
    key = site.annotate(first)
    staged(target)
    host.Annotation.objects.filter(pk=key).update(ground_truth=True)
    assert staged(target) == [("changed", key, first, "")]
    host.Annotation.objects.filter(pk=key).update(task_id=second)
    assert {row[2] for row in staged(target)} == {first, second}
    annotation = host.Annotation.objects.get(pk=key)
    annotation.lead_time = 9.0
    host.Annotation.objects.bulk_update([annotation], ["lead_time"])
    assert staged(target) == [("changed", key, second, "")]


def test_an_annotation_that_is_saved_with_another_task_changes_both(site: Site, target: Any) -> None:
    first, second = site.add_tasks(2)
    key = site.annotate(first)
    staged(target)
    annotation = host.Annotation.objects.get(pk=key)
    annotation.task_id = second
    annotation.save()
    assert {row[2] for row in staged(target)} == {first, second}


TASK_EDITS: list[tuple[str, Callable[[Site, int], Any]]] = [
    ("data by the API", lambda site, task: site.send("PATCH", f"/api/tasks/{task}", {"data": {"image": "/new.jpg"}})),
    ("meta by the API", lambda site, task: site.send("PATCH", f"/api/tasks/{task}", {"meta": {"a": 1}})),
    ("an update in bulk", lambda _, task: host.Task.objects.filter(pk=task).update(data={"image": "/new.jpg"})),
    ("noted by a Sync", lambda _, task: staging.note_tasks([task])),
]


@pytest.mark.parametrize("edit", [pytest.param(edit, id=name) for name, edit in TASK_EDITS])
def test_an_edit_of_a_task_alone_counts_as_no_annotation(site: Site, target: Any, edit: Any) -> None:
    task, bare = site.add_tasks(2)
    site.annotate(task)
    staged(target)
    edit(site, task)
    assert [row[:3] for row in staged(target)] == [("task", None, task)]
    edit(site, bare)
    assert staged(target) == []


def test_a_task_that_is_saved_as_it_was_is_no_edit(site: Site, target: Any) -> None:
    (task,) = site.add_tasks(1)
    site.annotate(task)
    staged(target)
    site.send("PATCH", f"/api/tasks/{task}", {"data": {"image": "/0.jpg"}})
    host.Task.objects.get(pk=task).save()
    host.Task.objects.filter(pk=task).update(overlap=2)
    assert staged(target) == []


def test_a_target_of_another_project_is_told_nothing(site: Site, new_site: Any, shelf: Shelf) -> None:
    other = new_site(shelf.address)
    target = other.target(shelf.repo())
    site.annotate(*site.add_tasks(1))
    assert staged(target) == []


def test_deleting_a_target_or_its_project_leaves_no_row(site: Site, target: Any, shelf: Shelf) -> None:
    from howdah.labelstudio.models import ExportRun, LabelFile, SyncReport  # noqa: PLC0415

    def left(key: int) -> int:
        found = StagedChange.objects.filter(storage_id=key).count() + LabelFile.objects.filter(storage_id=key).count()
        return found + ExportRun.objects.filter(storage=key).count() + SyncReport.objects.filter(target=key).count()

    second = site.target(shelf.repo())
    first_task, second_task = site.add_tasks(2)
    site.annotate(first_task)
    for each in (target, second):
        site.sync(each, target=True)
    site.annotate(second_task)
    assert left(target["id"]) >= 4
    assert left(second["id"]) >= 4

    site.send("DELETE", f"/api/storages/export/pachyderm/{target['id']}", expect=204)
    assert left(target["id"]) == 0
    site.send("DELETE", f"/api/projects/{site.project.id}", expect=204)
    assert left(second["id"]) == 0


def test_a_project_that_somebody_deletes_hides_no_change_of_another(
    site: Site, target: Any, new_site: Any, shelf: Shelf
) -> None:
    """The host lets go of Django's signals meanwhile, for all threads, and Django keeps in mind that it has none."""
    from core.utils.common import temporary_disconnect_all_signals  # noqa: PLC0415

    tasks = site.add_tasks(3)
    keys = [site.annotate(task) for task in tasks]
    staged(target)
    with temporary_disconnect_all_signals():
        site.send("DELETE", f"/api/annotations/{keys[0]}", expect=204)
        assert [row[:2] for row in staged(target)] == [("deleted", keys[0])]
    other = new_site(shelf.address)
    other.annotate(*other.add_tasks(1))
    other.send("DELETE", f"/api/projects/{other.project.id}", expect=204)
    site.send("DELETE", f"/api/annotations/{keys[1]}", expect=204)
    site.send("DELETE", f"/api/tasks/{tasks[2]}", expect=204)
    assert [row[:2] for row in staged(target)] == [("deleted", keys[1]), ("deleted", keys[2])]


def test_deletes_of_queries(site: Site, target: Any) -> None:
    tasks = site.add_tasks(2)
    keys = [site.annotate(task) for task in tasks]
    staged(target)
    host.Annotation.objects.filter(pk=keys[0]).delete()
    host.Task.objects.filter(pk=tasks[1]).delete()
    assert [row[:3] for row in staged(target)] == [("deleted", keys[0], tasks[0]), ("deleted", keys[1], tasks[1])]


def test_a_save_costs_one_statement_more_with_a_target_than_without(site: Site, shelf: Shelf) -> None:
    tasks = site.add_tasks(3)
    site.annotate(tasks[0])

    def queries(task: int) -> int:
        with CaptureQueriesContext(connection) as found:
            site.annotate(task)
        return len(found)

    without = queries(tasks[1])
    site.target(shelf.repo())
    assert queries(tasks[2]) <= without + 1
