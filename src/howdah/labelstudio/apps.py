"""The Django app: connects signals, hooks and checks when Django is ready, and does nothing else."""

from __future__ import annotations

from django.apps import AppConfig


class HowdahConfig(AppConfig):
    """The storage type "Pachyderm".

    The label contains `io_storages_` because the host finds a task's storage by that text in the link's name.
    """

    name = "howdah.labelstudio"
    label = "io_storages_pachyderm"
    verbose_name = "Pachyderm storage"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect; no query, no network."""
        # Models exist from here on, so these cannot be imported earlier.
        from howdah.labelstudio import checks, columns, host, reports, staging, stream  # noqa: PLC0415

        staging.connect()
        host.connect()
        stream.connect()
        columns.connect()
        host.WebhookAction.ACTIONS.update(reports.actions())
        checks.register()
