"""What is a task, and what is told of tasks."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import pytest

from howdah.convert import tasks
from howdah.errors import Invalid
from tests.convert.samples import box, task


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\xff", "no JSON"),
        (b"{", "no JSON"),
        (b'{"id": NaN}', "NaN is no number"),
        (b'{"id": 9223372036854775808}', "9223372036854775808 is no number of 64 bits"),
        (b'{"id": 1e999}', "1e999 is no number"),
        (b"[" * 100_000, "no JSON"),
        (b"[1]", "not an object"),
        (b"{}", "no id"),
        (b'{"id": 1}', "no data"),
        (b'{"id": 1, "data": {}}', "no list of annotations"),
        (b'{"id": 1, "data": {}, "annotations": [1]}', "an annotation is not an object"),
        (b'{"id": 1, "data": {}, "annotations": [{"id": 7, "result": [1]}]}', "the result of annotation 7"),
        (
            b'{"id": 1, "data": {}, "annotations": [{"id": 7, "result": [{"from_name": "a", "value": 1}]}]}',
            "a value of annotation 7",
        ),
        (
            b'{"id": 1, "data": {}, "annotations": [{"id": 7, "result": [{"from_name": "", "value": {"labels": 1}}]}]}',
            "the labels of annotation 7",
        ),
        (b'{"id": 1, "data": {}, "annotations": [{"created_at": "x"}, {}]}', "some annotations tell when"),
    ],
)
def test_what_is_no_task_is_told_with_the_reason(content: bytes, reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        tasks.read(content)


def test_a_task_is_read_as_it_is() -> None:
    made = task(1, {"image": "x", "large": [1 << 62, -(1 << 63), 1e300, "9" * 30]}, box())

    assert tasks.read(json.dumps(made).encode()) == made


def test_an_address_that_no_file_can_have_is_none() -> None:
    data = {"image": "pfs://default/images@master:/\ud800.png"}

    assert list(tasks.addresses(data)) == []
    assert tasks.with_addresses(data, {"other": "x"}) == data


def test_the_newest_annotation_tells_the_time() -> None:
    facts = tasks.Facts()
    times = ["2026-05-01T10:00:00Z", "2026-05-01T13:00:00+02:00", "nonsense", None]
    for number, time in enumerate(times):
        facts.add(task(number, {}, updated_at=time))

    assert facts.newest == datetime(2026, 5, 1, 11, tzinfo=timezone.utc)
    assert (facts.tasks, facts.annotations) == (4, 4)


@pytest.mark.parametrize(("meta", "count"), [({"10": {"commit": "c"}}, 1), ({"11": {}}, 0), ([], 0), (None, 0)])
def test_annotations_on_older_versions_are_counted(meta: Any, count: int) -> None:
    facts = tasks.Facts()
    facts.add({**task(1, {}), "meta": {"howdah": {"drawn": meta}}})

    assert facts.drawn_earlier == count
