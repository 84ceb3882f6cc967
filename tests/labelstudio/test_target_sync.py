"""A target Sync is one commit of what was labeled since the last one."""

from __future__ import annotations

import json
from typing import Any

from howdah.client import commits
from howdah.labelstudio import host
from howdah.labelstudio.models import StagedChange
from howdah.names import parse_branch
from tests.labelstudio.conftest import BOX, Shelf, Site


def test_twelve_annotations_by_two_users_are_one_commit(site: Site, shelf: Shelf, new_user: Any) -> None:
    repo = shelf.repo()
    target = site.target(repo)
    tasks = site.add_tasks(12)
    other = Site(new_user(), site.project, shelf.address)
    for number, task in enumerate(tasks):
        (site if number % 3 else other).annotate(task)

    synced = site.sync(target, target=True)

    assert (synced["status"], synced["last_sync_count"]) == ("completed", 12)
    (commit,) = shelf.history(repo)
    assert shelf.paths(repo) == sorted(f"/{task}.json" for task in tasks)
    first, _, by, *_ = commit.description.splitlines()
    assert first == "12 new, 0 changed, 0 deleted annotations"
    assert by == "By: " + ", ".join(sorted([f"{other.user.email} 4", f"{site.user.email} 8"]))


def test_nothing_new_makes_no_commit(site: Site, shelf: Shelf) -> None:
    repo = shelf.repo()
    target = site.target(repo)
    site.annotate(*site.add_tasks(1))
    site.sync(target, target=True)

    again = site.sync(target, target=True)

    assert (again["status"], again["last_sync_count"]) == ("completed", 0)
    assert len(shelf.history(repo)) == 1


def test_one_changed_annotation_is_one_commit_with_one_changed_file(site: Site, shelf: Shelf) -> None:
    repo = shelf.repo()
    target = site.target(repo)
    tasks = site.add_tasks(3)
    annotations = [site.annotate(task) for task in tasks]
    site.sync(target, target=True)

    site.send("PATCH", f"/api/annotations/{annotations[1]}", {"lead_time": 7.5})
    site.sync(target, target=True)

    assert len(shelf.history(repo)) == 2
    assert shelf.changed(repo) == [f"/{tasks[1]}.json"]
    assert shelf.history(repo)[0].description.startswith("0 new, 1 changed, 0 deleted annotations\n")


def test_the_file_is_the_task_with_its_annotations_as_the_host_exports_it(site: Site, shelf: Shelf) -> None:
    repo = shelf.repo()
    target = site.target(repo)
    (task,) = site.add_tasks(1)
    annotation = site.annotate(task)
    site.sync(target, target=True)

    answer = site.get(f"/api/projects/{site.project.id}/export?exportType=JSON")
    (exported,) = json.loads(b"".join(answer.streaming_content))
    content = shelf.read(repo, f"/{task}.json")
    stored = json.loads(content)

    assert stored["annotations"][0].pop("completed_by")["email"] == site.user.email
    assert exported["annotations"][0].pop("completed_by") == site.user.id
    assert stored == {**exported, "annotations": stored["annotations"]}
    assert stored["annotations"][0]["id"] == annotation
    assert content == json.dumps(json.loads(content), sort_keys=True, separators=(",", ":")).encode() + b"\n"


def test_annotations_made_before_the_target_are_in_its_first_sync(site: Site, shelf: Shelf) -> None:
    repo = shelf.repo()
    before, after = site.add_tasks(2)
    site.annotate(before)
    target = site.target(repo)
    site.annotate(after)

    site.sync(target, target=True)

    assert shelf.paths(repo) == sorted([f"/{before}.json", f"/{after}.json"])
    assert shelf.history(repo)[0].description.startswith("2 new, ")
    assert site.sync(target, target=True)["last_sync_count"] == 0


def test_deleting_the_last_annotation_removes_the_file(site: Site, shelf: Shelf) -> None:
    repo = shelf.repo()
    target = site.target(repo)
    kept, emptied = site.add_tasks(2)
    site.annotate(kept)
    annotation = site.annotate(emptied)
    site.sync(target, target=True)

    site.send("DELETE", f"/api/annotations/{annotation}", expect=204)
    site.sync(target, target=True)

    assert shelf.paths(repo) == [f"/{kept}.json"]
    description = shelf.history(repo)[0].description
    assert description.startswith(f"0 new, 0 changed, 1 deleted annotations\n\nBy: {site.user.email} 1\n")


def test_an_annotation_made_and_deleted_between_two_syncs_is_nothing(site: Site, shelf: Shelf) -> None:
    repo = shelf.repo()
    target = site.target(repo)
    first, second = site.add_tasks(2)
    site.annotate(first)
    site.sync(target, target=True)

    site.send("DELETE", f"/api/annotations/{site.annotate(second)}", expect=204)

    assert site.sync(target, target=True)["status"] == "completed"
    assert len(shelf.history(repo)) == 1


