"""Which files differ between two commits, or two places in them.

What is the same in two trees is never read, so the cost follows the differences.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from itertools import groupby

from howdah.infos import FileChange, FileInfo
from howdah.names import Commit, File
from howdah.pfs import files, resolve
from howdah.pfs.changes import check_path
from howdah.pfs.files import View, missing, new_folders, view
from howdah.pfs.rows import read_commit
from howdah.store import diff as trees
from howdah.store.store import Store


def diff(store: Store, new: File, old: File | None) -> Iterator[FileChange]:
    """The paths, directories among them, at which two files or directories differ, in order.

    Without `old`: the same path in the parent commit (nothing, if there is none).
    """
    left = view(store, new.commit)
    right = view(store, old.commit) if old is not None else _parent_view(store, new.commit)
    new_path = check_path(new.path)
    old_path = check_path(old.path) if old is not None else new_path
    if right is None:
        right = View(store, left.commit, None, None)
    if old is not None and old_path != new_path:
        return _apart(files.walk(store, new), files.walk(store, old))
    if new_path != "/" and not any(_has(seen, new_path) for seen in (left, right)):
        raise missing(File(left.commit, new_path))
    return _diff(left, new_path, right, old_path)


def _parent_view(store: Store, commit: Commit) -> View | None:
    with store.database.read() as tx:
        row = resolve.commit(tx, commit)
        if row.parent is None:
            return None
        parent = read_commit(tx, row.parent)
    return view(store, Commit(commit.repo, parent.id))


def _diff(left: View, new_path: str, right: View, old_path: str) -> Iterator[FileChange]:
    told = ""
    for difference in trees.differences(left.store.read_node, left.root, right.root):
        path = difference.key[0]
        new = difference.new if _is_in(path, new_path) else None
        old = difference.old if _is_in(path, old_path) else None
        if new is None and old is None:
            continue
        for folder in new_folders(told, path):
            if _is_in(folder, new_path) or _is_in(folder, old_path):
                yield FileChange(_side(left, folder, new_path), _side(right, folder, old_path))
        told = path[: path.rindex("/") + 1]
        yield FileChange(left.info([new]) if new else None, right.info([old]) if old else None)


def _apart(new: Iterator[FileInfo], old: Iterator[FileInfo]) -> Iterator[FileChange]:
    """What differs between two places that are not the same path: each path of one that the other has not as it is."""
    sides = heapq.merge(
        ((info.file.path, info, None) for info in new),
        ((info.file.path, None, info) for info in old),
        key=lambda side: side[0],
    )
    for _, pair in groupby(sides, key=lambda side: side[0]):
        change = FileChange(None, None)
        for _, new_side, old_side in pair:
            change = FileChange(new_side or change.new, old_side or change.old)
        if change.new is None or change.old is None or change.new.digest != change.old.digest:
            yield change


def _has(seen: View, path: str) -> bool:
    return bool(seen.find(path)) or seen.has_directory(path + "/")


def _is_in(path: str, scope: str) -> bool:
    return scope in {"/", path} or path.startswith(scope + "/")


def _side(seen: View, folder: str, scope: str) -> FileInfo | None:
    is_there = _is_in(folder, scope) and seen.has_directory(folder)
    return seen.directory(folder) if is_there else None
