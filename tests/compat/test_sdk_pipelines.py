"""Pachyderm's published client on pipelines and their jobs, while nobody runs them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from grpc import RpcError, StatusCode
from pachyderm_sdk.api import metadata, pfs, pps, transaction

from tests.compat.conftest import head, refused

_NUMBERS = count(1)


def request_of(repo: Any, name: str, **more: Any) -> dict[str, Any]:
    """What the client's own tests make a pipeline of."""
    return {
        "pipeline": pps.Pipeline(name=name),
        "input": pps.Input(pfs=pps.PfsInput(glob="/*", repo=repo.name)),
        "transform": pps.Transform(cmd=["sh"], image="alpine", stdin=[f"cp /pfs/{repo.name}/*.dat /pfs/out/"]),
        **more,
    }


@pytest.fixture
def pipeline(client: Any, branch: Any) -> Iterator[Any]:
    """A pipeline on the repo."""
    name = f"pipeline{next(_NUMBERS)}"
    client.pps.delete_pipeline(pipeline=pps.Pipeline(name=name), force=True)
    client.pps.create_pipeline(**request_of(branch.repo, name))
    yield pps.Pipeline(name=name)
    client.pps.delete_pipeline(pipeline=pps.Pipeline(name=name), force=True)


def put(client: Any, branch: Any, name: str = "x.dat") -> str:
    with client.pfs.commit(branch=branch) as commit:
        commit.put_file_from_bytes(path=f"/{name}", data=b"data")
    id: str = commit.id
    return id


def newest(client: Any, pipeline: Any) -> Any:
    return next(client.pps.list_job(pipeline=pipeline))


def test_a_pipeline_is_told_with_and_without_its_details(client: Any, branch: Any, pipeline: Any) -> None:
    short = client.pps.inspect_pipeline(pipeline=pipeline)
    assert short.pipeline.name == pipeline.name
    assert short.pipeline.project.name == "default"
    assert (short.version, short.state, short.type) == (
        *(1, pps.PipelineState.PIPELINE_STARTING, pps.PipelineInfoPipelineType.PIPELINE_TYPE_TRANSFORM),
    )
    assert short.spec_commit.repo.type == "spec"
    assert not short.details

    told = client.pps.inspect_pipeline(pipeline=pipeline, details=True).details
    assert told.transform.stdin == [f"cp /pfs/{branch.repo.name}/*.dat /pfs/out/"]
    assert (told.input.pfs.project, told.input.pfs.branch, told.input.pfs.name) == (
        *("default", "master", branch.repo.name),
    )
    assert (told.output_branch, told.datum_tries, told.reprocess_spec) == ("master", 3, "until_success")
    assert told.created_at == told.updated_at
    assert told.salt
    [listed] = client.pps.list_pipeline(pipeline=pipeline)
    assert listed.details == told
    assert pipeline.name in [info.pipeline.name for info in client.pps.list_pipeline()]
    assert client.pps.pipeline_exists(pipeline=pipeline)


def test_a_pipeline_that_is_not_there_is_not_found(client: Any) -> None:
    nothing = pps.Pipeline(name="nothing")
    assert not client.pps.pipeline_exists(pipeline=nothing)
    with refused(StatusCode.NOT_FOUND, "not found"):
        client.pps.inspect_pipeline(pipeline=nothing)
    with refused(StatusCode.NOT_FOUND, "not found"):
        list(client.pps.list_job(pipeline=nothing))
    with refused(StatusCode.NOT_FOUND):
        client.pps.start_pipeline(pipeline=nothing)
    client.pps.stop_pipeline(pipeline=nothing)
    client.pps.delete_pipeline(pipeline=nothing)
    with refused(StatusCode.NOT_FOUND):
        client.pps.stop_pipeline(pipeline=nothing, must_exist=True)
    with refused(StatusCode.NOT_FOUND):
        client.pps.delete_pipeline(pipeline=nothing, must_exist=True)


