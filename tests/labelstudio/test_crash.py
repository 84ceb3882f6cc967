"""Whatever dies in the middle of a target Sync: nothing is lost, and history holds each change once."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connections

from howdah.client import commits, files, metadata
from howdah.errors import HowdahError
from howdah.labelstudio import commit_text, exporting, host, runs
from howdah.labelstudio.ledger import Ledger
from howdah.labelstudio.models import ExportRun, LabelFile, PachydermExportStorage, StagedChange
from howdah.labelstudio.progress import Progress
from howdah.names import parse_branch
from howdah.testing.servers import StoreServer
from tests.labelstudio.conftest import Shelf, Site, eventually


class Killed(BaseException):
    """The process ends here: nothing after this is done."""


@contextmanager
def dying(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, *, after: bool) -> Iterator[None]:
    """The process dies just before or just after the real `module.name`."""
    real = getattr(module, name)

    def die(*args: Any, **kwargs: Any) -> Any:
        if after:
            real(*args, **kwargs)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(module, name, die)
        yield


def sync_and_die(target: Any) -> None:
    """Run the work of a Sync until it dies."""
    storage = PachydermExportStorage.objects.get(pk=target["id"])
    progress = Progress(PachydermExportStorage, storage.pk, {})
    with pytest.raises(Killed):
        exporting.run(storage, progress)


POINTS = [
    pytest.param(Ledger, "take", False, id="before the run is recorded"),
    pytest.param(Ledger, "plan", True, id="after the paths are recorded"),
    pytest.param(commits, "start", False, id="before the commit is begun"),
    pytest.param(commits, "start", True, id="after the commit is begun, before the answer"),
    pytest.param(files, "modify", False, id="before anything is written"),
    pytest.param(metadata, "edit", False, id="after everything is written"),
    pytest.param(metadata, "edit", True, id="after the metadata is written"),
    pytest.param(commits, "finish", False, id="before the commit is finished"),
    pytest.param(commits, "finish", True, id="after the commit is finished, before the answer"),
]


@pytest.mark.parametrize(("module", "name", "after"), POINTS)
def test_a_sync_after_one_that_died_holds_each_change_once(
    site: Site, shelf: Shelf, monkeypatch: pytest.MonkeyPatch, module: Any, name: str, *, after: bool
) -> None:
    repo = shelf.repo()
    target = site.target(repo)
    tasks = site.add_tasks(3)
    for task in tasks[:2]:
        site.annotate(task)
    with dying(monkeypatch, module, name, after=after):
        sync_and_die(target)
    site.annotate(tasks[2])

    synced = site.sync(target, target=True)

    assert synced["status"] == "completed", synced["traceback"]
    history = shelf.history(repo)
    assert all(info.finished and not info.error for info in history)
    # A store whose first commit is dropped puts an empty one of its own there.
    told = [info for info in history if info.description]
    assert sum(int(info.description.split()[0]) for info in told) == 3
    assert sum(int(info.metadata["new"]) for info in told) == 3
    assert shelf.paths(repo) == sorted(f"/{task}.json" for task in tasks)
    assert not StagedChange.objects.filter(storage_id=target["id"]).exists()
    recorded = LabelFile.objects.filter(storage_id=target["id"]).exclude(task_id=0)
    assert sorted(recorded.values_list("task_id", "path", "run")) == [(task, f"/{task}.json", "") for task in tasks]
    assert site.sync(target, target=True)["last_sync_count"] == 0
    assert len(shelf.history(repo)) == len(history)


def _sleep_at(monkeypatch: pytest.MonkeyPatch, thread: str, module: Any, name: str, *, after: bool) -> tuple[Any, Any]:
    """Have the thread of this name stop just before or after `module.name`: it was reached, and may go on."""
    real = getattr(module, name)
    reached, go_on = threading.Event(), threading.Event()

    def sleep(*args: Any, **kwargs: Any) -> Any:
        if threading.current_thread().name != thread:
            return real(*args, **kwargs)
        found = real(*args, **kwargs) if after else None
        reached.set()
        assert go_on.wait(120)
        return found if after else real(*args, **kwargs)

    monkeypatch.setattr(module, name, sleep)
    return reached, go_on


def _run_slowly(target: Any, ended: list[BaseException | None]) -> threading.Thread:
    storage = PachydermExportStorage.objects.get(pk=target["id"])
    progress = storage._claim()

    def work() -> None:
        try:
            exporting.run(storage, progress)
            ended.append(None)
        except Exception as error:  # whatever it was is looked at by the test
            ended.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=work, name="sleeper")
    thread.start()
    return thread


@pytest.mark.parametrize(("module", "name", "after"), POINTS)
def test_a_sync_that_sleeps_until_another_one_took_over_does_nothing_more(
    site: Site, shelf: Shelf, monkeypatch: pytest.MonkeyPatch, module: Any, name: str, *, after: bool
) -> None:
    repo = shelf.repo()
    target = site.target(repo)
    tasks = site.add_tasks(3)
    for task in tasks[:2]:
        site.annotate(task)
    reached, go_on = _sleep_at(monkeypatch, "sleeper", module, name, after=after)
    ended: list[BaseException | None] = []
    sleeper = _run_slowly(target, ended)
    assert reached.wait(60)
    PachydermExportStorage.objects.filter(pk=target["id"]).update(meta={})  # as if its process were gone
    site.annotate(tasks[2])

    synced = site.sync(target, target=True)
    before = [info.commit.id for info in shelf.history(repo)]
    go_on.set()
    sleeper.join(60)

    assert synced["status"] == "completed", synced["traceback"]
    assert isinstance(ended[0], HowdahError)
    history = shelf.history(repo)
    assert [info.commit.id for info in history] == before
    assert all(info.finished and not info.error for info in history)
    assert sum(int(info.metadata["new"]) for info in history if info.description) == 3
    assert shelf.paths(repo) == sorted(f"/{task}.json" for task in tasks)
    assert site.sync(target, target=True)["last_commit"] == synced["last_commit"] == before[0]


@pytest.mark.parametrize("first", [True, False], ids=["the first Sync", "a later Sync"])
def test_what_is_drawn_while_a_sync_is_under_way_is_of_the_next_commit(
    site: Site, shelf: Shelf, monkeypatch: pytest.MonkeyPatch, *, first: bool
) -> None:
    repo = shelf.repo()
    target = site.target(repo)
    one, two = site.add_tasks(2)
    if not first:
        site.annotate(one)
        site.sync(target, target=True)
    for task in (one, two):
        site.annotate(task)
    reached, go_on = _sleep_at(monkeypatch, f"sync-{target['id']}", Ledger, "take", after=True)
    path = f"/api/storages/export/pachyderm/{target['id']}"
    site.send("POST", f"{path}/sync")
    assert reached.wait(60)

    kept, gone = site.annotate(one), site.annotate(two)
    go_on.set()
    eventually(lambda: site.send("GET", path)["status"] == "completed", "the end of the Sync")
    site.send("DELETE", f"/api/annotations/{gone}", expect=204)
    site.sync(target, target=True)

    told = [info.metadata for info in shelf.history(repo)]
    assert [(each["new"], each["deleted"]) for each in told] == [("1", "0"), ("2", "0")] + [("1", "0")] * (not first)
    assert kept in _held(shelf, repo, one)
    assert gone not in _held(shelf, repo, two)


def _held(shelf: Shelf, repo: str, task: int) -> list[int]:
    return [annotation["id"] for annotation in json.loads(shelf.read(repo, f"/{task}.json"))["annotations"]]


def test_a_sync_that_is_cancelled_leaves_the_branch_free_and_everything_staged(
    site: Site, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "WAIT", 0.05)
    monkeypatch.setattr("howdah.labelstudio.progress._LOOK", 0.0)
    repo = shelf.repo()
    target = site.target(repo)
    tasks = site.add_tasks(3)
    for task in tasks:
        site.annotate(task)
    reached, go_on = _sleep_at(monkeypatch, f"sync-{target['id']}", files.Changes, "put", after=False)
    path = f"/api/storages/export/pachyderm/{target['id']}"
    site.send("POST", f"{path}/sync")
    assert reached.wait(60)

    site.send("POST", f"{path}/cancel")
    go_on.set()

    eventually(lambda: not [info for info in shelf.history(repo) if not info.finished], "the end of the commit")
    assert shelf.paths(repo) == []
    assert site.send("GET", path)["pending"] == 3
    monkeypatch.undo()
    eventually(lambda: site.sync(target, target=True)["status"] == "completed", "another Sync")
    assert shelf.paths(repo) == sorted(f"/{task}.json" for task in tasks)
    assert sum(int(info.metadata["new"]) for info in shelf.history(repo) if info.description) == 3


def test_a_commit_that_a_run_opened_after_it_was_lost_is_dropped_by_the_next(
    site: Site, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo = shelf.repo()
    target = site.target(repo)
    site.annotate(*site.add_tasks(1))
    site.sync(target, target=True)
    mark = ExportRun.objects.get(storage_id=target["id"]).mark
    commits.start(shelf.conn, parse_branch(repo), commit_text.opening(mark + "0" * 16))
    site.annotate(*site.add_tasks(1))

    assert site.sync(target, target=True)["last_sync_count"] == 1
    assert [info.metadata["new"] for info in shelf.history(repo)] == ["1", "1"]


def test_a_file_that_a_dead_sync_wrote_goes_when_its_annotation_went(
    site: Site, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo = shelf.repo()
    target = site.target(repo)
    site.sync(target, target=True)
    (task,) = site.add_tasks(1)
    annotation = site.annotate(task)
    with dying(monkeypatch, commits, "finish", after=False):
        sync_and_die(target)

    site.send("DELETE", f"/api/annotations/{annotation}", expect=204)
    site.sync(target, target=True)

    assert shelf.paths(repo) == []
    assert all(info.finished for info in shelf.history(repo))


def test_a_dead_sync_to_a_former_place_does_not_block_its_branch(
    site: Site, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = shelf.repo(), shelf.repo()
    target = site.target(one)
    site.annotate(*site.add_tasks(1))
    with dying(monkeypatch, commits, "finish", after=False):
        sync_and_die(target)

    site.send("PATCH", f"/api/storages/export/pachyderm/{target['id']}", {"pach_repo": two})
    site.sync(target, target=True)

    assert len(shelf.paths(two)) == 1
    assert all(info.finished for info in shelf.history(one))


def test_labeling_goes_on_while_the_store_is_away(new_site: Callable[..., Site], fragile: Shelf) -> None:
    site = new_site(fragile.address)
    repo = fragile.repo()
    target = site.target(repo)
    first, second = site.add_tasks(2)
    site.annotate(first)
    fragile.server.stop()

    site.annotate(second)
    failed = site.sync(target, target=True)

    assert failed["status"] == "failed"
    assert f"store at {fragile.address} does not answer" in failed["traceback"].lower()
    with StoreServer(fragile.server.data, port=fragile.server.port):
        assert site.sync(target, target=True)["last_sync_count"] == 2
        assert fragile.paths(repo) == sorted(f"/{task}.json" for task in (first, second))
        assert len(fragile.history(repo)) == 1


@pytest.mark.parametrize("pieces", [1, 20, 57])
def test_a_store_killed_in_the_middle_of_a_sync_loses_nothing(
    new_site: Callable[..., Site], fragile: Shelf, monkeypatch: pytest.MonkeyPatch, pieces: int
) -> None:
    site = new_site(fragile.address)
    repo = fragile.repo()
    target = site.target(repo)
    tasks = site.add_tasks(60)
    for task in tasks[:3]:
        site.annotate(task)
    site.sync(target, target=True)
    for task in tasks[3:]:
        _annotate_quickly(site, task)
    _kill_after(monkeypatch, fragile.server, pieces)

    failed = site.sync(target, target=True)
    monkeypatch.undo()

    assert failed["status"] == "failed"
    assert "does not answer" in failed["traceback"] or "ended the stream" in failed["traceback"], failed["traceback"]
    with StoreServer(fragile.server.data, port=fragile.server.port):
        assert site.sync(target, target=True)["status"] == "completed"
        assert fragile.paths(repo) == sorted(f"/{task}.json" for task in tasks)
        history = fragile.history(repo)
        assert sum(int(info.description.split()[0]) for info in history if info.description) == 60
        assert all(info.finished for info in history)


def _annotate_quickly(site: Site, task: int) -> None:
    host.Annotation.objects.create(task_id=task, project=site.project, completed_by=site.user, result=[])


def _kill_after(monkeypatch: pytest.MonkeyPatch, server: StoreServer, pieces: int) -> None:
    """SIGKILL the store when that many files were handed to the stream."""
    real = files.Changes.put
    seen = 0

    def put(self: Any, *args: Any, **kwargs: Any) -> None:
        nonlocal seen
        real(self, *args, **kwargs)
        seen += 1
        if seen == pieces:
            server.kill()

    monkeypatch.setattr(files.Changes, "put", put)


@pytest.mark.timeout(200)
def test_a_store_killed_at_any_moment_of_many_syncs_keeps_each_change_once(
    new_site: Callable[..., Site], fragile: Shelf
) -> None:
    site = new_site(fragile.address)
    repo = fragile.repo()
    target = site.target(repo)
    server, tasks = fragile.server, []
    for turn in range(8):
        made = site.add_tasks(5)
        tasks += made
        for task in made:
            _annotate_quickly(site, task)
        killer = threading.Timer(0.004 * turn, server.kill)
        killer.start()
        site.sync(target, target=True)
        killer.join()
        server = StoreServer(server.data, port=server.port)
    with server:
        assert site.sync(target, target=True)["status"] == "completed"
        assert fragile.paths(repo) == sorted(f"/{task}.json" for task in tasks)
        history = fragile.history(repo)
        assert sum(int(info.description.split()[0]) for info in history if info.description) == len(tasks)
        assert all(info.finished for info in history)


def test_a_run_is_recorded_before_anything_is_sent(site: Site, shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    target = site.target(shelf.repo())
    site.annotate(*site.add_tasks(1))
    with dying(monkeypatch, commits, "start", after=False):
        sync_and_die(target)

    recorded = ExportRun.objects.get(storage_id=target["id"])

    assert recorded.key
    assert StagedChange.objects.filter(storage_id=target["id"], run=recorded.key).count() == 1
