"""Which version of which file each task shows, and which its annotations were drawn on, as label files tell it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from howdah import uris
from howdah.errors import Invalid
from howdah.labelstudio.layout import Shown
from howdah.labelstudio.models import DrawnOn, PachydermImportStorage, PachydermImportStorageLink

_FIELDS = ("key", "row_index", "past", "commit", "digest", "storage_id")


@dataclass(frozen=True, slots=True)
class Pin:
    """The link of one task, as much of it as label files tell."""

    shown: Shown
    commit: str
    digest: str
    storage: int


class Pins:
    """Looks up pins in bulk. For one Sync: what a source's fields say is read once."""

    def __init__(self) -> None:
        self._repos: dict[int, str] = {}
        self.sources: set[str] = set()
        """The versions that the tasks told so far show."""

    def of(self, tasks: Sequence[int]) -> dict[int, Pin]:
        """The pins of those of the tasks that show something of a source."""
        links = PachydermImportStorageLink.objects.filter(task_id__in=tasks).values_list("task_id", *_FIELDS)
        return {task: Pin(Shown(key, row, past), *rest) for task, key, row, past, *rest in links}

    def tell(self, tasks: Sequence[dict[str, Any]]) -> None:
        """Put into the `meta` of each exported task which version it shows, and what was drawn on another one."""
        pins = self.of([task["id"] for task in tasks])
        drawn: dict[int, dict[str, dict[str, str]]] = {}
        rows = DrawnOn.objects.filter(annotation__task_id__in=[task["id"] for task in tasks])
        for key, task, *version in rows.values_list("annotation_id", "annotation__task_id", "commit", "path", "digest"):
            told = dict(zip(("commit", "path", "digest"), version, strict=True))
            drawn.setdefault(task, {})[str(key)] = told
        for task in tasks:
            self._tell(task, pins.get(task["id"]), drawn.get(task["id"]))

    def _tell(self, task: dict[str, Any], pin: Pin | None, drawn: dict[str, dict[str, str]] | None) -> None:
        meta = task["meta"] if isinstance(task["meta"], dict) else {}
        # What a task tells that was imported from a label file stays true, but for the ids of its annotations.
        told = {"source": found} if (found := _told(meta)) else {}
        if pin is not None and pin.commit:
            repo = self._repo(pin, task["data"])
            told = {"source": {"repo": repo, "commit": pin.commit, "path": pin.shown.path, "digest": pin.digest}}
            self.sources.add(f"{repo}@{pin.commit}")
        if drawn:
            told["drawn"] = drawn
        if told or "howdah" in meta:
            task["meta"] = {**meta, "howdah": told}

    def _repo(self, pin: Pin, data: Any) -> str:
        """The repo that was synced; a source's fields may name another one by now."""
        for file in uris.find_uris(data):
            if file.commit.id == pin.commit and file.path == pin.shown.path:
                return str(file.commit.repo)
        if pin.storage not in self._repos:
            try:
                self._repos[pin.storage] = str(PachydermImportStorage.objects.get(pk=pin.storage).repo)
            except (PachydermImportStorage.DoesNotExist, Invalid):
                self._repos[pin.storage] = ""
        return self._repos[pin.storage]


def _told(meta: dict[str, Any]) -> Any:
    before = meta.get("howdah")
    return before.get("source") if isinstance(before, dict) else None