def test_a_commit_of_the_input_is_a_job(client: Any, branch: Any, pipeline: Any) -> None:
    id = put(client, branch)
    listed = list(client.pps.list_job(pipeline=pipeline))
    assert len(listed) == 2
    assert listed[0].job.id == id
    assert not listed[0].details
    assert listed[0].state == pps.JobState.JOB_CREATED
    job = client.pps.inspect_job(job=listed[0].job, details=True)
    assert job.details.input.pfs.commit == id
    assert job.output_commit.id == id
    assert job.output_commit.repo.name == pipeline.name
    members = client.pfs.inspect_commit_set(commit_set=pfs.CommitSet(id=id))
    assert len(list(members)) == 4
    commit = pfs.Commit(repo=branch.repo, id=id)
    assert [each.job.id for each in client.pps.list_job(input_commit=[commit])] == [id]
    assert [each.job.id for each in client.pps.inspect_job_set(job_set=pps.JobSet(id=id))] == [id]
    assert next(client.pps.list_job_set()).job_set.id == id
    assert client.pps.job_exists(job=job.job)


def test_jobs_are_stopped_and_deleted(client: Any, branch: Any, pipeline: Any) -> None:
    job = newest(client, pipeline).job
    client.pps.stop_job(job=job)
    told = client.pps.inspect_job(job=job, wait=True)
    assert (told.state, told.reason) == (pps.JobState.JOB_KILLED, "job stopped")
    assert client.pfs.inspect_commit(commit=told.output_commit).error == "job stopped"
    client.pps.stop_job(job=job)
    assert [each.state for each in client.pps.inspect_job_set(job_set=pps.JobSet(id=job.id), wait=True)] == [told.state]
    client.pps.delete_job(job=job)
    assert not client.pps.job_exists(job=job)
    with refused(StatusCode.NOT_FOUND):
        client.pps.inspect_job(job=job)


def test_a_stopped_pipeline_begins_again(client: Any, branch: Any, pipeline: Any) -> None:
    client.pps.stop_pipeline(pipeline=pipeline)
    info = client.pps.inspect_pipeline(pipeline=pipeline)
    assert (info.stopped, info.state) == (True, pps.PipelineState.PIPELINE_PAUSED)
    assert newest(client, pipeline).state == pps.JobState.JOB_KILLED
    put(client, branch)
    assert len(list(client.pps.list_job(pipeline=pipeline))) == 1
    client.pps.start_pipeline(pipeline=pipeline)
    assert not client.pps.inspect_pipeline(pipeline=pipeline).stopped
    assert len(list(client.pps.list_job(pipeline=pipeline))) == 2
    assert newest(client, pipeline).state == pps.JobState.JOB_CREATED


def test_updates_make_versions(client: Any, branch: Any, pipeline: Any) -> None:
    with refused(StatusCode.ALREADY_EXISTS, f'pipeline "default/{pipeline.name}" already exists'):
        client.pps.create_pipeline(**request_of(branch.repo, pipeline.name))
    before = client.pps.inspect_pipeline(pipeline=pipeline, details=True)
    client.pps.create_pipeline(**request_of(branch.repo, pipeline.name), description="better", update=True)
    after = client.pps.inspect_pipeline(pipeline=pipeline, details=True)
    assert (after.version, after.details.description) == (2, "better")
    assert after.details.created_at == before.details.created_at
    assert after.details.updated_at > before.details.updated_at
    assert after.details.salt == before.details.salt
    assert [info.version for info in client.pps.list_pipeline(pipeline=pipeline, history=-1)] == [2, 1]
    old = client.pps.inspect_pipeline(pipeline=pps.Pipeline(name=f"{pipeline.name}^1"))
    assert old.version == 1
    assert [each.pipeline_version for each in client.pps.list_job(pipeline=pipeline)] == [2]
    assert [each.pipeline_version for each in client.pps.list_job(pipeline=pipeline, history=-1)] == [2, 1]
    client.pps.rerun_pipeline(pipeline=pipeline, reprocess=True)
    assert client.pps.inspect_pipeline(pipeline=pipeline).version == 3


def specification(repo: Any, name: str, **more: Any) -> str:
    return json.dumps(
        {"pipeline": {"name": name}, "transform": {"cmd": ["true"]}, "input": {"pfs": {"repo": repo.name, "glob": "/"}}}
        | more
    )


