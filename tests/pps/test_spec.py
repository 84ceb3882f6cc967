"""Defaults under a specification, defaults filled in, and what is refused."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from howdah.errors import Code, HowdahError, Invalid, Unsupported
from howdah.infos import Trigger
from howdah.names import Pipeline, Project
from howdah.pps import effective
from howdah.pps.inputs import Input
from howdah.pps.spec import Spec

NOW = datetime(2026, 1, 2, tzinfo=timezone.utc)
LEAST: dict[str, Any] = {"pipeline": {"name": "edges"}, "transform": {"cmd": ["true"]}}
IMAGES = {"pfs": {"repo": "images", "glob": "/*"}}


def checked(**more: Any) -> Spec:
    """The specification that a document with these fields makes."""
    spec = effective.with_defaults(effective.read({**LEAST, **more}), NOW)
    effective.check(spec)
    return spec


def source(**more: Any) -> Input:
    """The input that a document makes whose one input of files has these fields."""
    told = checked(pipeline={"project": {"name": "vision"}, "name": "edges"}, input={"pfs": IMAGES["pfs"] | more}).input
    assert told is not None
    return told


def test_what_is_left_out_has_its_default() -> None:
    spec = checked()

    assert spec.pipeline == Pipeline(Project("default"), "edges")
    assert spec.transform is not None
    assert spec.transform.image == "ubuntu:20.04"
    assert (spec.datum_tries, spec.output_branch, spec.reprocess_spec) == (3, "master", "until_success")
    assert not spec.reprocesses
    assert spec.input is None


def test_an_input_is_in_the_pipelines_project() -> None:
    told = source().pfs
    assert told is not None
    assert str(told.source()) == "vision/images@master"
    assert told.name == "images"


def test_a_schedule_has_a_repo_of_its_own() -> None:
    told = checked(input={"cron": {"name": "tick", "spec": "@daily"}}).input
    assert told is not None
    assert told.cron is not None
    assert (told.cron.repo, told.cron.start) == ("edges_tick", NOW)
    assert [str(leaf.source()) for leaf in told.leaves()] == ["default/edges_tick@master"]
    assert [*told.crons()] == [told.cron]


def test_an_input_with_a_trigger_has_a_branch_of_its_own() -> None:
    triggered = {"pfs": {"repo": "images", "glob": "/*", "branch": "raw", "trigger": {"commits": 3}}}
    other = {"pfs": {"repo": "labels", "glob": "/", "trigger": {"size": "1M"}}}
    told = checked(input={"cross": [triggered, other]}).input
    assert told is not None
    first, second = told.leaves()
    assert (first.branch, first.trigger) == ("edges-trigger-1", Trigger("raw", commits=3))
    assert (second.branch, second.trigger) == ("edges-trigger-2", Trigger("master", size="1M"))


def test_filling_in_twice_is_filling_in_once() -> None:
    triggered = {"pfs": {"repo": "images", "glob": "/*", "branch": "raw", "trigger": {"commits": 3}}}
    spec = checked(input={"cross": [triggered, {"cron": {"name": "tick", "spec": "@daily"}}]})

    assert effective.with_defaults(spec, datetime(2027, 1, 1, tzinfo=timezone.utc)) == spec
    assert effective.with_defaults(effective.read(effective.write(spec)), NOW) == spec


def test_defaults_lie_under_the_specification() -> None:
    cluster = effective.defaults(
        {"createPipelineRequest": {"datumTries": 5, "transform": {"env": {"A": "1", "B": "2"}}}}
    )
    project = effective.defaults({"create_pipeline_request": {"datum_tries": 6, "description": "ours"}})
    given = {**LEAST, "transform": {"cmd": ["true"], "env": {"B": "3"}}, "description": None}

    spec = effective.read(given, cluster, project)

    assert spec.transform is not None
    assert spec.transform.env == {"A": "1", "B": "3"}
    assert spec.transform.cmd == ("true",)
    assert (spec.datum_tries, spec.description) == (6, "")
    assert effective.defaults({}) == {}


def test_defaults_are_read_as_strictly() -> None:
    with pytest.raises(Invalid, match='unknown field "create_pipeline_request.datum_trys"; did you mean datum_tries'):
        effective.defaults({"create_pipeline_request": {"datum_trys": 5}})


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"pipeline": {}}, "it must have a name"),
        ({"pipeline": {"name": "a b"}}, "only alphanumeric characters, underscores, and dashes are allowed"),
        ({"pipeline": {"name": "x" * 52}}, "pipeline name .* at most 51"),
        ({"pipeline": {"name": "-x"}}, "the first a letter or digit"),
        ({"transform": None}, "pipeline must specify a transform"),
        ({"transform": {"secrets": [{}]}}, "each must have a name"),
        ({"transform": {"secrets": [{"name": "s"}]}}, "must have a mount_path, or an env_var and a key"),
        ({"transform": {"secrets": [{"name": "s", "env_var": "S"}]}}, "must have a key"),
        ({"transform": {"env": {"A=B": "c"}}}, "cannot name an environment variable"),
        ({"transform": {"cmd": ["a\0b"]}}, "zero byte"),
        ({"output_branch": "a/b"}, "only alphanumeric"),
        ({"parallelism_spec": {"constant": -1}}, "must not be negative"),
        (
            {"parallelism_spec": {"constant": 2}, "service": {}},
            "services can only be run with a constant parallelism of 1",
        ),
        ({"transform": {"datum_batching": True}, "service": {}}, "datum_batching is nothing for services"),
        ({"transform": {"datum_batching": True}, "spout": {}}, "datum_batching is nothing for spouts"),
        ({"spout": {}, "input": IMAGES}, r"spout pipelines \(without a service\) must not have an input"),
        ({"spout": {}, "autoscaling": True}, "autoscaling can't be used with spouts"),
        ({"reprocess_spec": "never"}, "until_success or every_job"),
        ({"datum_timeout": "-1s"}, "datum_timeout must not be negative"),
        ({"datum_tries": -1}, "must not be negative"),
        ({"datum_set_spec": {"number": -1}}, "no number may be negative"),
        ({"datum_set_spec": {"number": 1, "per_worker": 1}}, "per_worker can't be set with number or size_bytes"),
        ({"input": {}}, "no input set"),
        ({"input": {"cross": [{}]}}, "no input set"),
        ({"input": {**IMAGES, "cross": [IMAGES]}}, "multiple input types set"),
        ({"input": {"pfs": {"glob": "/*"}}}, "input must specify a repo"),
        ({"input": {"pfs": {"repo": "images"}}}, "input must specify a glob"),
        ({"input": {"pfs": {"repo": "a b", "glob": "/"}}}, "only alphanumeric"),
        ({"input": {"pfs": {"repo": "out", "glob": "/"}}}, 'repo named "out" must have a name'),
        ({"input": {"pfs": {"repo": "a", "name": "out", "glob": "/"}}}, 'cannot be named "out"'),
        ({"input": {"pfs": {"repo": "a", "glob": "/["}}}, "glob .* invalid"),
        (
            {"input": {"pfs": {"repo": "a", "glob": "/", "commit": "x"}}},
            "input cannot come from a commit; use a branch",
        ),
        ({"input": {"pfs": {"repo": "a", "glob": "/*", "s3": True}}}, 'needs the glob "/"'),
        ({"input": {"pfs": {"repo": "a", "glob": "/", "s3": True, "lazy": True}}}, "goes with no"),
        ({"input": {"cross": [IMAGES, IMAGES]}}, 'name "images" was used more than once'),
        ({"input": {"cross": [IMAGES, {"union": [IMAGES, IMAGES]}]}}, 'name "images" was used more than once'),
        ({"input": {"join": [IMAGES]}}, "input images must specify join_on, since it is in a join"),
        ({"input": {"group": [IMAGES]}}, "input images must specify group_by, since it is in a group"),
        ({"input": {"pfs": {"repo": "a", "glob": "/(*)", "join_on": "$2"}}}, "has no group 2"),
        ({"input": {"cron": {"name": "tick"}}}, "cron input must specify a spec"),
        ({"input": {"cron": {"spec": "@daily"}}}, "input must specify a name"),
        ({"input": {"cron": {"name": "tick", "spec": "often"}}}, "schedule .* invalid"),
    ],
)
def test_what_makes_no_pipeline_is_refused(more: dict[str, Any], why: str) -> None:
    with pytest.raises(Invalid, match=why) as caught:
        checked(**more)
    assert caught.value.code in {Code.UNKNOWN, Code.INVALID_ARGUMENT}


@pytest.mark.parametrize(
    "more",
    [
        {"transform": None, "tf_job": {"tf_job": "{}"}},
        {"s3_out": True},
        {"egress": {"sql_database": {"url": "postgres://x"}}},
        {"input": {"pfs": {"repo": "a", "glob": "/", "s3": True}}},
    ],
)
def test_what_is_not_offered_is_told_so(more: dict[str, Any]) -> None:
    with pytest.raises(Unsupported, match="not offered|do not offer"):
        checked(**more)


@pytest.mark.parametrize(
    "given",
    [
        {"union": [IMAGES, IMAGES]},
        {"pfs": {"repo": "out", "name": "in", "glob": "/"}},
        {
            "join": [
                {"pfs": {"repo": "a", "glob": "/(*)", "join_on": "$1"}},
                {"pfs": {"repo": "b", "glob": "/(*)-*", "join_on": "$1"}},
            ]
        },
    ],
)
def test_what_looks_odd_and_is_not(given: dict[str, Any]) -> None:
    try:
        checked(input=given)
    except HowdahError as error:
        pytest.fail(error.message)
