"""Fetches what tasks show: many files of pinned commits into a folder, in bulk where most of a folder is wanted."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from pathlib import Path

from howdah.client import files
from howdah.client.channel import Connection
from howdah.convert import scratch
from howdah.errors import NotFound
from howdah.infos import FileType
from howdah.names import Commit, File

Tick = Callable[[int], None]
_AT_ONCE = 8
# From so many files on, it is worth looking at how much lies beside them.
_MANY = 100


def fetch(conn: Connection, wanted: Mapping[File, Path], tick: Tick) -> None:
    """Write each file to its path; `tick` is called with how many more are there. Raises `NotFound`."""
    by_commit: dict[Commit, dict[str, Path]] = defaultdict(dict)
    for file, target in wanted.items():
        by_commit[file.commit][file.path] = target
    for commit, targets in by_commit.items():
        try:
            if len(targets) >= _MANY and _is_most(conn, commit, targets):
                _fetch_tree(conn, commit, targets, tick)
            else:
                _fetch_each(conn, commit, targets, tick)
        except NotFound as error:
            raise NotFound(
                f"{len(targets)} files of {commit}, which the tasks show, cannot be fetched ({error.message}):"
                " export without the media, or bring the commit back from a backup",
                kind="source-gone",
            ) from error


def _is_most(conn: Connection, commit: Commit, targets: Mapping[str, Path]) -> bool:
    """Whether the wanted files are at least half of what lies in their folder."""
    inside = beside = 0
    for info in files.walk(conn, File(commit, _common(targets))):
        if info.type is FileType.FILE:
            if info.file.path in targets:
                inside += info.size
            else:
                beside += info.size
    return inside >= beside


def _common(paths: Iterable[str]) -> str:
    """The folder that holds all the paths."""
    return os.path.commonpath([path.rpartition("/")[0] or "/" for path in paths])


def _fetch_tree(conn: Connection, commit: Commit, targets: Mapping[str, Path], tick: Tick) -> None:
    left = set(targets)
    with closing(files.get_tree(conn, File(commit, _common(targets)))) as found:
        for path, content in found:
            if content is not None and path in targets:
                _write(targets[path], content)
                left.discard(path)
                tick(1)
    for path in sorted(left):
        raise NotFound(f"file {path} not found in {commit}", kind="file-not-found")


def _fetch_each(conn: Connection, commit: Commit, targets: Mapping[str, Path], tick: Tick) -> None:
    def one(path: str) -> None:
        with closing(files.get(conn, File(commit, path))) as pieces:
            _write(targets[path], pieces)

    with ThreadPoolExecutor(_AT_ONCE) as threads:
        under_way = [threads.submit(one, path) for path in targets]
        try:
            for done in as_completed(under_way):
                done.result()
                tick(1)
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            raise


def _write(target: Path, pieces: Iterable[bytes]) -> None:
    with scratch.told(target.parent), target.open("wb") as file:
        file.writelines(pieces)
