"""Schedules of pipelines: instants that are written when they come, or later, each once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from howdah.errors import Invalid
from howdah.infos import JobInfo
from howdah.names import Branch, Commit, File, Repo
from howdah.pfs import clock, commits, files, repos, writing
from howdah.pps import crons, pipelines
from howdah.pps.crons import MOST, Ticking, passed
from howdah.store.store import Store
from tests.faults.doors import Died, Fate, kept
from tests.pfs.stores import write
from tests.pps.stores import COUNT, EDGES, create, document, listed, pipeline_store

MINUTE = 60_000_000
BEGUN = datetime(2026, 11, 21, 6, 0, 30, tzinfo=timezone.utc)
TICKS = Repo(EDGES.project, "edges_tick")


class Clock:
    """A store's time, which passes by microseconds only, but for what a test lets pass."""

    def __init__(self) -> None:
        self.time = clock.microseconds(BEGUN)

    def __call__(self) -> int:
        self.time += 1
        return self.time


@pytest.fixture
def time() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, time: Clock) -> Iterator[Store]:
    with pipeline_store(tmp_path / "data") as opened:
        opened.now = time
        yield opened


def schedule(store: Store, spec: str = "@every 1m", pipeline: Any = EDGES, **more: Any) -> None:
    create(store, document(pipeline, input={"cron": {"name": "tick", "spec": spec, **more}}))


def written(store: Store, repo: Repo = TICKS) -> list[str]:
    """The names of the instants in a repo, without their date if it is today's."""
    found = files.list(store, File(Commit(repo, "master"), "/"))
    return [info.file.path.removeprefix("/").removeprefix("2026-11-21T") for info in found]


def commits_of(store: Store, repo: Repo = TICKS) -> int:
    return len([*commits.list(store.database, repo)])


def jobs_of(store: Store) -> list[JobInfo]:
    return listed(store)


def test_instants_are_written_as_they_come_and_each_starts_a_job(store: Store, time: Clock) -> None:
    schedule(store)
    ticking = Ticking(store)
    assert ticking.turn() == clock.microseconds(BEGUN + timedelta(minutes=1))
    before = len(jobs_of(store))
    time.time += MINUTE
    assert ticking.turn() == clock.microseconds(BEGUN + timedelta(minutes=2))
    assert written(store) == ["06:01:30Z"]
    assert len(jobs_of(store)) == before + 1
    ticking.turn()
    assert written(store) == ["06:01:30Z"]
    time.time += MINUTE
    ticking.turn()
    assert written(store) == ["06:01:30Z", "06:02:30Z"]


def test_lines_of_cron_and_words_follow_the_calendar(store: Store, time: Clock) -> None:
    schedule(store, "5,10 * * * *")
    schedule(store, "@hourly", COUNT)
    ticking = Ticking(store)
    time.time += 70 * MINUTE
    while ticking.turn() == time.time:
        pass
    assert written(store) == ["06:05:00Z", "06:10:00Z", "07:05:00Z", "07:10:00Z"]
    assert written(store, Repo(COUNT.project, "count_tick")) == ["07:00:00Z"]


def test_what_passed_without_a_server_is_made_up_for_once(store: Store, time: Clock) -> None:
    schedule(store)
    time.time += 3 * MINUTE
    for _ in range(2):  # the second is one that has been started again
        Ticking(store).turn()
        assert written(store) == ["06:01:30Z", "06:02:30Z", "06:03:30Z"]
        assert commits_of(store) == 4  # with the empty one that the branch began with


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("is_another", [False, True])
def test_clock_that_was_wrong_ends_no_schedule(store: Store, time: Clock, *, overwrite: bool, is_another: bool) -> None:
    schedule(store, "@hourly", overwrite=overwrite)
    ticking = Ticking(store)
    time.time += 60 * MINUTE
    ticking.turn()
    right = time.time
    time.time = clock.microseconds(datetime(2126, 1, 1, 0, 30, tzinfo=timezone.utc))
    crons.run(store, EDGES)
    ticking.turn()

    time.time = right
    ticking = Ticking(store) if is_another else ticking  # of a server that has been started again
    for _ in range(3):  # at first, nothing is due
        ticking.turn()
        time.time += 60 * MINUTE

    assert written(store)[-2:] == (["09:00:00Z"] if overwrite else ["09:00:00Z", "2126-01-01T00:30:00Z"])
    assert commits_of(store) == 5  # with the empty one that the branch began with


def test_turn_that_dies_anywhere_is_made_up_for_and_repeats_nothing(tmp_path: Path) -> None:
    def died(data: Path, fate: Fate) -> bool:
        """Whether a turn died; three instants are due."""
        with pipeline_store(data) as store:
            store.now = time = Clock()
            schedule(store)
            time.time += 3 * MINUTE
            try:
                Ticking(kept(store, fate)).turn()
            except Died:
                return True
            return False

    count = Fate()
    assert not died(tmp_path / "whole", count)
    assert count.passed >= 3
    for at in range(1, count.passed + 1):
        for is_after in (False, True):
            data = tmp_path / f"{at}-{is_after}"
            assert died(data, Fate(at, is_after))
            with pipeline_store(data) as store:
                store.now = time = Clock()
                time.time += 3 * MINUTE
                Ticking(store).turn()
                assert written(store) == ["06:01:30Z", "06:02:30Z", "06:03:30Z"]
                assert commits_of(store) == 4


