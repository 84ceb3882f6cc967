"""What a source Sync does about each file: decisions only, no database, no network.

A Sync looks twice. First it finds what is gone: known files that the commit lacks. Then `plan` decides batch by batch
about the files that are there, and hands the tasks of a file that is gone to a new file of the same content: it was
moved. What nobody took over is removed. Decisions are made against what is known of a file, never against what a
difference between commits says it was before: a Sync that is done again decides as it did.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby, islice
from operator import itemgetter
from typing import TypeVar

from howdah.errors import Corrupt, Invalid
from howdah.infos import FileInfo, FileType

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a file from earlier Syncs: the digest that its tasks show, and whether it was removed.

    An empty digest is of a file whose content nobody noted. `behind`: a newer version was left alone.
    """

    path: str
    digest: str
    removed: bool = False
    behind: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """The files of one batch by what is to be done about them, in listing order.

    `back` were removed and are there again, perhaps with another content, or have again the content that their tasks
    show. `move` tells the path that the file had before.
    """

    add: tuple[FileInfo, ...] = ()
    edit: tuple[FileInfo, ...] = ()
    move: tuple[tuple[str, FileInfo], ...] = ()
    back: tuple[FileInfo, ...] = ()
    same: tuple[FileInfo, ...] = ()


class Gone:
    """The known files that the commit lacks, until a new file of the same content takes their tasks over."""

    def __init__(self, known: Iterable[Known] = ()) -> None:
        self._by_digest: dict[str, deque[str]] = {}
        for each in known:
            if not each.removed:
                self._by_digest.setdefault(each.digest, deque()).append(each.path)

    def __bool__(self) -> bool:
        return bool(self._by_digest)

    def take(self, digest: str) -> str | None:
        """The path of a file with this content, which then is gone no more."""
        paths = self._by_digest.get(digest) if digest else None
        if not paths:
            return None
        path = paths.popleft()
        if not paths:
            del self._by_digest[digest]
        return path

    def left(self) -> list[str]:
        """The paths that nothing took, in order."""
        return sorted(path for paths in self._by_digest.values() for path in paths)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which of the listed files count: a regular expression on the path, sub-folders or not, JSON or anything else."""

    folder: str = "/"
    recursive: bool = True
    pattern: re.Pattern[str] | None = field(default=None)
    json: bool | None = None

    @property
    def is_all(self) -> bool:
        """Whether every file of the folder counts."""
        return self.recursive and self.pattern is None and self.json is None

    def __contains__(self, info: object) -> bool:
        if not isinstance(info, FileInfo) or info.type is not FileType.FILE:
            return False
        if self.json is not None and info.file.path.lower().endswith(".json") is not self.json:
            return False
        base = self.folder.rstrip("/") + "/"
        if not self.recursive and "/" in info.file.path.removeprefix(base):
            return False
        return self.pattern is None or self.pattern.match(info.file.path.lstrip("/")) is not None


def select(folder: str, regex: str | None, *, recursive: bool) -> Selection:
    """The selection that a storage's fields mean; raises `Invalid` for a regular expression that is none.

    The expression is matched from the start of the path, which has no slash in front, as the host does it.
    """
    try:
        pattern = re.compile(regex) if regex else None
    except re.error as error:
        raise Invalid(f"the file filter {regex!r} is no regular expression: {error}", kind="bad-regex") from error
    return Selection(folder, recursive, pattern)


def only_json(selection: Selection) -> Selection:
    """The JSON files in the places of `selection`, whatever its pattern says of them."""
    return replace(selection, pattern=None, json=True)


def glob_of_json(selection: Selection) -> str:
    """The pattern of the JSON files in the places of `selection`, as the store understands patterns."""
    folder = re.sub(r"([^\w/])", r"\\\1", selection.folder).rstrip("/")
    return f"{folder}/{'**' if selection.recursive else '*'}.json"


def but_json(selection: Selection) -> Selection:
    """`selection` without JSON files."""
    return replace(selection, json=False)


def known(rows: Iterable[tuple[str, str, str, str]]) -> Iterator[Known]:
    """What links tell of files: `rows` of path, digest, commit of removal and newer commit, each path's in sequence.

    A file that holds several tasks has a link for each; it is removed when all of them are.
    """
    for path, group in groupby(rows, key=itemgetter(0)):
        links = list(group)
        live = [link for link in links if not link[2]]
        yield Known(path, (live or links)[0][1], not live, any(link[3] for link in live))


def merge(listed: Iterable[FileInfo], known: Iterable[Known]) -> Iterator[tuple[FileInfo | None, Known | None]]:
    """Both, each in order of path by its code points, joined by path. Raises `Corrupt` where the order is broken."""
    left, right = _ordered(listed, lambda info: info.file.path), _ordered(known, lambda each: each.path)
    info, each = next(left, None), next(right, None)
    while info is not None or each is not None:
        if each is None or (info is not None and info.file.path < each.path):
            yield info, None
            info = next(left, None)
        elif info is None or each.path < info.file.path:
            yield None, each
            each = next(right, None)
        else:
            yield info, each
            info, each = next(left, None), next(right, None)


def _ordered(items: Iterable[_T], path: Callable[[_T], str]) -> Iterator[_T]:
    last = ""
    for item in items:
        here = path(item)
        if here <= last:
            raise Corrupt(f"files are not in order: {here} came after {last}")
        last = here
        yield item


def plan(listed: Iterable[FileInfo], known: Mapping[str, Known], gone: Gone) -> Plan:
    """What to do about each of `listed`, by what is known by path; `gone` loses what was moved."""
    parts: dict[str, list[FileInfo]] = {"add": [], "edit": [], "back": [], "same": []}
    move: list[tuple[str, FileInfo]] = []
    for info in listed:
        each = known.get(info.file.path)
        former = gone.take(info.digest.hex()) if each is None else None
        if former is not None:
            move.append((former, info))
        else:
            parts[_what(info, each)].append(info)
    return Plan(move=tuple(move), **{name: tuple(infos) for name, infos in parts.items()})


def _what(info: FileInfo, each: Known | None) -> str:
    if each is None:
        return "add"
    is_same = each.digest in ("", info.digest.hex())
    if each.removed or (is_same and each.behind):
        return "back"
    return "same" if is_same else "edit"


def alike(columns: Sequence[Collection[str]]) -> Iterator[slice]:
    """Cut tasks, told by the names of their data, so that summing up the parts equals summing up one by one.

    The host starts the columns that all tasks have in common afresh when none are left. After two tasks that are
    alike, more of the kind change nothing but the count.
    """
    start = 0
    for end in range(1, len(columns) + 1):
        if end < len(columns) and set(columns[end]) == set(columns[start]):
            continue
        second, third = min(start + 1, end), min(start + 2, end)
        yield from (slice(*ends) for ends in ((start, second), (second, third), (third, end)) if ends[0] < ends[1])
        start = end


def batches(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    """`items` in lists of `size`, the last one shorter."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch
