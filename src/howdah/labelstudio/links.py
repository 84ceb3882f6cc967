"""What the links of a source tell: which files are known, and how many tasks there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.db import connection
from django.db.models.functions import Collate

from howdah.labelstudio import sync
from howdah.labelstudio.models import PachydermImportStorage, PachydermImportStorageLink
from howdah.labelstudio.sync import Known

_CHUNK = 5000
_TOLD = ("key", "digest", "removed", "newer")


def current(storage: PachydermImportStorage) -> Any:
    """The links of tasks that show the version of their file that is mirrored."""
    return PachydermImportStorageLink.objects.filter(storage=storage, past=False)


def of_paths(storage: PachydermImportStorage, paths: Sequence[str]) -> list[Any]:
    """The current links of these files. Asked by kind, since each kind has an index of its own."""
    return [
        link
        for single in (True, False)
        for link in current(storage).filter(row_index__isnull=single, key__in=paths).order_by("key", "row_index")
    ]


def known(storage: PachydermImportStorage, paths: Sequence[str]) -> dict[str, Known]:
    """What is known of these files."""
    found: dict[str, Known] = {}
    for single in (True, False):
        links = current(storage).filter(row_index__isnull=single, key__in=paths).order_by("key")
        found |= {each.path: each for each in sync.known(links.values_list(*_TOLD))}
    return found


def all_known(storage: PachydermImportStorage) -> Iterator[Known]:
    """What is known of all files, in order of path by code points, a few at a time."""
    collation = "BINARY" if connection.vendor == "sqlite" else "C"
    links = current(storage).order_by(Collate("key", collation), "row_index")
    return sync.known(links.values_list(*_TOLD).iterator(chunk_size=_CHUNK))


def count(storage: PachydermImportStorage) -> int:
    """How many links there are, of past versions as well."""
    return PachydermImportStorageLink.objects.filter(storage=storage).count()


def live(storage: PachydermImportStorage) -> int:
    """How many tasks show a file that is there."""
    return current(storage).filter(removed="").count()
