"""The rows of the storage type: sources, targets, which file became which task, what waits to be committed.

A source is a view of one commit of a repo. A target is a branch that each Sync adds one commit to. Both are the
host's storages with our fields; what they do is in `importing` and `exporting`.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.urls import reverse

from howdah.client.channel import Connection
from howdah.labelstudio import connections, host, place
from howdah.labelstudio.runs import Runs
from howdah.labelstudio.uris import encode
from howdah.names import Branch, Commit, File, Repo
from howdah.uris import SCHEME, find_uris, replace_uris, short_uri


class PachydermFields(Runs):
    """Where the store is and which part of it is meant: the fields that source and target share."""

    pach_project = models.TextField(
        "pach_project", blank=True, default="default", help_text="Pachyderm project of the repo"
    )
    pach_repo = models.TextField("pach_repo", help_text="Repo: images, images@master or project/images@branch")
    pach_branch = models.TextField("pach_branch", blank=True, default="", help_text="Branch, master if empty")
    pachd_address = models.TextField(
        "pachd_address", blank=True, default="", help_text="Address grpc://HOST:PORT, the built-in store if empty"
    )
    pach_authn_token = models.TextField("pach_authn_token", blank=True, default="", help_text="Authentication token")
    prefix = models.TextField("prefix", null=True, blank=True, help_text="Folder within the repo")

    class Meta:
        abstract = True

    @property
    def address(self) -> str:
        """The store's address."""
        return self.pachd_address.strip() or settings.HOWDAH_ADDRESS

    @property
    def folder(self) -> str:
        """The folder that the prefix means."""
        return place.folder_of(self.prefix)

    def connect(self) -> Connection:
        """The connection to the store; the same one for all storages of this address and token.

        The default store's token is used there alone, and only where the storage has none of its own.
        """
        if self.address != settings.HOWDAH_ADDRESS:
            return connections.get(self.address, self.pach_authn_token)
        token = self.pach_authn_token or settings.HOWDAH_TOKEN
        return connections.get(self.address, token, settings.HOWDAH_SERVER_CAS)

    @property
    def path_full(self) -> str:
        """What the host shows as the storage's place."""
        return f"{self.pach_repo}:{self.folder}"

    @property
    def type_full(self) -> str:
        """What the host shows as the storage's type."""
        return "Pachyderm"


class OnEdit(models.TextChoices):
    """What a Sync does about the task of a file with other content than before."""

    MOVE = "move", "Show the new version, keep the annotations"
    NEW = "new", "Add a task for the new version"
    LEAVE = "leave", "Leave the task at the old version"


class OnRemove(models.TextChoices):
    """What a Sync does about the task of a file that is gone."""

    ARCHIVE = "archive", "Keep the task, out of the labeling stream"
    DELETE = "delete", "Delete tasks without annotations, archive the others"
    LEAVE = "leave", "Leave the task"


