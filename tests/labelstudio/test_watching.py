"""What happens without a click: following a branch, committing by itself, going on after a restart."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from howdah.labelstudio import runs, watching
from howdah.labelstudio.models import PachydermExportStorage, PachydermImportStorage, StagedChange
from howdah.labelstudio.progress import ACTIVE, owner
from howdah.labelstudio.watching import Watcher
from tests.labelstudio.conftest import Shelf, Site, eventually


@pytest.fixture(autouse=True)
def alone() -> None:
    """No storage of another test is watched."""
    PachydermImportStorage.objects.update(auto_sync=False, status="completed")
    PachydermExportStorage.objects.update(commit_when="sync", status="completed")


def tasks(site: Site) -> int:
    return int(site.project.tasks.count())


def ended(model: Any, storage: Any) -> Callable[[], bool]:
    return lambda: model.objects.values_list("status", flat=True).get(pk=storage["id"]) not in ACTIVE


def look(watcher: Watcher, model: Any, storage: Any) -> None:
    """One look, and the end of what it began."""
    watcher.look()
    eventually(ended(model, storage), "the end of the Sync")


def test_a_source_follows_its_branch(site: Site, shelf: Shelf) -> None:
    repo = shelf.repo(**{"a.jpg": b"a"})
    source, watcher = site.source(repo, auto_sync=True), Watcher()
    look(watcher, PachydermImportStorage, source)
    assert tasks(site) == 1
    shelf.put(repo, {"b.jpg": b"b"})
    look(watcher, PachydermImportStorage, source)
    assert tasks(site) == 2


def test_a_source_follows_nothing_unless_told_to(site: Site, shelf: Shelf) -> None:
    source = site.source(shelf.repo(**{"a.jpg": b"a"}))
    look(Watcher(), PachydermImportStorage, source)
    assert tasks(site) == 0


def test_a_source_that_shows_the_head_is_left_alone(site: Site, shelf: Shelf) -> None:
    source, watcher = site.source(shelf.repo(**{"a.jpg": b"a"}), auto_sync=True), Watcher()
    for _ in range(3):
        look(watcher, PachydermImportStorage, source)
    assert PachydermImportStorage.objects.get(pk=source["id"]).reports.count() == 1


def test_an_open_commit_is_not_followed_until_it_is_finished(site: Site, shelf: Shelf) -> None:
    repo = shelf.repo(**{"a.jpg": b"a"})
    source, watcher = site.source(repo, auto_sync=True), Watcher()
    look(watcher, PachydermImportStorage, source)
    with shelf.opened(repo) as changes:
        changes.put("/b.jpg", b"b")
        look(watcher, PachydermImportStorage, source)
        assert tasks(site) == 1
    look(watcher, PachydermImportStorage, source)
    assert tasks(site) == 2


def test_what_fails_is_tried_again_only_after_a_while(site: Site, shelf: Shelf) -> None:
    now = [0.0]
    source, watcher = site.source(shelf.repo(**{"a.jpg": b"a"}), auto_sync=True), Watcher(lambda: now[0])
    rows = PachydermImportStorage.objects.filter(pk=source["id"])
    rows.update(regex_filter="(")
    for _ in range(3):
        look(watcher, PachydermImportStorage, source)
    assert rows.get().reports.count() == 1
    now[0] += 61
    look(watcher, PachydermImportStorage, source)
    assert rows.get().reports.count() == 2


def test_a_store_that_is_away_stops_nobody_else(site: Site, shelf: Shelf) -> None:
    away = site.source(shelf.repo(**{"a.jpg": b"a"}), auto_sync=True)
    PachydermImportStorage.objects.filter(pk=away["id"]).update(pachd_address="grpc://127.0.0.1:1")
    source = site.source(shelf.repo(**{"b.jpg": b"b"}), auto_sync=True)
    look(Watcher(), PachydermImportStorage, source)
    assert tasks(site) == 1


def test_each_annotation_becomes_a_commit_where_that_is_wished(site: Site, shelf: Shelf) -> None:
    repo = shelf.repo()
    target, watcher = site.target(repo, commit_when="each"), Watcher()
    (task,) = site.add_tasks(1)
    site.annotate(task)
    look(watcher, PachydermExportStorage, target)
    assert StagedChange.objects.filter(storage_id=target["id"]).count() == 0
    assert f"/{task}.json" in shelf.paths(repo)
    look(watcher, PachydermExportStorage, target)
    assert len(shelf.history(repo)) == 1


def test_staging_wakes_the_watcher(site: Site, shelf: Shelf) -> None:
    site.target(shelf.repo(), commit_when="each")
    (task,) = site.add_tasks(1)
    watching._woken.clear()
    site.annotate(task)
    assert watching._woken.is_set()


@pytest.mark.parametrize(
    ("rule", "waiting", "minutes", "due"),
    [
        ({"commit_when": "each"}, 1, 0, True),
        ({"commit_when": "every", "every_annotations": 5}, 4, 99, False),
        ({"commit_when": "every", "every_annotations": 5}, 5, 0, True),
        ({"commit_when": "every", "every_minutes": 10}, 99, 9, False),
        ({"commit_when": "every", "every_minutes": 10}, 1, 10, True),
        ({"commit_when": "every", "every_minutes": 10, "every_annotations": 5}, 5, 1, True),
    ],
)
def test_a_target_is_due_by_its_rule(rule: dict[str, Any], waiting: int, minutes: int, due: bool) -> None:
    assert watching.is_due(PachydermExportStorage(**rule), waiting, timedelta(minutes=minutes)) is due


def test_a_sync_whose_process_is_gone_goes_on_by_itself(site: Site, shelf: Shelf) -> None:
    source = site.source(shelf.repo(**{"a.jpg": b"a"}))
    abandon(source, resumed=0)
    look(Watcher(), PachydermImportStorage, source)
    assert tasks(site) == 1


def test_a_sync_that_never_comes_to_its_end_is_given_up(
    site: Site, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "resumes", True)
    source = site.source(shelf.repo(**{"a.jpg": b"a"}))
    abandon(source, resumed=runs.RESUMES - 1)
    (listed,) = site.send("GET", f"/api/storages/pachyderm?project={site.project.id}")
    assert listed["status"] == "in_progress"
    abandon(source, resumed=runs.RESUMES)
    Watcher().look()
    (listed,) = site.send("GET", f"/api/storages/pachyderm?project={site.project.id}")
    assert (listed["status"], tasks(site)) == ("failed", 0)


def abandon(source: Any, *, resumed: int) -> None:
    """As if the process that ran a Sync of it had been killed."""
    now = str(timezone.now())
    meta = {
        "time_in_progress": now, "time_last_ping": now, "resumed": resumed, "owner": {**owner(), "born": "earlier"}
    }  # fmt: skip
    PachydermImportStorage.objects.filter(pk=source["id"]).update(
        status="in_progress", last_sync_job="of another process", meta=meta
    )
