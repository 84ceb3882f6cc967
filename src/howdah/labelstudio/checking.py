"""Predictions in bulk: checked by the host's own serializer, written in few statements.

The host parses the labeling configuration anew for each prediction and looks its task and project up; here both are
known. What is not accepted here is no error yet: the host's own way decides, and says why.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from django.core import exceptions as errors
from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone
from rest_framework.exceptions import ErrorDetail, ValidationError

from howdah.errors import HowdahError
from howdah.labelstudio import host, rows

BAD = (ValidationError, errors.ValidationError, ValueError, TypeError, KeyError, AttributeError, RecursionError)
"""What the host raises about tasks, annotations and predictions that are not as it wants them."""

_FLAG = "fflag_feat_utc_210_prediction_validation_15082025"
_VALUES = ("result", "score", "model_version", "cluster", "neighbors", "mislabeling")


class _PredictionSerializer(host.PredictionSerializer):
    """The host's, for predictions whose project is known and whose task has no row yet."""

    class Meta(host.PredictionSerializer.Meta):
        """Everything but what is known."""

        fields = None
        exclude = ("task", "project", "model", "model_run")

    def validate(self, data: Any) -> Any:
        """What the host checks of a prediction's regions."""
        interface = self.context["interface"]
        if interface is not None and "result" in data:
            errors = interface.validate_prediction(data, return_errors=True)
            if errors:
                raise ValidationError(f"Error validating prediction: {errors}")
        return data


class Checker:
    """Checks and writes predictions of one project."""

    def __init__(self, project: Any) -> None:
        self._project = project

    @cached_property
    def _context(self) -> dict[str, Any]:
        checked = host.flag_set(_FLAG, user=self._project.organization.created_by)
        return {"interface": host.LabelInterface(self._project.label_config) if checked else None}

    def check(self, predictions: Any) -> list[dict[str, Any]]:
        """The values of the predictions' rows. Raises one of `BAD`, as the host would, or as it might."""
        serializer = _PredictionSerializer(data=predictions, many=True, context=self._context)
        serializer.is_valid(raise_exception=True)
        found = [{name: each[name] for name in _VALUES if name in each} for each in serializer.validated_data]
        for each in found:
            each["result"] = host.Prediction.prepare_prediction_result(each["result"], self._project)
        return found

    def insert(self, pairs: Iterable[tuple[int, Mapping[str, Any]]]) -> int:
        """Write checked predictions, each with the key of its task; how many. The counters are the caller's."""
        given = list(pairs)
        if given:
            like = host.Prediction(project=self._project)
            columns: dict[str, Sequence[Any]] = {
                name: [each.get(name, getattr(like, name)) for _, each in given] for name in _VALUES
            }
            rows.insert(like, {"task_id": [task for task, _ in given], **columns})
        return len(given)

    def add(self, pairs: Sequence[tuple[int, Mapping[str, Any]]]) -> int:
        """As `insert`, for tasks that are there: their counters are kept."""
        if pairs:
            own = host.Prediction.objects.filter(task=OuterRef("pk")).order_by().values("task")
            total = Coalesce(Subquery(own.annotate(n=Count("pk")).values("n")), 0)
            self.insert(pairs)
            tasks = host.Task.objects.filter(pk__in={task for task, _ in pairs})
            tasks.update(total_predictions=total, updated_at=timezone.now())
        return len(pairs)

    def unlike(self, pairs: Iterable[tuple[int, Any]]) -> list[tuple[int, dict[str, Any]]]:
        """Of the predictions given for tasks, unchecked, those that their tasks have not; raises as `check` does."""
        given = [(task, self.check(found)) for task, found in pairs if found]
        there = host.Prediction.objects.filter(task_id__in=[task for task, _ in given])
        seen = {
            (task, version or "", canonical({"result": result, "score": score}))
            for task, version, result, score in there.values_list("task_id", "model_version", "result", "score")
        }
        return [
            (task, each)
            for task, found in given
            for each in found
            if (task, each.get("model_version") or "", canonical(each)) not in seen
        ]


def canonical(prediction: Mapping[str, Any]) -> str:
    """What a prediction says, as text."""
    return json.dumps([prediction.get("result"), prediction.get("score")], sort_keys=True, default=str)


def reason(error: Exception) -> str:
    """What the host said of something bad, in one line."""
    if isinstance(error, ValidationError):
        return "; ".join(dict.fromkeys(_texts(error.detail)))
    if isinstance(error, errors.ValidationError):
        return "; ".join(error.messages)
    return str(error) if isinstance(error, ValueError | HowdahError) else f"is not as Label Studio wants it: {error!r}"


def _texts(detail: Any) -> Iterable[str]:
    if isinstance(detail, ErrorDetail):
        yield str(detail)
    elif isinstance(detail, dict):
        for name, value in detail.items():
            for text in _texts(value):
                yield text if name == "non_field_errors" else f"{name}: {text}"
    else:
        for value in detail:
            yield from _texts(value)
