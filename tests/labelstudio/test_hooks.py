"""What we change in the host, and the checks that tell when the host has changed."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.checks import ERROR
from django.core.management import call_command
from django.db import connection
from django.db.models.signals import post_save
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from howdah.labelstudio import checks, host
from howdah.labelstudio.models import PachydermImportStorageLink, StagedChange
from tests.labelstudio.conftest import Shelf, Site


def test_every_check_is_content_with_this_host() -> None:
    call_command("check", tags=[checks.TAG], fail_level="WARNING")


def test_no_check_finds_an_error_in_this_host_or_an_older_one() -> None:
    # An older one's own pages may lack what ours hold on to, which is a warning with the way round it.
    call_command("check", tags=[checks.TAG], fail_level="ERROR")


@pytest.mark.parametrize("version", ["1.20.0", "1.21.0", "1.22.3", "1.23.2"])
def test_a_version_between_those_that_are_tested_is_fine(version: str) -> None:
    assert checks.told_of(version) == []


@pytest.mark.parametrize("version", ["1.19.9", "1.23.3", "1.24.0", "2.0", "1.22.0.dev1", "unknown"])
def test_an_unknown_version_is_a_warning(version: str) -> None:
    (problem,) = checks.told_of(version)
    assert problem.id == "howdah.W001"
    assert not problem.is_serious(ERROR)


@pytest.mark.parametrize(
    ("setting", "value", "check", "id_"),
    [
        ("GET_STORAGE_LIST", "io_storages.functions.get_storage_list", checks.check_settings, "howdah.E002"),
        ("SAVE_USER", "users.functions.save_user", checks.check_settings, "howdah.E002"),
        ("ANNOTATION_MIXIN", "tasks.mixins.AnnotationMixin", checks.check_settings, "howdah.E002"),
        ("TASK_MIXIN", "tasks.mixins.TaskMixin", checks.check_settings, "howdah.E002"),
        ("IO_STORAGES_IMPORT_LINK_NAMES", [], checks.check_settings, "howdah.E003"),
        ("FRONTEND_SENTRY_ENVIRONMENT", "opensource", checks.check_form, "howdah.W002"),
    ],
)
def test_a_setting_that_does_not_fit_is_told(setting: str, value: Any, check: Any, id_: str) -> None:
    with override_settings(**{setting: value}):
        assert [problem.id for problem in check()] == [id_]


@pytest.mark.parametrize(
    ("owner", "name", "id_"),
    [
        (host.TaskListAPI, "prefetch", "howdah.E005"),
        (host.TaskAPI, "prefetch", "howdah.E005"),
        (host.remove_duplicates, "restore_storage_links_for_duplicated_tasks", "howdah.E006"),
        (host.AnnotationQuerySet, "update", "howdah.E007"),
        (host.AnnotationQuerySet, "delete", "howdah.E007"),
        *((place, "get_next_task", "howdah.E012") for place in host.next_task_places()),
        (host.Task, "get_predictions_for_prelabeling", "howdah.E013"),
        (host.data_manager, "get_all_columns", "howdah.E014"),
        (host.DataManagerTaskSerializer, "to_representation", "howdah.E014"),
    ],
)
def test_a_hook_that_the_host_lost_is_told(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, id_: str) -> None:
    monkeypatch.setattr(owner, name, None)
    (problem,) = checks.check_hooks()
    assert problem.id == id_
    assert f".{name} to hook into" in problem.msg


def test_connecting_twice_changes_nothing_more() -> None:
    before = host.TaskListAPI.prefetch
    host.connect()
    assert host.TaskListAPI.prefetch is before


def test_a_page_of_the_data_manager_asks_for_links_once(site: Site, shelf: Shelf) -> None:
    site.sync(site.source(shelf.repo(**{f"{n}.jpg": b"x" for n in range(30)})))
    table = PachydermImportStorageLink._meta.db_table

    with CaptureQueriesContext(connection) as queries:
        page = site.send("GET", f"/api/tasks?project={site.project.id}&page_size=30")

    assert len(page["tasks"]) == 30
    assert sum(f'FROM "{table}"' in query["sql"] for query in queries) == 1


def test_saving_without_a_target_stages_nothing(site: Site) -> None:
    before = StagedChange.objects.count()
    site.annotate(*site.add_tasks(1))
    assert StagedChange.objects.count() == before


def test_a_save_and_its_note_are_one_transaction(site: Site, shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    site.target(shelf.repo())
    (task,) = site.add_tasks(1)

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(StagedChange.objects, "bulk_create", fail)
        with pytest.raises(RuntimeError):
            host.Annotation.objects.create(task_id=task, project=site.project, completed_by=site.user, result=[])

    assert not host.Annotation.objects.filter(task_id=task).exists()


def test_listeners_that_may_wait_are_told_outside_of_the_transaction(site: Site, shelf: Shelf) -> None:
    site.target(shelf.repo())
    seen: list[bool] = []

    def listen(**_: Any) -> None:
        seen.append(connection.in_atomic_block)

    post_save.connect(listen, sender=host.Annotation)
    try:
        site.annotate(*site.add_tasks(1))
    finally:
        post_save.disconnect(listen, sender=host.Annotation)

    assert seen == [False]


def test_removing_duplicates_keeps_the_link_so_that_a_sync_adds_nothing(site: Site, shelf: Shelf) -> None:
    repo = shelf.repo(**{"a.jpg": b"a"})
    source = site.source(repo)
    site.sync(source)
    linked = site.project.tasks.get()
    copy = host.Task.objects.create(project=site.project, data=linked.data)
    site.annotate(copy.id)

    selected = {"selectedItems": {"all": True, "excluded": []}}
    site.send("POST", f"/api/dm/actions?project={site.project.id}&id=remove_duplicates", selected)

    assert [task.id for task in site.project.tasks.all()] == [copy.id]
    assert site.sync(source)["last_sync_count"] == 0
    assert site.project.tasks.count() == 1


def test_the_file_name_is_a_column_of_the_data_manager(site: Site, shelf: Shelf) -> None:
    site.sync(site.source(shelf.repo(**{"x/a.jpg": b"a"})))
    query = {"filters": {"conjunction": "and", "items": [
        {"filter": "filter:tasks:storage_filename", "operator": "contains", "type": "String", "value": "/x/a"}
    ]}}  # fmt: skip
    page = site.get(f"/api/tasks?project={site.project.id}&query={json.dumps(query)}").json()
    assert [task["storage_filename"] for task in page["tasks"]] == ["/x/a.jpg"]


def test_the_interface_description_can_be_made(site: Site) -> None:
    assert site.get("/docs/api/schema/json/").status_code == 200


def test_deleting_a_task_frees_its_file_for_the_next_sync(site: Site, shelf: Shelf) -> None:
    source = site.source(shelf.repo(**{"a.jpg": b"a"}))
    site.sync(source)
    site.send("DELETE", f"/api/tasks/{site.project.tasks.get().id}", expect=204)
    assert site.sync(source)["last_sync_count"] == 1


def test_who_only_looks_never_waits_for_who_writes(site: Site) -> None:
    (task,) = site.add_tasks(1)
    looks = [f"/api/projects/{site.project.id}/", f"/api/tasks?project={site.project.id}", f"/api/tasks/{task}"]
    site.client.force_login(site.user)
    for path in looks:
        assert site.get(path).status_code == 200  # the host makes a row or two at the first look
        with CaptureQueriesContext(connection) as queries:
            assert site.get(path).status_code == 200
        assert [query["sql"] for query in queries if not query["sql"].startswith("SELECT")] == []


def test_two_locks_of_one_person_become_one(site: Site) -> None:
    (key,) = site.add_tasks(1)
    host.Task.objects.filter(pk=key).update(overlap=5)
    task = host.Task.objects.get(pk=key)
    for _ in range(2):  # as two requests at once leave them
        task.locks.create(user=site.user, expire_at=timezone.now() + timedelta(hours=1))
    task.set_lock(site.user)
    assert task.locks.count() == 1
