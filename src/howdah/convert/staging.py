"""Makes the converter's input: all tasks in one file, in the order of their ids, with what they show by its name.

Tasks are read once, in whatever order they come, and put by on the disk; in memory there is a line for each: where it
is, and what it shows.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import Any, BinaryIO

from howdah.convert import scratch, tasks
from howdah.convert.formats import Format, Shows
from howdah.convert.labels import Labels
from howdah.convert.names import Names
from howdah.convert.source import Source
from howdah.errors import Invalid, NotFound
from howdah.names import File
from howdah.uris import parse_uri

_SHOWN = 20
Tick = Callable[[], None]


@dataclass(frozen=True, slots=True)
class _Entry:
    """A task that is put by."""

    id: int
    path: str
    offset: int
    size: int
    shown: tuple[str, ...]
    """The addresses of what it shows."""


@dataclass(slots=True)
class Staging:
    """The tasks of one export."""

    format: Format
    key: str
    """Which value of a task's data is labeled."""
    local: Callable[[Path], str]
    """The address by which the converter finds a file of this machine."""
    spool: BinaryIO
    place: Path
    """Where the work is done."""
    source: Source | None = None
    """Where the media are, if they are to be those of a folder."""
    names: Names = field(default_factory=Names)
    facts: tasks.Facts = field(default_factory=tasks.Facts)
    _entries: list[_Entry] = field(default_factory=list)
    _faults: list[str] = field(default_factory=list)
    _left_out: Counter[str] = field(default_factory=Counter)

    def read(self, labels: Labels, tick: Tick) -> None:
        """Put the tasks by, and give names to what they show. A file that is no task is left out and told of."""
        for path, content in labels.tasks():
            tick()
            try:
                task = tasks.read(content)
            except Invalid as error:
                self._faults.append(f"{path} is no task, left out: {error.message}")
                continue
            reason = self._unfit(task)
            if reason:
                self._left_out[reason] += 1
                continue
            self.facts.add(task)
            with scratch.told(self.place):
                offset = self.spool.tell()
                self.spool.write(content)
            self._entries.append(_Entry(task["id"], path, offset, len(content), tuple(self._shown(task))))
        with scratch.told(self.place):
            self.spool.flush()
        self._entries.sort(key=attrgetter("id", "path"))
        for entry in self._entries:
            for address in entry.shown:
                self.names.of(address)

    def notes(self) -> Iterator[str]:
        """What is to be told of tasks that are not in the export as one might expect."""
        yield from self._faults[:_SHOWN]
        if len(self._faults) > _SHOWN:
            yield f"{len(self._faults) - _SHOWN} more files are no tasks, left out"
        for reason, count in sorted(self._left_out.items()):
            yield f"{count} task{'s' if count > 1 else ''} {reason}, left out"
        if self.facts.drawn_earlier:
            yield f"{self.facts.drawn_earlier} annotations were drawn on an older version of what their tasks show"

    def files(self) -> dict[str, File]:
        """The files of the store that the tasks show, by their names."""
        found = ((name, parse_uri(address)) for address, name in self.names)
        return {name: file for name, file in found if file is not None}

    def write(self, target: Path, media: Path, along: Container[str]) -> None:
        """Write the converter's input. What the tasks show lies in `media`, or will; names in `along` go along."""
        texts = self._texts(media, along)
        with scratch.told(self.place), target.open("w", encoding="utf-8") as out:
            out.write("[")
            for number, entry in enumerate(self._entries):
                self.spool.seek(entry.offset)
                task = json.loads(self.spool.read(entry.size))
                task["data"] = self._data(task["data"], media, texts)
                if self.format.shows is Shows.SOUND:
                    task["annotations"] = [each for each in task["annotations"] if _transcript(each)]
                out.write(("," if number else "") + "\n" + _written(task))
            out.write("\n]\n")

    def _unfit(self, task: tasks.Task) -> str:
        """Why this format can say nothing of the task; empty if it can."""
        if not self.format.takes_skipped and task["annotations"] and not tasks.counted(task):
            return "skipped by their annotators"
        if self.format.uses_one_value and not any(tasks.texts(task["data"].get(self.key))):
            return f"without {self.key}" if self.key else "that show nothing"
        if self.format.shows is Shows.SOUND and not any(map(_transcript, tasks.counted(task))):
            return "without a transcript"
        if self.source is not None and self.source.lacks(task, self._shown(task)):
            return f"showing files that {self.source} does not have in that version"
        return ""

    def _shown(self, task: tasks.Task) -> Iterator[str]:
        if self.format.shows is Shows.TEXT:
            yield from tasks.addresses(task["data"].get(self.key))
        elif self.format.uses_one_value:
            yield from map(tasks.address, tasks.texts(task["data"].get(self.key)))
        else:
            yield from tasks.addresses(task["data"])

    def _texts(self, media: Path, along: Container[str]) -> dict[str, str]:
        """What stands in the data for the address of a file that goes along."""
        found = ((address, name) for address, name in self.names if name in along)
        if self.format.shows is Shows.PAGES:
            return {address: self.local(media / name) for address, name in found}
        return {address: f"{self.format.folder}/{name}" for address, name in found}

    def _data(self, data: Any, media: Path, texts: Mapping[str, str]) -> Any:
        if self.format.shows is Shows.TEXT:
            return {**data, self.key: self._words(data[self.key], media)}
        if self.format.uses_one_value:
            return {self.key: _each(data[self.key], lambda text: self._value(tasks.address(text), media))}
        return tasks.with_addresses(data, texts) if texts else data

    def _value(self, address: str, media: Path) -> str:
        name = self.names.of(address)
        if self.format.shows is Shows.SOUND:
            return f"/data/upload/{name}"
        if self.format.shows is Shows.PICTURE_BY_PATH:
            # It passes over what does not end as a picture; `steady` takes this ending away again.
            return f"{self.format.folder}/{name}.png"
        return self.local(media / name)

    def _words(self, value: Any, media: Path) -> Any:
        if not isinstance(value, str) or parse_uri(value) is None:
            return value
        place = media / self.names.of(next(iter(tasks.addresses(value))))
        try:
            return place.read_text("utf-8", errors="replace")
        except FileNotFoundError as error:
            raise NotFound(f"text {value} was not fetched", kind="source-gone") from error


def _each(value: Any, change: Callable[[str], str]) -> Any:
    return change(value) if isinstance(value, str) else [change(each) for each in tasks.texts(value)]


def _transcript(annotation: dict[str, Any]) -> bool:
    """Whether a text was written down; the converter would take that of another task where none was."""
    result = annotation.get("result") or []
    return any((region.get("value") or {}).get("text") for region in result)


def _written(task: Any) -> str:
    text = json.dumps(task, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair has no UTF-8
        return json.dumps(task, separators=(",", ":"))
    return text
