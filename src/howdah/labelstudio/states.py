"""How the sources and targets of a project are, in words: what a card and our pages show of them.

Reads rows alone, so it answers at once, however the store is; `heads` asks the store, and tells when it is away.
"""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from howdah.errors import HowdahError
from howdah.labelstudio import probing, waiting
from howdah.labelstudio.models import (
    CommitWhen,
    PachydermExportStorage,
    PachydermImportStorage,
    SourceState,
)
from howdah.labelstudio.progress import ACTIVE
from howdah.names import DEFAULT_PROJECT

_SHOWN = 400  # characters of a reason; the report has all of it

Fact = tuple[str, str]


def of_project(project: Any) -> dict[str, list[dict[str, Any]]]:
    """Its sources and targets, the oldest first, as `state` tells them."""
    sources = PachydermImportStorage.objects.filter(project=project).order_by("id")
    targets = PachydermExportStorage.objects.filter(project=project).order_by("id")
    return {"sources": [state(each) for each in sources], "targets": [state(each) for each in targets]}


def state(storage: Any) -> dict[str, Any]:
    """One source or target: facts as pairs of words, progress, why something is wrong, and what one may do."""
    storage.health_check()
    storage.refresh_from_db()
    kind = kind_of(storage)
    running = storage.status in ACTIVE
    facts = [("Repo", _place(storage)), ("Status", words(storage.status))]
    waits = None if kind == "source" else waiting.of([storage])[storage.pk]
    facts += _source_facts(storage) if waits is None else _target_facts(storage, waits.commit)
    newest = storage.reports.order_by("-pk").values_list("pk", flat=True).first()
    return {
        "kind": kind,
        "id": storage.pk,
        "title": storage.title or "Untitled pachyderm",
        "status": storage.status,
        "running": running,
        "facts": facts,
        "last_sync": storage.last_sync.isoformat() if storage.last_sync else None,
        "progress": progress(storage.meta or {}, storage.last_sync_count) if running else None,
        "pending": None if waits is None or running else pending_words(waits.pending),
        "notice": notice(storage),
        "sync": _path(storage, "sync"),
        "cancel": _path(storage, "cancel"),
        "report": newest and reverse("howdah-report", args=[storage.project_id, newest]),
        "page": reverse("howdah-project", args=[storage.project_id]),
    }


def heads(project: Any) -> dict[str, str]:
    """By id, what is to be said of each source's branch beside what is synced: that it moved, or cannot be asked."""
    found = {}
    for storage in PachydermImportStorage.objects.filter(project=project).order_by("id"):
        if told := _head(storage):
            found[str(storage.pk)] = told
    return found


def _head(storage: Any) -> str:
    synced = _commit(storage)
    try:
        wanted = storage.wanted
        newest = probing.with_reasons(lambda conn: probing.pinned(conn, wanted), storage.connect(), storage.address)
    except HowdahError as error:
        return f"{error}"
    if not synced or newest.commit.id == synced:
        return ""
    return "The branch has moved since. Sync to show what is new."


def kind_of(storage: Any) -> str:
    """Whether it is a source or a target."""
    return "source" if isinstance(storage, PachydermImportStorage) else "target"


def words(status: str) -> str:
    """A status as the host's cards say it."""
    return status.replace("_", " ").capitalize()


def progress(meta: dict[str, Any], count: int | None) -> dict[str, Any]:
    """How far a run is: how many are done, of how many found, and in words, with how many a second."""
    done, found, rate = int(meta.get("done", count) or 0), int(meta.get("found") or 0), float(meta.get("rate") or 0)
    told = f"{done:,} of {found:,} done" if found else f"{done:,} done"
    if rate and done:
        told += f", {rate:,.0f} a second"
    return {"done": done, "found": found, "words": told}


def pending_words(number: int) -> str:
    """`37 annotations not yet committed`; empty for none."""
    return f"{number:,} annotation{'s' * (number != 1)} not yet committed" if number else ""


def notice(storage: Any) -> str:
    """What is wrong, short; empty when all is well."""
    told = (storage.traceback or "").split("\n\n")[0].strip()
    if storage.status == "failed":
        return told[:_SHOWN]
    if storage.status != "completed_with_errors":
        return ""
    number = int((storage.meta or {}).get("tasks_failed_validation") or len(told.splitlines()))
    first = told.splitlines()[0] if told else ""
    return f"{number:,} file{'s' * (number != 1)} with problems, all others are in. {first}"[:_SHOWN].strip()


def _place(storage: Any) -> str:
    try:
        where = storage.wanted if kind_of(storage) == "source" else storage.branch
    except HowdahError:
        return str(storage.pach_repo)
    told = str(where).removeprefix(f"{DEFAULT_PROJECT}/")
    return told if storage.folder == "/" else f"{told}:{storage.folder}"


def _commit(storage: Any) -> str:
    found = SourceState.objects.filter(storage=storage).values_list("commit", flat=True).first()
    return str(found or (storage.meta or {}).get("commit") or "")


def _source_facts(storage: Any) -> list[Fact]:
    facts = [
        ("Tasks", _counted(storage, storage.links.filter(past=False).count() if storage.status not in ACTIVE else None))
    ]
    if commit := _commit(storage):
        facts.append(("Commit", commit))
    if storage.auto_sync:
        facts.append(("When", "Whenever the branch moves"))
    return facts


def _counted(storage: Any, total: int | None) -> str:
    new = storage.last_sync_count or 0
    return f"{new:,} new" if total is None else f"{total:,} ({new:,} new)"


def _target_facts(storage: Any, commit: str) -> list[Fact]:
    total = (storage.meta or {}).get("total_annotations")
    done = f"{storage.last_sync_count or 0:,} in the last Sync"
    facts = [("Annotations", done if total is None else f"{done}, {int(total):,} in all")]
    if commit:
        facts.append(("Commit", commit))
    if storage.commit_when == CommitWhen.EACH:
        facts.append(("When", "Each annotation at once"))
    elif storage.commit_when == CommitWhen.EVERY:
        rules = [
            f"{number:,} {noun}"
            for number, noun in ((storage.every_minutes, "minutes"), (storage.every_annotations, "annotations"))
            if number
        ]
        facts.append(("When", "Every " + " or ".join(rules or ["few minutes or annotations"])))
    return facts


def _path(storage: Any, verb: str) -> str:
    prefix = "howdah" if kind_of(storage) == "source" else "howdah-export"
    return reverse(f"{prefix}-storage-{verb}", kwargs={"pk": storage.pk})
