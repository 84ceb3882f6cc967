"""A Sync as a run: one at a time, told how it goes, taken over when its process is gone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.test import override_settings
from django.utils import timezone

from howdah.errors import NotFound, WrongState
from howdah.labelstudio import behind, reports, runs
from howdah.labelstudio.models import PachydermImportStorage
from howdah.labelstudio.progress import Outcome, Problem, Progress, owner
from tests.labelstudio.conftest import Shelf, Site, eventually
from tests.labelstudio.listening import listening


@pytest.fixture
def storage(site: Site, shelf: Shelf) -> PachydermImportStorage:
    made = site.source(shelf.repo(**{"a.jpg": b"a"}))
    return PachydermImportStorage.objects.get(pk=made["id"])


@pytest.fixture
def blocked(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Callable[..., Outcome], threading.Event]]:
    """Work that waits for a sign, and the sign."""
    monkeypatch.setattr(runs, "WAIT", 0.05)
    go = threading.Event()

    def work(_: Any, progress: Progress) -> Outcome:
        assert go.wait(30)
        progress.step(3)
        return Outcome(3)

    yield work, go
    go.set()


def state(storage: PachydermImportStorage) -> str:
    storage.refresh_from_db()
    return str(storage.status)


def mark_running(storage: PachydermImportStorage, **meta: Any) -> None:
    now = str(timezone.now())
    storage.status = "in_progress"
    storage.last_sync_job = "of another process"
    storage.meta = {"time_in_progress": now, "time_last_ping": now, "owner": owner(), **meta}
    storage.save()


def test_a_run_that_ends_at_once_is_over_when_the_call_returns(storage: PachydermImportStorage) -> None:
    storage.run(lambda *_: Outcome(7, {"told": "so"}))
    storage.refresh_from_db()
    assert (storage.status, storage.last_sync_count, storage.meta["told"]) == ("completed", 7, "so")
    assert storage.last_sync is not None


def test_a_second_run_is_refused_while_the_first_lives(storage: PachydermImportStorage, blocked: Any) -> None:
    work, go = blocked
    storage.run(work)
    with pytest.raises(WrongState, match="already under way"):
        storage.run(work)
    go.set()
    eventually(lambda: state(storage) == "completed", "the end of the run")


def test_a_failure_is_told_in_its_own_words(storage: PachydermImportStorage) -> None:
    def work(*_: Any) -> Outcome:
        raise NotFound("the repo is gone")

    storage.run(work)
    storage.refresh_from_db()
    assert (storage.status, storage.traceback) == ("failed", "The repo is gone")


def test_a_defect_is_told_with_its_traceback(storage: PachydermImportStorage) -> None:
    def work(*_: Any) -> Outcome:
        raise ZeroDivisionError("by zero")

    storage.run(work)
    storage.refresh_from_db()
    assert storage.status == "failed"
    assert storage.traceback.startswith("By zero\n\nTraceback")


def test_the_reason_of_a_failure_goes_with_the_next_success(storage: PachydermImportStorage) -> None:
    storage.traceback, storage.status = "old", "failed"
    storage.save()
    storage.run(lambda *_: Outcome(0))
    storage.refresh_from_db()
    assert (storage.status, storage.traceback) == ("completed", None)


def test_many_problems_are_shown_in_part(storage: PachydermImportStorage) -> None:
    storage.run(lambda *_: Outcome(1, {}, tuple(Problem(f"file {n}", "is odd") for n in range(150))))
    storage.refresh_from_db()
    assert storage.status == "completed_with_errors"
    assert storage.traceback.splitlines()[-1] == "… and 50 more"
    assert storage.meta["tasks_failed_validation"] == 150


def test_a_run_pings_while_it_waits(storage: PachydermImportStorage, blocked: Any) -> None:
    work, go = blocked
    with override_settings(STORAGE_IN_PROGRESS_TIMER=0.05):
        storage.run(work)
        storage.refresh_from_db()
        first = storage.meta["time_last_ping"]
        eventually(lambda: storage.refresh_from_db() or storage.meta["time_last_ping"] > first, "a ping")
        go.set()
        eventually(lambda: state(storage) == "completed", "the end of the run")


@pytest.mark.parametrize(
    "meta",
    [
        pytest.param({"time_last_ping": str(timezone.now() - timedelta(hours=1)), "owner": {"host": "x"}}, id="silent"),
        pytest.param({"owner": {**owner(), "born": "earlier"}}, id="same process number, another process"),
        pytest.param({"owner": {**owner(), "pid": 2**22 + 1}}, id="no such process"),
    ],
)
def test_a_run_whose_process_is_gone_is_taken_over(storage: PachydermImportStorage, meta: dict[str, Any]) -> None:
    mark_running(storage, **meta)
    storage.run(lambda *_: Outcome(1))
    assert state(storage) == "completed"


def test_a_run_of_another_machine_counts_as_alive_while_it_pings(storage: PachydermImportStorage) -> None:
    mark_running(storage, owner={"host": "elsewhere", "pid": 1, "born": "x"})
    with pytest.raises(WrongState):
        storage.run(lambda *_: Outcome(1))


def test_listing_shows_a_dead_run_as_failed(site: Site, storage: PachydermImportStorage) -> None:
    mark_running(storage, owner={**owner(), "born": "earlier"})
    (listed,) = site.send("GET", f"/api/storages/pachyderm?project={site.project.id}")
    assert listed["status"] == "failed"
    assert "Nothing is lost: Sync again" in listed["traceback"]


def test_a_run_that_was_taken_over_leaves_the_storage_alone(storage: PachydermImportStorage, blocked: Any) -> None:
    work, go = blocked
    with override_settings(STORAGE_IN_PROGRESS_TIMER=0.02):
        storage.run(work)
        PachydermImportStorage.objects.filter(pk=storage.pk).update(last_sync_job="another", status="failed")
        (thread,) = [each for each in threading.enumerate() if each.name == f"sync-{storage.pk}"]
        eventually(lambda: not _pings_at(storage), "the pings to notice")
        go.set()
        thread.join(30)
    storage.refresh_from_db()
    assert (storage.status, storage.last_sync_job) == ("failed", "another")


def _pings_at(storage: PachydermImportStorage) -> bool:
    """Whether the row still changes from one moment to the next."""
    before = PachydermImportStorage.objects.values("meta").get(pk=storage.pk)
    threading.Event().wait(0.1)
    return bool(before != PachydermImportStorage.objects.values("meta").get(pk=storage.pk))


def test_a_storage_that_is_deleted_meanwhile_ends_its_run(storage: PachydermImportStorage, blocked: Any) -> None:
    work, go = blocked
    storage.run(work)
    (thread,) = [each for each in threading.enumerate() if each.name == f"sync-{storage.pk}"]
    PachydermImportStorage.objects.filter(pk=storage.pk).delete()
    go.set()
    thread.join(30)
    assert not thread.is_alive()


def test_a_run_that_is_cancelled_stops_at_its_next_step_and_says_so(storage: PachydermImportStorage) -> None:
    steps: list[int] = []

    def work(_: Any, progress: Progress) -> Outcome:
        progress.found(10)
        for number in range(10_000_000):
            progress.step(number)
            steps.append(number)
        return Outcome(1)

    storage.run(work, wait=0.0)
    eventually(lambda: state(storage) == "in_progress" and steps, "the start")
    storage.cancel("ann@example.org")
    (thread,) = [each for each in threading.enumerate() if each.name == f"sync-{storage.pk}"]
    thread.join(30)
    assert state(storage) == "failed"
    assert storage.traceback == "Cancelled by ann@example.org. What was done until then stays; Sync again to go on."
    (report,) = storage.reports.all()
    assert (report.status, report.message) == ("failed", storage.traceback)
    storage.run(lambda *_: Outcome(1))
    assert state(storage) == "completed"


def test_nothing_to_cancel_is_said(storage: PachydermImportStorage) -> None:
    with pytest.raises(WrongState, match="no Sync of this storage is under way"):
        storage.cancel("ann@example.org")


def test_two_runs_of_a_storage_never_work_side_by_side(
    storage: PachydermImportStorage, blocked: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, go = blocked
    storage.run(work)
    eventually(lambda: state(storage) == "in_progress", "the start")
    storage.cancel("ann@example.org")
    storage.run(lambda *_: Outcome(1))
    eventually(lambda: state(storage) == "in_progress", "the second's waiting")
    go.set()
    eventually(lambda: state(storage) == "completed", "the end of the second")
    with monkeypatch.context() as patch:
        patch.setattr(runs, "_END", 0.01)
        go.clear()
        storage.run(work)
        eventually(lambda: state(storage) == "in_progress", "the start")
        storage.cancel("ann@example.org")
        storage.run(lambda *_: Outcome(1))
        eventually(lambda: state(storage) == "failed", "the end of the fourth")
    assert storage.traceback == "The cancelled Sync is still ending; Sync again in a moment"


def test_a_process_behind_the_site_does_what_it_is_handed(
    storage: PachydermImportStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(behind, "_pair", None)
    behind.open_pair()
    with ThreadPoolExecutor(1) as site:
        asked = site.submit(storage.sync, wait=60.0)
        handed = behind.take(60)
        assert state(storage) == "queued"
        assert handed is not None
        assert not asked.done()
        runs.carry_on(handed)
        asked.result()
    assert state(storage) == "completed"
    storage.sync(wait=0.0)
    handed = behind.take(10)
    assert handed is not None
    storage.cancel("ann@example.org")
    runs.carry_on(handed)
    assert state(storage) == "failed"
    assert behind.take(0) is None


def test_a_card_can_tell_how_far_a_run_is(storage: PachydermImportStorage, blocked: Any) -> None:
    go = threading.Event()

    def work(_: Any, progress: Progress) -> Outcome:
        progress.found(40)
        while not go.wait(0.05):
            progress.step(20)
        return Outcome(40)

    storage.run(work)
    eventually(lambda: storage.refresh_from_db() or storage.meta.get("done") == 20, "the progress")
    assert (storage.meta["found"], storage.last_sync_count) == (40, 20)
    assert storage.meta["rate"] > 0
    go.set()
    eventually(lambda: state(storage) == "completed", "the end of the run")


def test_each_end_leaves_a_report(storage: PachydermImportStorage) -> None:
    def fails(*_: Any) -> Outcome:
        raise NotFound("the repo is gone")

    problem = Problem("/a.json", "is no JSON")
    storage.run(lambda *_: Outcome(2, {}, (problem,), {"added": 2, "edited": 0}, before="b" * 32, commit="c" * 32))
    storage.run(fails)
    failed, done = storage.reports.order_by("-pk")
    assert (failed.status, failed.message, failed.counts) == ("failed", "The repo is gone", {"done": 0})
    assert (done.status, done.before, done.commit) == ("completed_with_errors", "b" * 32, "c" * 32)
    assert done.counts == {"added": 2, "problems": 1}
    assert done.problems == [{"file": "/a.json", "why": "is no JSON"}]
    assert done.began <= done.ended


def test_only_the_newest_reports_are_kept(storage: PachydermImportStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "KEPT", 3)
    for number in range(5):
        storage.run(lambda *_, number=number: Outcome(number, counts={"added": number}))
    assert [report.counts for report in storage.reports.order_by("pk")] == [{"added": 2}, {"added": 3}, {"added": 4}]


def test_webhooks_are_told_of_each_end(site: Site, storage: PachydermImportStorage) -> None:
    with listening() as heard:
        events = ["STORAGE_SYNC_COMPLETED", "STORAGE_SYNC_FAILED"]
        hook = {"url": heard.url, "project": site.project.id, "send_for_all_actions": False, "actions": events}
        with override_settings(SSRF_PROTECTION_ENABLED=False):
            site.send("POST", "/api/webhooks/", hook, expect=201)
            storage.run(lambda *_: Outcome(2, counts={"added": 2}, commit="c" * 32))
            storage.run(lambda *_: (_ for _ in ()).throw(NotFound("the repo is gone")))
            eventually(lambda: len(heard.bodies) == 2, "both calls")
    done, failed = heard.bodies
    assert (done["action"], done["commit"], done["counts"]) == (events[0], "c" * 32, {"added": 2})
    assert done["storage"] == {"id": storage.pk, "title": "mine", "type": "pachyderm", "kind": "source"}
    assert done["project"]["id"] == site.project.id
    assert (failed["action"], failed["message"]) == (events[1], "The repo is gone")


def test_the_events_are_offered_where_webhooks_are_made(site: Site) -> None:
    assert {"STORAGE_SYNC_COMPLETED", "STORAGE_SYNC_FAILED"} <= site.send("GET", "/api/webhooks/info/").keys()