def test_bulk_deletes_in_the_data_manager_reach_the_branch(site: Site, shelf: Shelf) -> None:
    repo = shelf.repo()
    target = site.target(repo)
    tasks = site.add_tasks(4)
    for task in tasks:
        site.annotate(task)
    site.sync(target, target=True)

    act = f"/api/dm/actions?project={site.project.id}&id="
    site.send("POST", act + "delete_tasks_annotations", {"selectedItems": {"all": False, "included": tasks[:2]}})
    site.send("POST", act + "delete_tasks", {"selectedItems": {"all": False, "included": tasks[2:3]}})
    site.sync(target, target=True)

    assert shelf.paths(repo) == [f"/{tasks[3]}.json"]
    assert shelf.history(repo)[0].description.startswith("0 new, 0 changed, 3 deleted annotations\n")


def test_annotations_that_come_with_imported_tasks_are_staged(site: Site, shelf: Shelf) -> None:
    repo = shelf.repo()
    target = site.target(repo)
    site.sync(target, target=True)
    body: Any = [{"data": {"image": "/x.jpg"}, "annotations": [{"result": [BOX]}]}]

    site.send("POST", f"/api/projects/{site.project.id}/import", body, expect=201)
    synced = site.sync(target, target=True)

    assert synced["last_sync_count"] == 1
    assert len(shelf.paths(repo)) == 1


def test_updates_in_bulk_are_staged(site: Site, shelf: Shelf) -> None:
    repo = shelf.repo()
    target = site.target(repo)
    first, second = site.add_tasks(2)
    moved = site.annotate(first)
    site.sync(target, target=True)

    host.Annotation.objects.filter(id=moved).update(task_id=second)
    site.sync(target, target=True)

    assert shelf.paths(repo) == [f"/{second}.json"]


def test_an_annotation_without_task_or_project_is_saved_all_the_same(site: Site, shelf: Shelf) -> None:
    repo = shelf.repo()
    target = site.target(repo)
    (task,) = site.add_tasks(1)
    host.Annotation.objects.create(task_id=task, completed_by=site.user, result=[])
    host.Annotation.objects.bulk_create([host.Annotation(project=site.project, result=[])])

    site.sync(target, target=True)

    assert shelf.paths(repo) == [f"/{task}.json"]


def test_each_target_of_a_project_gets_everything(site: Site, shelf: Shelf) -> None:
    one, two = shelf.repo(), shelf.repo()
    targets = [site.target(one), site.target(two, prefix="/deep/er/")]
    (task,) = site.add_tasks(1)
    site.annotate(task)

    for target in targets:
        site.sync(target, target=True)

    assert shelf.read(one, f"/{task}.json") == shelf.read(two, f"/deep/er/{task}.json")


def test_a_missing_repo_is_made_by_the_first_sync(site: Site, shelf: Shelf) -> None:
    name = shelf.repo() + "-new"
    target = site.target(f"{name}@labels")
    (task,) = site.add_tasks(1)
    site.annotate(task)

    synced = site.sync(target, target=True)

    assert synced["status"] == "completed", synced["traceback"]
    assert shelf.read(name, f"/{task}.json", "labels")


def test_the_description_names_the_source_version(site: Site, shelf: Shelf) -> None:
    images, labels = shelf.repo(**{"a.jpg": b"a"}), shelf.repo()
    site.sync(site.source(images))
    head = shelf.history(images)[0].commit
    site.annotate(site.project.tasks.get().id)

    site.sync(site.target(labels), target=True)

    assert f"Source: {head}" in shelf.history(labels)[0].description.splitlines()


def test_a_target_that_is_moved_gets_everything_there(site: Site, shelf: Shelf) -> None:
    one, two = shelf.repo(), shelf.repo()
    target = site.target(one)
    tasks = site.add_tasks(2)
    for task in tasks:
        site.annotate(task)
    site.sync(target, target=True)

    site.send("PATCH", f"/api/storages/export/pachyderm/{target['id']}", {"pach_repo": two})
    site.sync(target, target=True)

    assert shelf.paths(two) == shelf.paths(one) == sorted(f"/{task}.json" for task in tasks)


def test_an_open_commit_of_somebody_else_is_left_alone_and_named(site: Site, shelf: Shelf) -> None:
    repo = shelf.repo()
    target = site.target(repo)
    site.annotate(*site.add_tasks(1))
    foreign = commits.start(shelf.conn, parse_branch(repo))

    failed = site.sync(target, target=True)
    commits.finish(shelf.conn, foreign)

    assert failed["status"] == "failed"
    assert "has an open commit that this storage did not begin" in failed["traceback"]
    assert site.sync(target, target=True)["last_sync_count"] == 1


def test_deleting_a_project_with_annotations_and_a_target_leaves_nothing(site: Site, shelf: Shelf) -> None:
    target = site.target(shelf.repo())
    site.annotate(*site.add_tasks(1))

    site.send("DELETE", f"/api/projects/{site.project.id}", expect=204)

    assert not StagedChange.objects.filter(storage_id=target["id"]).exists()
