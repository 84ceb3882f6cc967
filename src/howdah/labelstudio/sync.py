"""What a source Sync does about each file: decisions only, no database, no network.

The listing of a commit is compared with what is known from earlier Syncs. New files are added; a file whose content
changed, or which is gone, is told apart here and left as it is by today's caller.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

from howdah.errors import Invalid
from howdah.infos import FileInfo, FileType

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Plan:
    """The files of one batch by what is to be done about them, in listing order."""

    add: tuple[FileInfo, ...] = ()
    changed: tuple[FileInfo, ...] = ()
    same: tuple[FileInfo, ...] = ()


@dataclass(frozen=True, slots=True)
class Selection:
    """Which of the listed files count: a regular expression on the path, sub-folders or not."""

    folder: str = "/"
    recursive: bool = True
    pattern: re.Pattern[str] | None = field(default=None)

    def __contains__(self, info: object) -> bool:
        if not isinstance(info, FileInfo) or info.type is not FileType.FILE:
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


def plan(listed: Iterable[FileInfo], known: Mapping[str, str]) -> Plan:
    """Compare `listed` with the digests known by path. An empty digest is of a link whose content nobody noted."""
    add, changed, same = [], [], []
    for info in listed:
        digest = known.get(info.file.path)
        if digest is None:
            add.append(info)
        elif digest in ("", info.digest.hex()):
            same.append(info)
        else:
            changed.append(info)
    return Plan(tuple(add), tuple(changed), tuple(same))


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