def test_a_specification_in_json_is_kept_as_it_is(client: Any, branch: Any) -> None:
    named = pps.Pipeline(name=f"pipeline{next(_NUMBERS)}")
    text = specification(branch.repo, named.name, datumTries=5, job_timeout="90s")
    told = client.pps.create_pipeline_v2(create_pipeline_request_json=text, dry_run=True)
    assert json.loads(told.effective_create_pipeline_request_json)["datumTries"] == 5
    assert not client.pps.pipeline_exists(pipeline=named)

    told = client.pps.create_pipeline_v2(create_pipeline_request_json=text)
    info = client.pps.inspect_pipeline(pipeline=named, details=True)
    assert info.user_spec_json == text
    assert info.effective_spec_json == told.effective_create_pipeline_request_json
    assert (info.details.datum_tries, info.details.job_timeout.total_seconds()) == (5, 90)
    client.pps.create_pipeline_v2(create_pipeline_request_json=text, update=True, reprocess=True)
    assert client.pps.inspect_pipeline(pipeline=named).version == 2
    client.pps.delete_pipeline(pipeline=named)
    assert not client.pps.pipeline_exists(pipeline=named)
    assert not client.pfs.repo_exists(repo=pfs.Repo.from_uri(named.name))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "specification cannot be read"),
        ('{"pipeline": {"name": "x"}, "nothing": 1}', 'could not make effective spec: unknown field "nothing"'),
        ('{"pipeline": {"name": "x"}} {"pipeline": {"name": "y"}}', "it holds 2 documents where one is meant"),
    ],
)
def test_what_cannot_be_read_is_refused(client: Any, text: str, told: str) -> None:
    with refused(StatusCode.INVALID_ARGUMENT, told):
        client.pps.create_pipeline_v2(create_pipeline_request_json=text)


def test_what_makes_no_pipeline_is_refused(client: Any, repo: Any) -> None:
    with refused(StatusCode.UNKNOWN, "pipeline must specify a transform"):
        client.pps.create_pipeline(pipeline=pps.Pipeline(name="x"))
    with refused(StatusCode.UNKNOWN, "cannot be created because a repo with the same name already exists"):
        client.pps.create_pipeline(**request_of(repo, repo.name))
    nothing = pfs.Repo.from_uri("nothing")
    with refused(StatusCode.NOT_FOUND, "repo default/nothing not found"):
        client.pps.create_pipeline(**request_of(nothing, "x"))


def test_what_a_pipeline_makes_is_guarded(client: Any, branch: Any, pipeline: Any) -> None:
    output = pfs.Repo.from_uri(pipeline.name)
    with pytest.raises(RpcError, match="cannot delete a repo associated with a pipeline - delete the pipeline instead"):
        client.pfs.delete_repo(repo=output, force=True)
    commit = newest(client, pipeline).output_commit
    with pytest.raises(RpcError, match="cannot finish a pipeline output or meta commit, use 'stop job' instead"):
        client.pfs.finish_commit(commit=commit)
    with pytest.raises(RpcError, match="cannot start a commit on an output branch"):
        client.pfs.start_commit(branch=pfs.Branch(repo=output, name="master"))
    client.pfs.finish_commit(commit=commit, force=True)
    assert newest(client, pipeline).state == pps.JobState.JOB_SUCCESS
    client.pps.delete_pipeline(pipeline=pipeline, keep_repo=True)
    assert client.pfs.repo_exists(repo=output)
    client.pfs.delete_repo(repo=output)


