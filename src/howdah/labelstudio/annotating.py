"""Annotations that come with tasks, in bulk: checked by the host's own serializer, written in few statements.

The host writes them one by one and tells listeners of each. Where somebody listens who has to hear of each (another
cloud's target, an ML backend that trains, the host's own states), and wherever a check fails, the host's way is taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

from howdah.labelstudio import host
from howdah.labelstudio.models import PachydermExportStorage

_STATES = "fflag_feat_fit_568_finite_state_management"
_TOGETHER = 500


class _AnnotationSerializer(host.AnnotationSerializer):
    """The host's, for annotations whose project is known and whose task has no row yet."""

    class Meta(host.AnnotationSerializer.Meta):
        """Everything but what is known."""

        exclude = (*host.AnnotationSerializer.Meta.exclude, "task", "project")


class Annotations:
    """Checks and writes annotations of one project."""

    def __init__(self, project: Any) -> None:
        self._project = project

    @cached_property
    def is_possible(self) -> bool:
        """Whether nobody has to hear of each annotation by itself."""
        project = self._project
        if project.ml_backends.exists() or host.flag_set(_STATES, user=project.organization.created_by):
            return False
        targets = (
            field.related_model
            for field in project._meta.related_objects
            if issubclass(field.related_model, host.ExportStorage) and field.related_model is not PachydermExportStorage
        )
        return not any(target.objects.filter(project=project).exists() for target in targets)

    def check(self, annotations: Any) -> list[Any]:
        """The annotations, not saved and without their task. Raises an error where the host's way is to be taken."""
        serializer = _AnnotationSerializer(data=annotations, many=True)
        serializer.is_valid(raise_exception=True)
        made = [host.Annotation(project=self._project, **each) for each in serializer.validated_data]
        for each in made:
            each.updated_by_id = host.current_user_id()
            each.result_count = len({region.get("id") for region in each.result or []})
        return made

    def counts(self, made: Sequence[Any], overlap: int) -> dict[str, Any]:
        """The columns of a task that has these annotations."""
        cancelled = sum(each.was_cancelled for each in made)
        counted = (
            made
            if self._project.skip_queue == self._project.SkipQueue.IGNORE_SKIPPED
            else [each for each in made if not each.was_cancelled and each.result is not None]
        )
        people = {each.completed_by_id for each in counted}
        return {
            "total_annotations": len(made) - cancelled,
            "cancelled_annotations": cancelled,
            "is_labeled": len(people) >= overlap,
        }

    def insert(self, made: Iterable[Any]) -> None:
        """Write annotations whose tasks are set; part of the caller's transaction."""
        given = list(made)
        host.Annotation.objects.bulk_create(given, batch_size=_TOGETHER)
        summary = host.ProjectSummary.objects.select_for_update().get(project=self._project.pk)
        together: list[Any] = []
        for each in given:
            if _names(each) <= summary.created_labels.keys():
                together.append(each)
                continue
            # The host begins a name's labels anew with each region, until the name has been saved.
            summary.update_created_annotations_and_labels(together)
            summary.update_created_annotations_and_labels([each])
            together = []
        if together:
            summary.update_created_annotations_and_labels(together)


def _names(annotation: Any) -> set[str]:
    return {region["from_name"] for region in annotation.result or [] if "from_name" in region}
