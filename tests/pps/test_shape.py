"""The values have the interface's fields, and documents are read as its own JSON is."""

from __future__ import annotations

import re
import typing
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from hypothesis import given
from hypothesis import strategies as st

from howdah.errors import Invalid
from howdah.names import Pipeline, Project
from howdah.pps import effective, shape
from howdah.pps.inputs import CronInput, Input, PfsInput
from howdah.pps.spec import Egress, Spec, TolerationOperator
from howdah.wire.gen import pps_pb2

REQUEST = pps_pb2.CreatePipelineRequest.DESCRIPTOR


def _pairs(kind: Any, message: Descriptor, seen: set[Any]) -> Iterator[tuple[Any, Descriptor]]:
    if kind in seen:
        return
    seen.add(kind)
    yield kind, message
    hints = typing.get_type_hints(kind)
    for field in fields(kind):
        inner = hints[field.name]
        found = [each for each in (inner, *typing.get_args(inner)) if is_dataclass(each)]
        of = message.fields_by_name[field.name].message_type
        if found and of is not None:
            yield from _pairs(found[0], of, seen)


@pytest.mark.parametrize(("kind", "message"), [pytest.param(k, m, id=m.name) for k, m in _pairs(Spec, REQUEST, set())])
def test_values_have_the_fields_of_the_interface(kind: Any, message: Descriptor) -> None:
    ours = {field.name for field in fields(kind)}

    assert ours == {field.name for field in message.fields} - {"spec_commit"}


def test_every_message_of_a_specification_has_its_value() -> None:
    waiting, needed = [REQUEST], set[str]()
    while waiting:
        message = waiting.pop()
        needed.add(message.full_name)
        below = [field.message_type for field in message.fields if field.message_type is not None]
        waiting += [each for each in below if each.full_name not in needed and not each.GetOptions().map_entry]
    elsewhere = {name for name in needed if name.startswith("google.protobuf.")}
    commits = {"pfs_v2.Commit", "pfs_v2.Branch", "pfs_v2.Repo"}

    assert {message.full_name for _, message in _pairs(Spec, REQUEST, set())} == needed - elsewhere - commits


SPEC = {
    "pipeline": {"project": {"name": "vision"}, "name": "edges"},
    "description": "finds edges",
    "transform": {"cmd": ["python3", "/edges.py"], "env": {"A": "b"}, "acceptReturnCode": ["3", 4]},
    "input": {
        "cross": [
            {"pfs": {"repo": "images", "glob": "/*", "joinOn": "$1", "outer_join": True}},
            {"cron": {"name": "tick", "spec": "@daily", "start": "2026-01-31T06:00:00.25Z"}},
        ]
    },
    "datumTimeout": "90s",
    "job_timeout": "1.500s",
    "datum_tries": "7",
    "resourceLimits": {"cpu": 0.5, "memory": "1G"},
    "tolerations": [{"operator": "EXISTS", "tolerationSeconds": 5}],
    "spout": {},
}


def test_a_document_is_read_as_the_interface_reads_it() -> None:
    spec = effective.read(SPEC)
    message = json_format.ParseDict(SPEC, pps_pb2.CreatePipelineRequest())

    assert json_format.ParseDict(effective.write(spec), pps_pb2.CreatePipelineRequest()) == message
    assert effective.read(json_format.MessageToDict(message, preserving_proto_field_name=True)) == spec
    assert effective.read(json_format.MessageToDict(message)) == spec
    assert spec.pipeline == Pipeline(Project("vision"), "edges")
    assert spec.datum_timeout == timedelta(seconds=90)
    assert spec.tolerations[0].operator is TolerationOperator.EXISTS
    assert spec.input is not None
    assert spec.input.cross[0] == Input(pfs=PfsInput(repo="images", glob="/*", join_on="$1", outer_join=True))
    start = datetime(2026, 1, 31, 6, 0, 0, 250_000, timezone.utc)
    assert spec.input.cross[1] == Input(cron=CronInput(name="tick", spec="@daily", start=start))


def _fill(message: Any, data: st.DataObject, depth: int = 0) -> None:
    """Set some of a message's fields to something."""
    for field in message.DESCRIPTOR.fields:
        if field.name == "spec_commit" or not data.draw(st.booleans(), label=field.name):
            continue
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            getattr(message, field.name)[data.draw(_WORDS)] = data.draw(_WORDS)
        elif field.type == FieldDescriptor.TYPE_MESSAGE:
            if depth > 4:
                continue
            target = getattr(message, field.name)
            target = target.add() if field.is_repeated else target
            target.SetInParent()
            if field.message_type.full_name in _FIRST:
                setattr(target, _FIRST[field.message_type.full_name], data.draw(st.integers(0, 1 << 30)))
            else:
                _fill(target, data, depth + 1)
        else:
            value = data.draw(_SIMPLE[field.cpp_type])
            if field.is_repeated:
                getattr(message, field.name).append(value)
            else:
                setattr(message, field.name, value)


_WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
_FIRST = {
    "google.protobuf.Duration": "seconds",
    "google.protobuf.Timestamp": "seconds",
    "google.protobuf.Int64Value": "value",
}
_SIMPLE: dict[int, st.SearchStrategy[Any]] = {
    FieldDescriptor.CPPTYPE_STRING: _WORDS,
    FieldDescriptor.CPPTYPE_BOOL: st.booleans(),
    FieldDescriptor.CPPTYPE_INT32: st.integers(0, (1 << 31) - 1),
    FieldDescriptor.CPPTYPE_INT64: st.integers(0, (1 << 62) - 1),
    FieldDescriptor.CPPTYPE_UINT64: st.integers(0, (1 << 62) - 1),
    FieldDescriptor.CPPTYPE_FLOAT: st.floats(0, 1e6, width=32),
    FieldDescriptor.CPPTYPE_ENUM: st.integers(0, 2),
}


@given(st.data())
def test_every_message_becomes_a_value_and_the_same_message_again(data: st.DataObject) -> None:
    message = pps_pb2.CreatePipelineRequest()
    _fill(message, data)
    message.pipeline.name = "edges"
    message.pipeline.project.name = "vision"

    spec = effective.read(json_format.MessageToDict(message))
    again = json_format.ParseDict(effective.write(spec), pps_pb2.CreatePipelineRequest())

    assert effective.read(json_format.MessageToDict(again, preserving_proto_field_name=True)) == spec
    assert again == message


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ({"transfrom": {}}, 'unknown field "transfrom"; did you mean transform?'),
        ({"input": {"pfs": {"glub": "/"}}}, 'unknown field "input.pfs.glub"; did you mean glob?'),
        ({"datumtries": 1}, 'unknown field "datumtries"; did you mean datum_tries?'),
        ({"input": {"cross": [{"pfs": {}}, {"psf": {}}]}}, 'unknown field "input.cross[1].psf"; did you mean pfs?'),
        ({"service": {"zzzzz": 1}}, "known are external_port, internal_port, ip, type"),
        ({"description": 3}, "description must be a string, not 3"),
        ({"update": "yes"}, "update must be true or false, not 'yes'"),
        ({"datum_tries": 1.5}, "datum_tries must be a whole number, not 1.5"),
        ({"datum_tries": 1 << 64}, "datum_tries must be a number"),
        ({"datum_tries": True}, "datum_tries must be a number, not True"),
        ({"transform": []}, "transform must be an object, not []"),
        ({"transform": {"cmd": "sh"}}, "transform.cmd must be a list, not 'sh'"),
        ({"transform": {"cmd": [1]}}, "transform.cmd[0] must be a string, not 1"),
        ({"transform": {"env": {"A": 1}}}, "transform.env.A must be a string, not 1"),
        ({"transform": {"env": []}}, "transform.env must be an object"),
        ({"datum_timeout": "5"}, "datum_timeout must be a duration like 90s or 1h30m, not '5'"),
        ({"datum_timeout": "9" * 30 + "h"}, "datum_timeout is too long"),
        ({"input": {"cron": {"start": "today"}}}, "input.cron.start must be a time"),
        ({"input": {"cron": {"start": "2026-02-31T00:00:00Z"}}}, "input.cron.start must be a time"),
        ({"input": {"cron": {"start": "0001-01-01T00:00:00+23:00"}}}, "input.cron.start must be a time"),
        ({"input": {"cron": {"start": "9999-12-31T23:59:59-12:00"}}}, "input.cron.start must be a time"),
        ({"tolerations": [{"operator": "HAS"}]}, "tolerations[0].operator must be one of EMPTY, EXISTS, EQUAL"),
        ({"datum_tries": 1, "datumTries": 2}, "datumTries is given twice"),
    ],
)
def test_what_does_not_fit_is_told_by_its_place(document: dict[str, Any], why: str) -> None:
    with pytest.raises(Invalid, match="could not make effective spec: .*" + re.escape(why)):
        effective.read(document)


def test_a_document_nested_without_end_is_refused() -> None:
    nested: dict[str, Any] = {"pfs": {}}
    for _ in range(3000):
        nested = {"cross": [nested]}
    with pytest.raises(Invalid, match="nested too deeply"):
        effective.read({"input": nested})


def test_a_map_nested_without_end_is_refused() -> None:
    nested: Any = "x"
    for _ in range(5000):
        nested = {"a": nested}
    with pytest.raises(Invalid, match="nested too deeply"):
        effective.read({"transform": {"env": nested}})


def test_an_endless_name_is_refused_at_once() -> None:
    with pytest.raises(Invalid, match="unknown field"):
        effective.read({"datum" * 100_000: 1})


def test_durations_are_read_as_go_writes_them_too() -> None:
    assert effective.read({"job_timeout": "1h30m"}).job_timeout == timedelta(minutes=90)
    assert shape.write(timedelta(milliseconds=1500)) == "1.500000s"


def test_a_url_is_named_as_pachyderm_writes_it_too() -> None:
    told = [shape.read(Egress, {name: "s3://bucket"}) for name in ("URL", "url")]
    assert told == [Egress("s3://bucket")] * 2