class PachydermImportStorage(host.ProjectStorageMixin, PachydermFields, host.ImportStorage):
    """A source: the files of one commit as tasks."""

    url_scheme = SCHEME
    presign = False
    presign_ttl = 0

    pach_commit = models.TextField("pach_commit", blank=True, default="", help_text="Commit, the head if empty")
    regex_filter = models.TextField(
        "regex_filter", null=True, blank=True, help_text="Only files whose path matches from its start"
    )
    use_blob_urls = models.BooleanField(
        "use_blob_urls", default=True, help_text="Every file is a task; otherwise files hold tasks as JSON"
    )
    recursive_scan = models.BooleanField("recursive_scan", default=True, help_text="Include the files of sub-folders")
    pairs = models.BooleanField(
        "pairs", default=False, help_text="a.json beside a.jpg holds its predictions and is no task itself"
    )
    pach_predictions = models.TextField(
        "pach_predictions", blank=True, default="", help_text="Branch with predictions, such as predictions@master"
    )
    on_edit = models.CharField(
        "on_edit", max_length=16, choices=OnEdit.choices, default=OnEdit.MOVE, help_text="When a file was edited"
    )
    on_remove = models.CharField(
        "on_remove", max_length=16, choices=OnRemove.choices, default=OnRemove.ARCHIVE, help_text="When a file is gone"
    )
    auto_sync = models.BooleanField("auto_sync", default=False, help_text="Sync whenever the branch moves")

    @property
    def wanted(self) -> Commit:
        """The commit that the fields name; its id may be a branch. Raises `Invalid`."""
        return place.commit_of(self.pach_project, self.pach_repo, self.pach_branch, self.pach_commit)

    @property
    def repo(self) -> Repo:
        """The repo that the fields name. Raises `Invalid`."""
        return self.wanted.repo

    @property
    def predictions(self) -> Commit | None:
        """The head of the predictions' branch, None where there is none. Raises `Invalid`."""
        if not self.pach_predictions.strip():
            return None
        return place.commit_of(self.pach_project, self.pach_predictions, "", "")

    def can_resolve_url(self, url: Any) -> bool:
        """Whether something in `url` addresses a file of this storage's repo."""
        return any(file.commit.repo == self.repo for file in find_uris(url))

    def resolve_uri(self, uri: Any, task: Any = None) -> Any:
        """`uri` with each address of this repo replaced by a path of this site; None where there is none."""
        if task is None or not self.can_resolve_url(uri):
            return None
        return replace_uris(uri, lambda text, file: self._media_path(text, file, task))

    def _media_path(self, text: str, file: File, task: Any) -> str:
        if file.commit.repo != self.repo:
            return text
        # A path without a host stays on the site that the page came from, whatever its name is today.
        return reverse("howdah-media", kwargs={"task_id": task.id}) + f"?fileuri={encode(short_uri(file))}"

    def generate_http_url(self, url: str) -> str:
        """The host asks this of storages that hand out signed addresses; this one serves the bytes itself."""
        return url

    def validate_connection(self, client: Any = None) -> None:
        """Raises a `HowdahError` with words for the user when files could not be read."""
        from howdah.labelstudio import probing  # noqa: PLC0415  (it needs these models)

        probing.check_source(self)

    def sync(self, wait: float | None = None) -> None:
        """Mirror the source, in the background; see `howdah.labelstudio.importing`. `wait` as in `Runs.run`."""
        from howdah.labelstudio import importing  # noqa: PLC0415  (it needs these models)

        self.run(importing.run, wait)


class SourceState(models.Model):
    """How far a source's Syncs have come: what the next one may take for granted.

    With `DOUBT` in front, a place or commit is what was synced last, but not to be believed: look at everything again.
    """

    DOUBT = "?"

    storage = models.OneToOneField(PachydermImportStorage, on_delete=models.CASCADE, related_name="state")
    place = models.TextField(blank=True, default="", help_text="Store, repo and selection that was synced, whole")
    commit = models.CharField(max_length=64, blank=True, default="", help_text="The commit that the tasks mirror")
    links = models.BigIntegerField(default=0, help_text="How many links there were then")
    live = models.BigIntegerField(default=0, help_text="How many tasks showed a file that was there")
    predictions = models.TextField(blank=True, default="", help_text="The commit whose predictions are in")