def test_only_the_newest_instant_stays_with_overwrite(store: Store, time: Clock) -> None:
    schedule(store, overwrite=True)
    time.time += 3 * MINUTE
    Ticking(store).turn()
    assert written(store) == ["06:03:30Z"]
    assert commits_of(store) == 4


@pytest.mark.parametrize(
    ("start", "first"),
    [("2026-11-21T05:58:00Z", "05:59:00Z"), ("2026-11-21T06:00:45Z", "06:01:45Z"), ("2026-11-21T09:00:00Z", None)],
)
def test_schedule_begins_at_its_start(store: Store, time: Clock, start: str, first: str | None) -> None:
    schedule(store, start=start)
    time.time += 2 * MINUTE
    Ticking(store).turn()
    assert written(store)[:1] == ([first] if first else [])


def test_next_instant_counts_from_one_that_somebody_let_come(store: Store, time: Clock) -> None:
    schedule(store)
    ticking = Ticking(store)
    ticking.turn()
    time.time += MINUTE // 2
    crons.run(store, EDGES)
    assert ticking.turn() == clock.microseconds(BEGUN) + MINUTE // 2 + MINUTE
    assert written(store) == ["06:01:00Z"]


def test_stopped_pipeline_has_no_instants_until_it_is_started(store: Store, time: Clock) -> None:
    schedule(store)
    ticking = Ticking(store)
    writing.step(store, lambda made: pipelines.stop(made, store, EDGES, must_exist=True))
    time.time += 2 * MINUTE
    assert ticking.turn() is None
    assert written(store) == []
    writing.step(store, lambda made: pipelines.start(made, store, EDGES))
    ticking.turn()
    assert written(store) == ["06:01:30Z", "06:02:30Z"]


def test_updated_schedule_holds_from_then_on(store: Store, time: Clock) -> None:
    schedule(store)
    ticking = Ticking(store)
    time.time += MINUTE
    ticking.turn()
    told = document(input={"cron": {"name": "tick", "spec": "@every 10m"}})
    create(store, told, update=True)
    assert ticking.turn() == clock.microseconds(BEGUN + timedelta(minutes=11))


def test_deleted_pipeline_has_no_instants(store: Store, time: Clock) -> None:
    schedule(store)
    ticking = Ticking(store)
    ticking.turn()
    writing.step(store, lambda made: pipelines.delete(made, store, EDGES, force=True, keep_repo=False, must_exist=True))
    time.time += 2 * MINUTE
    assert ticking.turn() is None


def test_never_is_never(store: Store, time: Clock) -> None:
    schedule(store, "@never")
    time.time += 10_000_000 * MINUTE
    assert Ticking(store).turn() is None
    assert written(store) == []


def test_other_files_are_no_instants(store: Store, time: Clock) -> None:
    schedule(store)
    time.time += MINUTE
    ticking = Ticking(store)
    ticking.turn()
    write(store, {f"/z{number}": b"" for number in range(50)}, Commit(TICKS, "master"))
    time.time += MINUTE
    ticking.turn()
    assert [name for name in written(store) if "z" not in name] == ["06:01:30Z", "06:02:30Z"]


def test_instants_go_into_a_commit_that_somebody_keeps_open(store: Store, time: Clock) -> None:
    schedule(store)
    writing.step(store, lambda made: commits.start(made, Branch(TICKS, "master"), ""))
    ticking = Ticking(store)
    for _ in range(2):
        time.time += MINUTE
        ticking.turn()
        ticking.turn()
    assert written(store) == ["06:01:30Z", "06:02:30Z"]
    assert commits_of(store) == 2


def test_schedule_without_its_repo_has_no_instants(store: Store, time: Clock) -> None:
    schedule(store)
    with store.database.write() as tx:
        repos.delete(tx, TICKS, force=True)
    time.time += MINUTE
    assert Ticking(store).turn() is None


def test_schedule_that_fails_keeps_others_not_from_their_turn(store: Store, time: Clock) -> None:
    schedule(store)
    schedule(store, pipeline=COUNT)
    write(store, {"/2026-11-21T06:01:30Z/in-the-way": b""}, Commit(TICKS, "master"))
    time.time += MINUTE
    with pytest.raises(Invalid, match="collision"):
        Ticking(store).turn()
    assert written(store, Repo(COUNT.project, "count_tick")) == ["06:01:30Z"]


def test_two_pipelines_share_a_schedule_repo(store: Store, time: Clock) -> None:
    for pipeline in (EDGES, COUNT):
        schedule(store, pipeline=pipeline, repo="clock")
    time.time += 2 * MINUTE
    Ticking(store).turn()
    assert written(store, Repo(EDGES.project, "clock")) == ["06:01:30Z", "06:02:30Z"]


def test_many_that_passed_are_written_in_several_turns(store: Store, time: Clock) -> None:
    schedule(store)
    time.time += 60 * MINUTE
    ticking = Ticking(store)
    due = ticking.turn()
    assert due is not None
    assert due <= time.time
    assert len(written(store)) == 50
    due = ticking.turn()
    assert len(written(store)) == 60
    assert due == clock.microseconds(BEGUN + timedelta(minutes=61))


@pytest.mark.parametrize("spec", ["@every 1s", "* * * * *", "@every 7m"])
def test_of_very_many_that_passed_the_newest_count(spec: str) -> None:
    now = clock.microseconds(BEGUN)
    found = passed(spec, now - 30 * 24 * 60 * MINUTE, now)
    assert MOST // 2 <= len(found) <= MOST
    assert found == sorted(found)
    assert now - found[-1] < 7 * MINUTE
    assert passed(spec, now, now) == []
