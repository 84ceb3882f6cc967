"""Pipelines without anybody who runs them: what is there after each verb."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from howdah.errors import AlreadyExists, Invalid, NotFound, WrongState
from howdah.infos import JobState, PipelineState, PipelineType
from howdah.names import Branch, Commit, Pipeline, Project, Repo
from howdah.pfs import branches, check, commits, commitsets, graph, projects, repos, writing
from howdah.pps import defaults, pipelines, telling
from howdah.store.store import Store
from tests.pfs.stores import MASTER, REPO, ids, write
from tests.pps.stores import (
    COUNT,
    EDGES,
    commit,
    create,
    document,
    info,
    listed,
    newest,
    output,
    pipeline_store,
    put,
    states,
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with pipeline_store(tmp_path / "data") as opened:
        yield opened
        assert check.fsck(opened) == []


def upstream(store: Store, branch: Branch) -> set[str]:
    with store.database.read() as tx:
        return {str(each) for each in branches.inspect(tx, branch).direct_provenance}


def members(store: Store, id: str) -> list[str]:
    with store.database.read() as tx:
        return [str(each.commit.repo) for each in commitsets.inspect(tx, id)]


def repo_names(store: Store) -> set[str]:
    with store.database.read() as tx:
        return {str(each.repo) for each in repos.list(tx)}


def stop(store: Store, pipeline: Pipeline = EDGES) -> None:
    writing.step(store, lambda made: pipelines.stop(made, store, pipeline))


def start(store: Store, pipeline: Pipeline = EDGES) -> None:
    writing.step(store, lambda made: pipelines.start(made, store, pipeline))


def delete(store: Store, pipeline: Pipeline = EDGES, **words: Any) -> bool:
    return writing.step(store, lambda made: pipelines.delete(made, store, pipeline, **words))


def test_a_new_pipeline_has_its_repos_its_provenance_and_a_job(store: Store) -> None:
    create(store, document())

    assert repo_names(store) == {"default/images", "default/edges", "default/edges.spec", "default/edges.meta"}
    assert upstream(store, output()) == {"default/images@master", "default/edges.spec@master"}
    assert upstream(store, Branch(Repo(Project(), "edges", "meta"))) == upstream(store, output())
    found = info(store)
    assert (found.version, found.state, found.stopped) == (1, PipelineState.PIPELINE_STARTING, False)
    assert found.last_job is JobState.JOB_CREATED
    assert found.spec_commit is not None
    [job] = listed(store)
    assert (job.state, job.version, job.total) == (JobState.JOB_CREATED, 1, 0)
    assert job.job.id == found.spec_commit.id
    assert set(members(store, job.job.id)) == {
        *("default/images", "default/edges.spec", "default/edges", "default/edges.meta")
    }


def test_each_commit_of_the_input_is_a_job_at_once(store: Store) -> None:
    create(store, document())
    create(store, document(COUNT, "edges"))
    id = put(store, "/2.png")

    assert [job.job.id for job in listed(store)][0] == id
    assert [job.job.id for job in listed(store, COUNT)][0] == id
    assert states(store) == states(store, COUNT) == ["CREATED", "CREATED"]
    assert len(members(store, id)) == 7
    with store.database.read() as tx:
        assert [str(job.job.pipeline) for job in telling.job_set(tx, id)] == ["default/edges", "default/count"]


def test_a_pipeline_can_be_on_a_branch_that_is_not_there(store: Store) -> None:
    create(store, document(input={"pfs": {"repo": "images", "branch": "new", "glob": "/"}}))
    assert upstream(store, output()) == {"default/images@new", "default/edges.spec@master"}
    with pytest.raises(NotFound, match="repo default/nothing not found"):
        create(store, document(COUNT, "nothing"))
    assert "default/count" not in repo_names(store)


def test_names_are_taken_once(store: Store) -> None:
    create(store, document())
    with pytest.raises(AlreadyExists, match='pipeline "default/edges" already exists'):
        create(store, document())
    text = 'pipeline "default/images" cannot be created because a repo with the same name already exists'
    with pytest.raises(AlreadyExists, match=text):
        create(store, document(Pipeline(Project(), "images"), "edges"), update=True)


def test_an_update_is_a_version_with_a_job_of_its_own(store: Store) -> None:
    create(store, document(), update=True)  # one that is not there is created
    before = info(store)
    create(store, document(description="better"), update=True)
    after = info(store)

    assert (after.version, after.created, after.salt) == (2, before.created, before.salt)
    assert after.updated != before.updated
    assert json.loads(after.told)["description"] == "better"
    assert info(store, Pipeline(Project(), "edges^")) == info(store, Pipeline(Project(), "edges^1"))
    assert info(store, Pipeline(Project(), "edges^")).version == 1
    with pytest.raises(NotFound, match='pipeline "default/edges\\^2" not found: it has 2 versions'):
        info(store, Pipeline(Project(), "edges^2"))
    assert states(store) == ["CREATED", "KILLED"]
    assert [job.version for job in listed(store, history=-1)] == [2, 1]
    assert [job.version for job in listed(store)] == [2]
    assert listed(store, history=1)[1].reason == "pipeline updated"

    create(store, document(), update=True, reprocess=True)
    assert info(store).salt != after.salt


def test_an_update_may_change_inputs_and_the_output_branch(store: Store) -> None:
    with store.database.write() as tx:
        repos.create(tx, Repo(Project(), "labels"), "", now=store.now())
    create(store, document())
    create(store, document(source="labels", output_branch="other"), update=True)

    assert upstream(store, output()) == set()
    other = Branch(output().repo, "other")
    assert upstream(store, other) == {"default/labels@master", "default/edges.spec@master"}
    before = len(states(store))
    put(store, "/2.png")
    assert len(states(store)) == before
    put(store, "/2.json", repo=Repo(Project(), "labels"))
    assert len(states(store)) == before + 1


def test_a_pipeline_stays_of_its_type(store: Store) -> None:
    create(store, document())
    with pytest.raises(Invalid, match="is a transform and cannot become a service: delete it"):
        create(store, document(service={"internal_port": 80}), update=True)


def test_a_stopped_pipeline_follows_nothing_until_it_is_started(store: Store) -> None:
    create(store, document())
    stop(store)
    stop(store)
    assert (info(store).stopped, info(store).state) == (True, PipelineState.PIPELINE_PAUSED)
    assert states(store) == ["KILLED"]
    put(store, "/2.png")
    create(store, document(description="better"), update=True)
    assert info(store).stopped
    with pytest.raises(NotFound, match="repo default/nothing not found"):
        create(store, document(source="nothing"), update=True)
    assert (info(store).version, states(store)) == (2, ["KILLED"])

    start(store)
    assert (info(store).stopped, info(store).state) == (False, PipelineState.PIPELINE_STARTING)
    assert states(store) == ["CREATED", "KILLED"]
    assert listed(store)[0].version == 2
    assert Commit(REPO, ids(store)[0]) in commit(store, EDGES, newest(store).id).direct_provenance
    start(store)
    assert len(states(store)) == 2


def test_a_deleted_pipeline_leaves_nothing(store: Store) -> None:
    create(store, document())
    assert delete(store)
    assert repo_names(store) == {"default/images"}
    with pytest.raises(NotFound, match='pipeline "default/edges" not found'):
        info(store)
    assert not delete(store)
    assert listed(store, None) == []


def test_a_pipeline_that_others_follow_is_deleted_by_force(store: Store) -> None:
    create(store, document())
    create(store, document(COUNT, "edges"))
    with pytest.raises(WrongState, match="in the direct provenance of default/count@master"):
        delete(store)
    assert delete(store, force=True)
    assert upstream(store, output(COUNT)) == {"default/count.spec@master"}


def test_one_of_the_same_name_in_another_project_is_another(store: Store) -> None:
    vision = Project("vision")
    with store.database.write() as tx:
        projects.create(tx, vision, "", now=store.now())
    create(store, document())
    same = Pipeline(vision, "edges")
    create(store, document(same, input={"pfs": {"project": "default", "repo": "edges", "glob": "/*"}}))
    with pytest.raises(WrongState, match="in the direct provenance of vision/edges@master"):
        delete(store)
    assert writing.step(store, lambda made: pipelines.delete_all(made, store, [vision])) == (same,)
    assert delete(store)


def test_repos_may_follow_each_other_by_other_branches(store: Store) -> None:
    create(store, document())
    create(store, document(COUNT, "edges"))
    with graph.step(store) as made:
        branches.create(made, Branch(output(COUNT).repo, "old"), None)
        branches.create(
            made, Branch(output().repo, "by-hand"), None, provenance={Branch(output(COUNT).repo, "old"): False}
        )
    with pytest.raises(WrongState, match="in the direct provenance of"):
        writing.step(store, lambda made: pipelines.delete_all(made, store))
    assert len(writing.step(store, lambda made: pipelines.delete_all(made, store, force=True))) == 2


def test_output_can_be_kept(store: Store) -> None:
    create(store, document())
    create(store, document(COUNT, "edges"))
    assert delete(store, keep_repo=True)
    assert repo_names(store) >= {"default/edges", "default/count"}
    assert "default/edges.spec" not in repo_names(store)
    assert upstream(store, output()) == set()
    write(store, {"/by-hand": b"x"}, Commit(output().repo, "master"))
    assert states(store, COUNT) == ["CREATED", "UNRUNNABLE"]


def test_all_are_deleted_downstream_first(store: Store) -> None:
    create(store, document())
    create(store, document(COUNT, "edges"))
    gone = writing.step(store, lambda made: pipelines.delete_all(made, store))
    assert gone == (COUNT, EDGES)
    assert repo_names(store) == {"default/images"}


def test_what_belongs_to_a_pipeline_is_guarded(store: Store) -> None:
    create(store, document())
    job = newest(store)
    made = Commit(output().repo, job.id)
    with pytest.raises(WrongState, match="cannot finish a pipeline output or meta commit, use 'stop job' instead"):
        writing.finish(store, made)
    with pytest.raises(WrongState, match="use 'stop job' instead"):
        writing.finish(store, Commit(Repo(Project(), "edges", "meta"), job.id))
    with pytest.raises(WrongState, match="cannot start a commit on an output branch"):
        writing.step(store, lambda step: commits.start(step, output(), ""))
    with pytest.raises(WrongState, match="cannot delete a repo associated with a pipeline - delete the pipeline"):
        writing.step(store, lambda step: repos.delete(step.tx, output().repo, force=True))
    with pytest.raises(WrongState, match="cannot go: it has a version of a pipeline"):
        writing.step(store, lambda step: commitsets.drop(step, job.id))
    writing.step(store, lambda step: writing.finish_in(step, store, made, error="by hand", force=True))
    assert [(each.state, each.reason) for each in listed(store)] == [(JobState.JOB_FAILURE, "by hand")]


def test_pipelines_go_with_their_project(store: Store) -> None:
    vision = Project("vision")
    with store.database.write() as tx:
        projects.create(tx, vision, "", now=store.now())
        repos.create(tx, Repo(vision, "images"), "", now=store.now())
    create(store, document(Pipeline(vision, "edges")))
    assert upstream(store, output(Pipeline(vision, "edges"))) == {"vision/images@master", "vision/edges.spec@master"}
    create(store, document())
    with store.database.write() as tx:
        projects.delete(tx, vision, force=True)
        assert [each.pipeline for each in telling.pipelines(tx)] == [EDGES]
        projects.delete_all(tx, now=store.now())
        assert telling.pipelines(tx) == []


def test_a_spout_has_commits_of_its_own_and_no_jobs(store: Store) -> None:
    told = document(spout={})
    del told["input"]
    create(store, told)
    assert info(store).type is PipelineType.SPOUT
    assert listed(store) == []
    begun = writing.step(store, lambda made: commits.start(made, output(), ""))
    writing.finish(store, begun)
    create(store, told, update=True)
    stop(store)
    start(store)
    assert delete(store)


def test_a_service_has_jobs_and_no_meta_repo(store: Store) -> None:
    create(store, document(service={"internal_port": 80}))
    assert info(store).type is PipelineType.SERVICE
    assert "default/edges.meta" not in repo_names(store)
    assert states(store) == ["CREATED"]


def test_schedules_and_triggers_have_what_they_need_and_leave_nothing(store: Store) -> None:
    triggered = {"pfs": {"repo": "images", "glob": "/", "trigger": {"commits": 3}}}
    create(store, document(input={"cross": [{"cron": {"name": "tick", "spec": "@daily"}}, triggered]}))
    assert upstream(store, output()) == {
        *("default/edges_tick@master", "default/images@edges-trigger-1", "default/edges.spec@master")
    }
    assert info(store).reason == ""
    put(store, "/2.png")
    assert len(states(store)) == 1
    put(store, "/3.png")
    assert len(states(store)) == 2
    create(store, document(), update=True)  # which needs none of it any more
    assert "default/edges_tick" in repo_names(store)
    delete(store)
    assert repo_names(store) == {"default/images"}
    with store.database.read() as tx:
        assert [str(each) for each in repos.inspect(tx, REPO).branches] == [str(MASTER)]


def test_inputs_that_never_propagate_are_read_along(store: Store) -> None:
    with store.database.write() as tx:
        repos.create(tx, Repo(Project(), "model"), "", now=store.now())
    model = {"pfs": {"repo": "model", "glob": "/", "propagation_spec": {"never": True}}}
    create(store, document(input={"cross": [{"pfs": {"repo": "images", "glob": "/*"}}, model]}))
    put(store, "/weights", repo=Repo(Project(), "model"))
    assert (len(states(store)), info(store).reason) == (1, "")
    put(store, "/2.png")
    assert len(states(store)) == 2


def test_lists_are_newest_first_and_tell_history(store: Store) -> None:
    create(store, document())
    create(store, document(COUNT, "edges"))
    create(store, document(description="better"), update=True)

    def told(**words: Any) -> list[tuple[str, int]]:
        with store.database.read() as tx:
            return [(each.pipeline.name, each.version) for each in telling.pipelines(tx, **words)]

    assert told() == [("count", 1), ("edges", 2)]
    assert told(history=1) == told(history=-1) == [("count", 1), ("edges", 2), ("edges", 1)]
    assert told(named=EDGES) == [("edges", 2)]
    assert told(chosen=[Project("vision")]) == []
    first = listed(store, EDGES, history=-1)[-1].job.id
    assert told(commit_set=first) == [("edges", 1)]


def test_defaults_lie_under_specifications(store: Store) -> None:
    with store.database.write() as tx:
        defaults.write(tx, None, '{"createPipelineRequest": {"datumTries": 5, "autoscaling": true}}')
        defaults.write(tx, Project(), '{"create_pipeline_request": {"datum_tries": "7"}}')
    create(store, document())
    told = json.loads(info(store).effective)
    assert (told["datumTries"], told["autoscaling"]) == (7, True)
    assert json.loads(info(store).told) == document()

    with store.database.write() as tx:
        defaults.write(tx, Project(), "{}")
    affected = writing.step(store, lambda made: pipelines.regenerate(made, store, None, dry_run=True))
    assert (affected, info(store).version) == ((EDGES,), 1)
    assert writing.step(store, lambda made: pipelines.regenerate(made, store, None)) == (EDGES,)
    assert (info(store).version, json.loads(info(store).effective)["datumTries"]) == (2, 5)
    assert writing.step(store, lambda made: pipelines.regenerate(made, store, Project())) == ()


@pytest.mark.parametrize("text", ["[", '{"create_pipeline_request": {"nothing": 1}}', '{"other": {}}', "{} {}"])
def test_defaults_that_cannot_be_are_refused(store: Store, text: str) -> None:
    with pytest.raises(Invalid), store.database.write() as tx:
        defaults.write(tx, None, text)


def test_rerunning_is_another_version_of_the_same(store: Store) -> None:
    create(store, document())
    before = info(store)
    writing.step(store, lambda made: pipelines.rerun(made, store, EDGES))
    again = info(store)
    assert (again.version, again.told, again.effective, again.salt) == (2, before.told, before.effective, before.salt)
    writing.step(store, lambda made: pipelines.rerun(made, store, EDGES, reprocess=True))
    assert info(store).salt != before.salt
    assert states(store) == ["CREATED", "KILLED", "KILLED"]
