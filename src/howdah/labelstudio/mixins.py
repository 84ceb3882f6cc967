"""What the host mixes into its annotations and tasks for us (its settings ANNOTATION_MIXIN and TASK_MIXIN).

The host saves an annotation and tells its listeners afterwards, outside of any transaction. A process that dies in
between would leave an annotation that no Sync ever learns of. Here the row and the note of it are one transaction,
and nothing else is: listeners to `post_save` may wait for a network, and the database must not wait with them.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.dispatch import Signal
from tasks.mixins import AnnotationMixin, TaskMixin

TASK_CONTENT = ("data", "meta", "file_upload_id")
"""The columns of a task that tell what it shows; what else a task has changes with each annotation."""

row_saved = Signal()
"""Sent within the transaction that writes an annotation's row, with `instance`, `created`, `before` (a `Loaded` or
None) and `fields`, the names of those that are written, None for all."""

task_changing = Signal()
"""Sent within the transaction that writes a known task's row, before it, with `instance`."""


row_deleting = Signal()
"""Sent within the transaction that deletes an annotation or a task, before it, with `instance`. Of Django's own signals
the host lets go, for all threads, while somebody deletes a project, and Django does not find them again afterwards."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What an annotation was when it came from the database."""

    task_id: int | None
    lead_time: float | None
    result: Any


class StagedAnnotation(AnnotationMixin):
    """An annotation whose row is written together with what receivers of `row_saved` write, or not at all."""

    howdah_loaded: Loaded | None = None

    @classmethod
    def from_db(cls, db: Any, field_names: Any, values: Any) -> Any:
        """Remember what Sync has to compare with when the annotation is saved."""
        made = super().from_db(db, field_names, values)
        known = made.__dict__
        made.howdah_loaded = Loaded(known.get("task_id"), known.get("lead_time"), known.get("result"))
        return made

    def _save_table(self, *args: Any, **kwargs: Any) -> Any:
        # The one step of Django's save that writes the row; it answers whether there was one to update.
        with transaction.atomic():
            updated = super()._save_table(*args, **kwargs)
            row_saved.send(
                sender=type(self),
                instance=self,
                created=not updated,
                before=self.howdah_loaded,
                fields=_written(args, kwargs),
            )
        return updated

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        """Delete the row together with what receivers of `row_deleting` write, or not at all."""
        with transaction.atomic():
            row_deleting.send(sender=type(self), instance=self)
            return super().delete(*args, **kwargs)


class StagedTask(TaskMixin):
    """A task; receivers of `task_changing` are told where what it shows may be about to change."""

    def _save_table(self, *args: Any, **kwargs: Any) -> Any:
        fields = _written(args, kwargs)
        if self._state.adding or (fields is not None and not _names_content(fields)):
            return super()._save_table(*args, **kwargs)
        with transaction.atomic():
            task_changing.send(sender=type(self), instance=self)
            return super()._save_table(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        """As of annotations."""
        with transaction.atomic():
            row_deleting.send(sender=type(self), instance=self)
            return super().delete(*args, **kwargs)


def _names_content(fields: Collection[str]) -> bool:
    return any(name in fields or name.removesuffix("_id") in fields for name in TASK_CONTENT)


def _written(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Collection[str] | None:
    """The argument `update_fields` of Django's `_save_table`, which is its last one."""
    if "update_fields" in kwargs:
        found: Collection[str] | None = kwargs["update_fields"]
        return found
    return args[5] if len(args) > 5 else None  # noqa: PLR2004