class PachydermImportStorageLink(host.ImportStorageLink):
    """Which file of which commit a task shows. A file is a task once, in the database as well.

    With the policy that adds a task for a new version, the task of the old version keeps a link that is `past`.
    """

    storage = models.ForeignKey(PachydermImportStorage, on_delete=models.CASCADE, related_name="links")
    digest = models.CharField("digest", max_length=128, blank=True, default="", help_text="Digest of the content")
    commit = models.CharField("commit", max_length=64, blank=True, default="", help_text="Commit of the content")
    past = models.BooleanField("past", default=False, help_text="A newer version of the file is another task")
    removed = models.CharField(
        "removed", max_length=64, blank=True, default="", help_text="Commit without the file; empty while it is there"
    )
    newer = models.CharField(
        "newer", max_length=64, blank=True, default="", help_text="Commit with a newer version than the task shows"
    )
    archived = models.BooleanField("archived", default=False, help_text="Out of the labeling stream")
    former = models.JSONField(
        "former", null=True, default=None, help_text="The version shown before: {commit, path, digest, until}"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["storage", "key"],
                condition=models.Q(row_index__isnull=True, past=False),
                name="howdah_one_task_per_file",
            ),
            models.UniqueConstraint(
                fields=["storage", "key", "row_index"],
                condition=models.Q(row_index__isnull=False, past=False),
                name="howdah_one_task_per_row",
            ),
        ]
        indexes = [
            models.Index(fields=["storage", "key"], condition=models.Q(past=True), name="howdah_past_versions"),
        ]

    @classmethod
    def create(cls, task: Any, key: str, storage: Any, **fields: Any) -> PachydermImportStorageLink:
        """The link of a new task; the host calls this."""
        return cls.objects.create(task_id=task.id, key=key, storage=storage, **fields)


class DrawnOn(models.Model):
    """The version of its file that an annotation was drawn on, where the task shows another one by now."""

    annotation = models.OneToOneField(
        host.Annotation, on_delete=models.CASCADE, related_name="howdah_drawn_on", db_constraint=False
    )
    commit = models.CharField(max_length=64)
    path = models.TextField()
    digest = models.CharField(max_length=128, blank=True, default="")


class Layout(models.TextChoices):
    """Where in the target's folder a task's file is."""

    TASK = "task", "By task: /1.json"
    SOURCE = "source", "As the source: /images/dog.jpg.json"


class CommitWhen(models.TextChoices):
    """When what was labeled becomes a commit."""

    SYNC = "sync", "When somebody clicks Sync"
    EVERY = "every", "Every few minutes or annotations"
    EACH = "each", "At once, each annotation"


class PachydermExportStorage(PachydermFields, host.ExportStorage):
    """A target: a branch that holds each annotated task as one file, one commit a Sync."""

    layout = models.CharField(
        "layout", max_length=16, choices=Layout.choices, default=Layout.TASK, help_text="Where a task's file is"
    )
    commit_when = models.CharField(
        "commit_when", max_length=16, choices=CommitWhen.choices, default=CommitWhen.SYNC, help_text="When to commit"
    )
    every_minutes = models.PositiveIntegerField(
        "every_minutes", null=True, blank=True, help_text="Commit so many minutes after the first change"
    )
    every_annotations = models.PositiveIntegerField(
        "every_annotations", null=True, blank=True, help_text="Commit when so many annotations have changed"
    )

    @property
    def branch(self) -> Branch:
        """The branch that the fields name. Raises `Invalid`."""
        return place.branch_of(self.pach_project, self.pach_repo, self.pach_branch)

    def validate_connection(self, client: Any = None) -> None:
        """Raises a `HowdahError` with words for the user when labels could not be written."""
        from howdah.labelstudio import probing  # noqa: PLC0415  (it needs these models)

        probing.check_target(self)

    def sync(self, wait: float | None = None, **_: Any) -> None:
        """Commit what was labeled since the last Sync, in the background; see `howdah.labelstudio.exporting`."""
        from howdah.labelstudio import exporting  # noqa: PLC0415  (it needs these models)

        self.run(exporting.run, wait)


class StagedChange(models.Model):
    """One event on an annotation or a task that a target has not got yet: the outbox.

    Written in the transaction that makes the change. `run` tells which run has taken it; a row is deleted when the
    commit that holds it is finished.
    """

    class Event(models.TextChoices):
        """What happened to the annotation; `TASK`: to the task alone, which counts as no annotation."""

        CREATED = "created"
        CHANGED = "changed"
        DELETED = "deleted"
        TASK = "task"

    # No constraint in the database: deleting a project deletes annotations and storages in one go, in any order.
    storage = models.ForeignKey(
        PachydermExportStorage, on_delete=models.CASCADE, related_name="staged", db_constraint=False
    )
    task_id = models.BigIntegerField()
    annotation_id = models.BigIntegerField(null=True)
    event = models.CharField(max_length=16, choices=Event.choices)
    author = models.CharField(max_length=254, blank=True, default="")
    at = models.DateTimeField(auto_now_add=True)
    run = models.CharField(max_length=32, blank=True, default="", db_index=True)

    class Meta:
        indexes = [models.Index(fields=["storage", "run"], name="howdah_staged")]


def _new_mark() -> str:
    return uuid.uuid4().hex[:16]


class ExportRun(models.Model):
    """The run of a target that may have reached the store, recorded before anything is sent, and what it reached.

    `key` is in the description of the run's commit, so that a later run finds out how far this one came. It begins
    with `mark`, which tells the commits of this target from all others.
    """

    storage = models.OneToOneField(PachydermExportStorage, on_delete=models.CASCADE, related_name="export_run")
    mark = models.CharField(max_length=16, default=_new_mark)
    key = models.CharField(max_length=32, blank=True, default="", help_text="The run under way, empty for none")
    target = models.TextField(blank=True, default="", help_text="The place that the run under way writes to")
    whole = models.BooleanField(default=False, help_text="Whether the run under way writes all annotated tasks")
    reached = models.TextField(blank=True, default="", help_text="The place that holds everything but the outbox")
    commit = models.CharField(max_length=64, blank=True, default="", help_text="The last commit made")
    config = models.CharField(max_length=64, blank=True, default="", help_text="Digest of the configuration there")


class LabelFile(models.Model):
    """The file that holds a task in a branch of a target, as of the last commit that this target made there.

    Rows of former branches stay: who comes back knows which files there are his. A row with a `run` says what the
    commit of that run will have changed; it counts when the commit is finished.
    """

    storage = models.ForeignKey(
        PachydermExportStorage, on_delete=models.CASCADE, related_name="label_files", db_constraint=False
    )
    branch = models.CharField(max_length=32, help_text="Digest of the store's id and the branch")
    task_id = models.BigIntegerField()
    path = models.TextField(blank=True, help_text="Empty with a run: the commit has no file for the task")
    run = models.CharField(max_length=32, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["storage", "branch", "run", "task_id"], name="howdah_one_file_per_task")
        ]
        indexes = [models.Index(fields=["storage", "path"], name="howdah_label_paths")]


class SyncReport(models.Model):
    """What one Sync of a source or target did: counts, and each file with which something was wrong."""

    source = models.ForeignKey(
        PachydermImportStorage, null=True, on_delete=models.CASCADE, related_name="reports", db_constraint=False
    )
    target = models.ForeignKey(
        PachydermExportStorage, null=True, on_delete=models.CASCADE, related_name="reports", db_constraint=False
    )
    began = models.DateTimeField()
    ended = models.DateTimeField(auto_now_add=True)
    status = models.CharField(max_length=64, help_text="As the storage's: completed, completed_with_errors, failed")
    before = models.CharField(max_length=64, blank=True, default="", help_text="The commit synced before")
    commit = models.CharField(max_length=64, blank=True, default="", help_text="The commit synced or made")
    by = models.CharField(max_length=254, blank=True, default="", help_text="Who asked for it; empty: nobody, a rule")
    counts = models.JSONField(default=dict, help_text="How many of what, by name")
    problems = models.JSONField(default=list, help_text="[{file, why}], the first ten thousand")
    message = models.TextField(blank=True, default="", help_text="Why it failed")

    class Meta:
        indexes = [
            models.Index(fields=["source", "-ended"], name="howdah_source_reports"),
            models.Index(fields=["target", "-ended"], name="howdah_target_reports"),
        ]