def test_pipelines_are_created_in_a_transaction(client: Any, branch: Any) -> None:
    first, second = (pps.Pipeline(name=f"pipeline{next(_NUMBERS)}") for _ in range(2))
    with client.transaction.transaction() as made:
        for named, source in ((first, branch.repo), (second, pfs.Repo.from_uri(first.name))):
            client.pps.create_pipeline_v2(create_pipeline_request_json=specification(source, named.name))
        assert not client.pps.pipeline_exists(pipeline=first)
    assert {newest(client, named).job.id for named in (first, second)} == {made.id}

    with client.transaction.transaction():
        client.pps.stop_job(job=pps.Job(pipeline=first, id=made.id))
    assert newest(client, second).state == pps.JobState.JOB_UNRUNNABLE
    assert newest(client, first).state == pps.JobState.JOB_KILLED

    id = put(client, branch)
    update = pps.UpdateJobStateRequest(
        job=pps.Job(pipeline=first, id=id), state=pps.JobState.JOB_RUNNING, data_total=3, data_processed=1
    )
    client.transaction.batch_transaction(requests=[transaction.TransactionRequest(update_job_state=update)])
    told = newest(client, first)
    assert (told.state, told.data_total, told.data_processed) == (pps.JobState.JOB_RUNNING, 3, 1)
    with pytest.raises(RpcError, match=f"in the direct provenance of default/{second.name}@master"):
        client.pps.delete_pipeline(pipeline=first)
    for named in (second, first):
        client.pps.delete_pipeline(pipeline=named)


def test_a_queued_request_that_cannot_be_is_refused_at_once(client: Any, branch: Any, pipeline: Any) -> None:
    begun = client.transaction.start_transaction()
    client.transaction_id = begun.id
    try:
        with pytest.raises(RpcError, match="already exists"):
            client.pps.create_pipeline_v2(create_pipeline_request_json=specification(branch.repo, pipeline.name))
    finally:
        client.transaction_id = ""
        client.transaction.delete_transaction(transaction=begun)


def test_schedules_tick_when_somebody_says_so(client: Any, branch: Any, pipeline: Any) -> None:
    with pytest.raises(RpcError, match="pipeline.*have a cron input"):
        client.pps.run_cron(pipeline=pipeline)
    named = pps.Pipeline(name=f"pipeline{next(_NUMBERS)}")
    cron = pps.Input(cron=pps.CronInput(name="tick", spec="@never"))
    client.pps.create_pipeline(**request_of(branch.repo, named.name) | {"input": cron})
    client.pps.run_cron(pipeline=named)
    ticks = pfs.Branch.from_uri(f"{named.name}_tick@master")
    [tick] = client.pfs.list_file(file=pfs.File(commit=head(ticks), path="/"))
    assert tick.file.path.endswith("Z")
    assert len(list(client.pps.list_job(pipeline=named))) == 2
    client.pps.delete_pipeline(pipeline=named)
    assert not client.pfs.repo_exists(repo=ticks.repo)


def test_pipelines_are_in_projects(client: Any) -> None:
    project = pfs.Project(name=f"project{next(_NUMBERS)}")
    client.pfs.create_project(project=project)
    repo = pfs.Repo(name="images", type="user", project=project)
    client.pfs.create_repo(repo=repo)
    named = pps.Pipeline(name="edges", project=project)
    client.pps.create_pipeline(**request_of(repo, "edges") | {"pipeline": named})
    assert [info.pipeline.name for info in client.pps.list_pipeline(projects=[project])] == ["edges"]
    assert len(list(client.pps.list_job(projects=[project]))) == 1
    [summary] = client.pps.pipelines_summary(projects=[pfs.ProjectPicker(name=project.name)]).summaries
    assert (summary.active_pipelines, summary.unhealthy_pipelines) == (1, 0)
    client.pps.stop_pipeline(pipeline=named)
    [status] = client.pps.check_status(project=project)
    assert status.alerts == ["its newest job is JOB_KILLED"]
    assert [each.name for each in client.pps.delete_pipelines(projects=[project]).pipelines] == ["edges"]
    client.pfs.delete_project(project=project, force=True)


def test_defaults_of_the_cluster_and_of_projects(client: Any, branch: Any, pipeline: Any) -> None:
    default = pfs.Project(name="default")
    assert client.pps.get_cluster_defaults().cluster_defaults_json == "{}"
    assert client.pps.get_project_defaults(project=default).project_defaults_json == "{}"
    text = '{"createPipelineRequest": {"datumTries": 7}}'
    tried = client.pps.set_cluster_defaults(cluster_defaults_json=text, regenerate=True, dry_run=True)
    assert [each.name for each in tried.affected_pipelines] == [pipeline.name]
    assert client.pps.get_cluster_defaults().cluster_defaults_json == "{}"
    client.pps.set_project_defaults(project=default, project_defaults_json=text, regenerate=True)
    assert client.pfs.inspect_project_v2(project=default).defaults_json == text
    info = client.pps.inspect_pipeline(pipeline=pipeline, details=True)
    assert (info.version, info.details.datum_tries) == (2, 7)
    client.pps.set_project_defaults(project=default, project_defaults_json="{}")


