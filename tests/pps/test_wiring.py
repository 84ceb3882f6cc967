"""Repos and branches that pipelines share with people, and with each other."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from howdah.errors import Invalid, WrongState
from howdah.names import Pipeline, Project, Repo
from howdah.pfs import check, commits, repos, writing
from howdah.pps import pipelines
from howdah.pps.rows import spec_branch
from howdah.store.store import Store
from tests.pps.stores import EDGES, create, document, pipeline_store, put, states

TICKS = Repo(Project(), "edges_tick")
SCHEDULE = {"cron": {"name": "tick", "spec": "@never"}}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with pipeline_store(tmp_path / "data") as opened:
        yield opened
        assert check.fsck(opened) == []


def delete(store: Store, pipeline: Pipeline = EDGES) -> None:
    writing.step(store, lambda made: pipelines.delete(made, store, pipeline))


def test_the_repo_of_a_schedule_goes_with_the_pipeline_unless_it_was_there_before(store: Store) -> None:
    create(store, document(input=SCHEDULE))
    delete(store)
    with store.database.write() as tx:
        assert TICKS not in {info.repo for info in repos.list(tx)}
        repos.create(tx, TICKS, "mine", now=store.now())
    put(store, "/precious", repo=TICKS)
    create(store, document(input=SCHEDULE))
    delete(store)
    with store.database.read() as tx:
        assert repos.inspect(tx, TICKS).description == "mine"


def test_a_schedule_is_kept_in_no_output(store: Store) -> None:
    create(store, document(Pipeline(Project(), TICKS.name)))
    for source in (SCHEDULE, {"cron": SCHEDULE["cron"] | {"repo": EDGES.name}}):
        with pytest.raises(Invalid, match="which a pipeline writes: give it another repo"):
            create(store, document(input=source))


def test_versions_of_a_pipeline_are_made_by_updates_alone(store: Store) -> None:
    create(store, document())
    branch = spec_branch(EDGES)
    with pytest.raises(WrongState, match="update the pipeline"):
        writing.step(store, lambda made: commits.start(made, branch, ""))
    with pytest.raises(WrongState, match="update the pipeline"):
        put(store, "/x", repo=branch.repo)
    put(store, "/2.png")
    assert states(store) == ["CREATED", "CREATED"]


def test_a_chain_costs_what_it_is_long(store: Store) -> None:
    chain = [Pipeline(Project(), f"link{number}") for number in range(60)]
    create(store, document(chain[0]))
    for before, each in pairwise(chain):
        create(store, document(each, before.name))
    writing.step(store, lambda made: pipelines.stop(made, store, chain[0]))
    assert states(store, chain[-1]) == ["UNRUNNABLE"]
    writing.step(store, lambda made: pipelines.start(made, store, chain[0]))
    assert states(store, chain[-1])[0] == "CREATED"
