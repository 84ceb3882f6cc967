"""Tasks read in bulk are, field by field, what the host's own serializer gives."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from django.apps import apps
from django.core.files.base import ContentFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework import serializers

from howdah.labelstudio import host, taskrows
from howdah.labelstudio.taskrows import TaskRows
from tests.labelstudio.conftest import BOX, Site


@pytest.fixture
def full(site: Site, new_user: Any) -> list[int]:
    """Tasks with something in every field."""
    other = new_user()
    other.first_name, other.last_name = "Zoë", "Ä"
    other.save()
    tasks = site.add_tasks(6)
    site.annotate(tasks[0], result=[{**BOX, "meta": {"text": ["😀 \\u0000"]}}], lead_time=1.5, ground_truth=True)
    site.annotate(tasks[0], was_cancelled=True)
    prediction = host.Prediction.objects.create(
        task_id=tasks[1], project=site.project, result=[BOX], score=0.1, model_version="a", neighbors=[1], cluster=3
    )
    host.Prediction.objects.create(task_id=tasks[1], project=site.project, result=[], model_version=None)
    first = host.Annotation.objects.create(
        task_id=tasks[1], project=site.project, completed_by=other, result=[BOX], prediction={"id": 1},
        parent_prediction=prediction, draft_created_at=datetime.now(timezone.utc), last_action="submitted",
        last_created_by=other, import_id=17, unique_id=None,
    )  # fmt: skip
    host.Annotation.objects.create(task_id=tasks[1], project=site.project, result=None, parent_annotation=first)
    host.AnnotationDraft.objects.create(task_id=tasks[1], user=other, result=[BOX], lead_time=2.0)
    host.AnnotationDraft.objects.create(task_id=tasks[1], user=site.user, annotation=first, result=[])
    task = host.Task.objects.get(pk=tasks[2])
    task.comment_authors.add(other, site.user)
    task.last_comment_updated_at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
    task.meta, task.updated_by, task.inner_id = {"a": [1, None]}, other, None
    task.file_upload = apps.get_model("data_import", "FileUpload").objects.create(
        user=other, project=site.project, file=ContentFile(b"x", name="upload.json")
    )
    task.save()
    host.Task.objects.filter(pk=tasks[3]).update(
        data={"$undefined$": "/a.jpg"}, meta=None, **host.task_fields(allow_skip=False)
    )
    host.Task.objects.filter(pk=tasks[4]).update(
        created_at=datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=5, minutes=30))),
        **host.task_fields(precomputed_agreement=0.5),
    )
    return tasks


def test_every_field_is_as_the_host_shows_it(site: Site, full: list[int]) -> None:
    of_host = list(host.export_tasks(site.project, full))

    assert list(taskrows.tables().read(site.project, full)) == of_host
    assert [task["id"] for task in of_host] == full


def test_each_prediction_is_whole_but_for_what_is_told_as_of_now(site: Site, full: list[int]) -> None:
    (task,) = TaskRows(site.project).read(full[1:2])
    first, second = task["predictions"]
    assert (first["result"], first["score"], second["model_version"]) == ([BOX], 0.1, None)
    assert "created_ago" not in first


def test_many_tasks_cost_as_many_queries_as_one(site: Site, full: list[int]) -> None:
    rows = TaskRows(site.project)
    rows.read(full)
    with CaptureQueriesContext(connection) as one:
        rows.read(full[:1])
    with CaptureQueriesContext(connection) as many:
        rows.read(full)
    assert len(many) == len(one)


def test_a_field_that_is_not_known_here_is_left_to_the_host(
    site: Site, full: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = type(host.export_serializer(site.project))

    class Newer(kind):  # type: ignore[misc,valid-type]
        newest = serializers.SerializerMethodField()

        def get_newest(self, _: Any) -> str:
            return "told"

    monkeypatch.setattr(host, "ExportDataSerializer", Newer)

    found = TaskRows(site.project).read(full)

    assert [task["newest"] for task in found] == ["told"] * len(full)


def test_a_host_that_shows_tasks_otherwise_is_followed(
    site: Site, full: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = type(host.export_serializer(site.project))

    class Other(kind):  # type: ignore[misc,valid-type]
        def to_representation(self, task: Any) -> Any:
            return {**super().to_representation(task), "inner_id": "another"}

    monkeypatch.setattr(host, "ExportDataSerializer", Other)
    monkeypatch.setattr(TaskRows, "_is_sure", False)

    found = TaskRows(site.project).read(full)

    assert {task["inner_id"] for task in found} == {"another"}
