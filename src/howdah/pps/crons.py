"""Schedules of pipelines: each instant is a file in the repo of its input, in a commit of its own, named by it."""

from __future__ import annotations

from datetime import datetime

from howdah.errors import Code, WrongState
from howdah.names import DEFAULT_BRANCH, Commit, Pipeline
from howdah.pfs import clock, writing
from howdah.pps import rows
from howdah.pps.inputs import CronInput
from howdah.store.store import Store


def run(store: Store, pipeline: Pipeline) -> None:
    """Let it be time for every schedule of a pipeline; `WrongState` if it has none."""
    with store.database.read() as tx:
        spec = rows.newest(tx, rows.get(tx, pipeline).repo).read()
    crons = [*spec.input.crons()] if spec.input is not None else []
    if not crons:
        raise WrongState("pipeline doesn't have a cron input", kind="no-cron", code=Code.UNKNOWN)
    now = clock.moment(store.now())
    for cron in crons:
        tick(store, cron, now)


def tick(store: Store, cron: CronInput, instant: datetime) -> None:
    """Write a schedule's instant; once more changes nothing but that there is another commit."""
    session = writing.Session(store, Commit(cron.files().source().repo, DEFAULT_BRANCH))
    if cron.overwrite:
        session.delete("/")
    session.put(f"/{instant.strftime('%Y-%m-%dT%H:%M:%SZ')}", b"")
    session.close()
