"""Which files a project shows: those its sources select, in the versions that they had, and nothing else of a store.

An address is a claim of whoever sends it. It names a repo, a commit and a path; each of the three must be one that a
source of the project shows or has shown, else a person who may see one project could read all that its store holds.
"""

from __future__ import annotations

from typing import Any

from howdah.client import commits
from howdah.errors import Invalid, NotFound
from howdah.infos import FileInfo, FileType
from howdah.labelstudio import host, sync
from howdah.labelstudio.models import PachydermImportStorage
from howdah.names import Commit, File, is_commit_id
from howdah.uris import find_uris

_FAR = 100_000
"""So many commits back a version is looked for in its branch."""


def storage_of(file: File, instance: Any) -> PachydermImportStorage | None:
    """The source that shows `file` to those who may see `instance`, a task or a project; None if none does.

    Raises a `HowdahError` if the store must be asked and cannot be.
    """
    task = instance if isinstance(instance, host.Task) else None
    project = instance.id if task is None else task.project_id
    link = getattr(task, host.LINK_NAME, None)
    sources = [source for source in PachydermImportStorage.objects.filter(project_id=project) if _has(source, file)]
    # The source of the task's own file is asked first: it needs no look at the store.
    sources.sort(key=lambda source: link is None or source.pk != link.storage_id)
    named = task is not None and file in find_uris(task.data)
    for source in sources:
        if (named or _selects(source, file)) and _shows(source, file.commit, link):
            return source
    return None


def _has(source: PachydermImportStorage, file: File) -> bool:
    try:
        return bool(source.repo == file.commit.repo)
    except Invalid:
        return False


def _selects(source: PachydermImportStorage, file: File) -> bool:
    folder = source.folder.rstrip("/") + "/"
    if not file.path.startswith(folder):
        return False
    selection = sync.select(source.folder, source.regex_filter, recursive=source.recursive_scan)
    return FileInfo(file, FileType.FILE, 0, b"") in selection


def _shows(source: PachydermImportStorage, commit: Commit, link: Any) -> bool:
    """Whether `commit` is what the source names, the one that the task is of, or an earlier one of its branch."""
    wanted = source.wanted
    if commit == wanted or (link is not None and (link.storage_id, link.commit) == (source.pk, commit.id)):
        return True
    if not is_commit_id(commit.id):
        return False
    if source.links.filter(commit=commit.id).exists():
        return True
    return not is_commit_id(wanted.id) and _is_earlier(source, commit, wanted)


def _is_earlier(source: PachydermImportStorage, commit: Commit, head: Commit) -> bool:
    """Whether `commit` is the head of a branch or before it."""
    conn = source.connect()
    try:
        if commits.inspect(conn, head).commit == commit:
            return True
        last = None
        for last in commits.list(conn, commit.repo, to=head, since=commit, number=_FAR):  # noqa: B007
            pass
        return last is not None and last.parent == commit
    except NotFound:
        return False