def test_jobs_are_told_as_they_come(client: Any, branch: Any, pipeline: Any) -> None:
    stream = client.pps.subscribe_job(pipeline=pipeline)
    first = next(stream)
    assert first.state == pps.JobState.JOB_CREATED
    id = put(client, branch)
    assert next(stream).job.id == id
    client.pps.update_job_state(job=first.job, state=pps.JobState.JOB_RUNNING)
    id = put(client, branch, "y.dat")
    assert next(stream).job.id == id  # each is told once
    stream.close()


def test_templates_are_rendered(client: Any) -> None:
    template = 'function(name) {pipeline: {name: name}, transform: {cmd: ["true"]}}'
    told = client.pps.render_template(template=template, args={"name": "edges"})
    assert json.loads(told.json)["pipeline"] == {"name": "edges"}
    assert [spec.pipeline.name for spec in told.specs] == ["edges"]
    with refused(StatusCode.INVALID_ARGUMENT, "template cannot be rendered"):
        client.pps.render_template(template="{", args={})


def test_secrets_are_listed_without_their_values(client: Any) -> None:
    client.pps.create_secret(name="password", data={"word": "howdy"}, labels={"label1": "value1"})
    secret = pps.Secret(name="password")
    assert client.pps.inspect_secret(secret=secret).secret.name == "password"
    assert [info.type for info in client.pps.list_secret().secret_info] == ["Opaque"]
    client.pps.delete_secret(secret=secret)
    assert client.pps.list_secret().secret_info == []
    with refused(StatusCode.NOT_FOUND):
        client.pps.inspect_secret(secret=secret)


def test_lists_are_filtered(client: Any, branch: Any, pipeline: Any) -> None:
    client.pps.stop_job(job=newest(client, pipeline).job)
    ids = [put(client, branch, name) for name in ("1.dat", "2.dat", "3.dat")]
    created = 'select(.state == "JOB_CREATED" or .state == "JOB_RUNNING")'
    found = client.pps.list_job(pipeline=pipeline, jq_filter=created, number=2)
    assert [job.job.id for job in found] == ids[:0:-1]
    named = f'select(.job.pipeline.name == "{pipeline.name}" and (.state == "JOB_CREATED" | not))'
    assert [job.state for job in client.pps.list_job(jq_filter=named)] == [pps.JobState.JOB_KILLED]
    assert [info.pipeline for info in client.pps.list_pipeline(jq_filter='select(.state == "PIPELINE_PAUSED")')] == []
    found = client.pps.list_pipeline(jq_filter=f'select(.pipeline.name == "{pipeline.name}") | select(.version < 2)')
    assert len(list(found)) == 1
    found = client.pps.list_job_set(jq_filter=f'select(.job_set.id == "{ids[0]}")', number=1)
    assert [each.job_set.id for each in found] == [ids[0]]
    with refused(StatusCode.UNIMPLEMENTED, "is not offered: write select"):
        list(client.pps.list_job(jq_filter="def f: f; f"))


def test_pipelines_have_metadata(client: Any, pipeline: Any) -> None:
    named = pps.PipelinePicker(
        name=pps.PipelinePickerPipelineName(project=pfs.ProjectPicker(name="default"), name=pipeline.name)
    )
    edit = metadata.Edit(pipeline=named, add_key=metadata.EditAddKey(key="owner", value="vision"))
    client.metadata.edit_metadata(edits=[edit])
    assert client.pps.inspect_pipeline(pipeline=pipeline).metadata == {"owner": "vision"}
    with pytest.raises(RpcError, match=f'metadata of default/{pipeline.name}: key "owner" already exists'):
        client.metadata.edit_metadata(edits=[edit])
