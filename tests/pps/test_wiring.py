"""Repos and branches that pipelines share with people, and with each other."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from howdah.errors import Invalid, WrongState
from howdah.names import Pipeline, Project, Repo
from howdah.pfs import check, commits, projects, repos, writing
from howdah.pps import pipelines
from howdah.pps.rows import spec_branch
from howdah.pps.telling import alerts
from howdah.store.store import Store
from tests.pfs.stores import REPO
from tests.pps.stores import EDGES, create, document, info, pipeline_store, put, states

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


def test_a_schedule_that_an_update_drops_keeps_its_instants_until_the_pipeline_goes(store: Store) -> None:
    create(store, document(input=SCHEDULE))
    put(store, "/2026-01-01T00:00:00Z", repo=TICKS)
    create(store, document(input={"cron": {"name": "night", "spec": "@never"}}), update=True)
    with store.database.read() as tx:
        before = {info.repo.name for info in repos.list(tx)}
    delete(store)
    with store.database.read() as tx:
        after = {info.repo.name for info in repos.list(tx)}
    assert {"edges_tick", "edges_night"} <= before
    assert after == {"images"}


def test_pipelines_of_one_name_have_branches_of_their_own_for_triggers(store: Store) -> None:
    read = {"pfs": {"project": "default", "repo": "images", "glob": "/", "trigger": {"commits": 2}}}
    named = [EDGES, *(Pipeline(Project(name), "edges") for name in ("a", "a_b")), Pipeline(Project("a"), "b_edges")]
    with store.database.write() as tx:
        for project in ("a", "a_b"):
            projects.create(tx, Project(project), "", now=store.now())
    for each in named:
        create(store, document(each, input=read))
    with store.database.read() as tx:
        own = {branch.name for branch in repos.inspect(tx, Repo(Project(), "images")).branches} - {"master"}
    assert own == {"edges-trigger-1", "_a_edges-trigger-1", "_a__b_edges-trigger-1", "_a_b_edges-trigger-1"}
    delete(store)
    with store.database.read() as tx:
        left = {branch.name for branch in repos.inspect(tx, Repo(Project(), "images")).branches}
    assert left == {"master", *own} - {"edges-trigger-1"}


def test_a_pipeline_whose_input_was_deleted_by_force_tells_so_until_it_follows_it_again(store: Store) -> None:
    create(store, document())
    assert info(store).reason == ""
    with store.database.write() as tx:
        repos.delete(tx, REPO, force=True)
    told = "it follows default/images@master no longer, deleted by force: create that, then rerun the pipeline"
    assert info(store).reason == told
    assert alerts(info(store))[0] == f"pipeline does not work: {told}"
    with store.database.write() as tx:
        repos.create(tx, REPO, "", now=store.now())
    assert info(store).reason == told
    writing.step(store, lambda made: pipelines.rerun(made, store, EDGES))
    assert info(store).reason == ""
    writing.step(store, lambda made: pipelines.stop(made, store, EDGES))
    assert info(store).reason == ""
