"""What the host mixes into its annotations for us (its setting ANNOTATION_MIXIN).

The host saves an annotation and tells its listeners afterwards, outside of any transaction. A process that dies in
between would leave an annotation that no Sync ever learns of. Here the row and the note of it are one transaction,
and nothing else is: listeners to `post_save` may wait for a network, and the database must not wait with them.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.dispatch import Signal
from tasks.mixins import AnnotationMixin

row_saved = Signal()
"""Sent within the transaction that writes an annotation's row, with `instance` and `created`."""


class StagedAnnotation(AnnotationMixin):
    """An annotation whose row is written together with what receivers of `row_saved` write, or not at all."""

    def _save_table(self, *args: Any, **kwargs: Any) -> Any:
        # The one step of Django's save that writes the row; it answers whether there was one to update.
        with transaction.atomic():
            updated = super()._save_table(*args, **kwargs)
            row_saved.send(sender=type(self), instance=self, created=not updated)
        return updated
