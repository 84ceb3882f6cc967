"""Tasks as the host exports them: what of them is used here, and what makes a file one. Pure."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, NoReturn

from howdah.errors import Invalid
from howdah.names import File
from howdah.uris import find_uris, format_uri, parse_uri, replace_uris

Task = dict[str, Any]
_LARGE = re.compile(rb"\d{19}|\d[eE]\+?\d{3}")


def read(content: bytes) -> Task:
    """The task that a file holds; raises `Invalid`, with the reason only, where it holds none.

    What the converter takes for granted is looked at here, so that one odd file does not end an export.
    """
    try:
        # The converter reads numbers of 64 bits; who has none that are larger is read the quick way.
        whole, real = (_whole, _real) if _LARGE.search(content) else (None, None)
        task = json.loads(content, parse_constant=_refuse, parse_int=whole, parse_float=real)
    except (ValueError, RecursionError) as error:
        raise Invalid(f"no JSON: {error}", kind="no-task") from error
    reason = _fault(task)
    if reason:
        raise Invalid(reason, kind="no-task")
    found: Task = task
    return found


def _whole(text: str) -> int:
    number = int(text)
    return number if -(1 << 63) <= number < 1 << 63 else _refuse(text)


def _real(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse(text)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant[:30]} is no number of 64 bits")


def _fault(task: Any) -> str:
    """Why this is no task; empty if it is one."""
    if not isinstance(task, dict):
        return "not an object"
    if not isinstance(task.get("id"), int):
        return "no id"
    if not isinstance(task.get("data"), dict):
        return "no data"
    annotations = task.get("annotations")
    if not isinstance(annotations, list):
        return "no list of annotations"
    fault = next((text for text in map(_fault_of_annotation, annotations) if text), "")
    if not fault and len({type(each.get("created_at")) for each in annotations}) > 1:
        return "some annotations tell when they were made, and some do not"
    return fault


def _fault_of_annotation(annotation: Any) -> str:
    if not isinstance(annotation, dict):
        return "an annotation is not an object"
    result = annotation.get("result") or []
    if not isinstance(result, list) or not all(isinstance(region, dict) for region in result):
        return f"the result of annotation {annotation.get('id')} is not a list of objects"
    values = [region.get("value") for region in result if "from_name" in region]
    if not all(isinstance(value, dict) for value in values):
        return f"a value of annotation {annotation.get('id')} is not an object"
    if not all(_are_texts(value[key]) for value in values for key in value if key.endswith("labels")):
        return f"the labels of annotation {annotation.get('id')} are not a list of texts"
    return ""


def _are_texts(value: Any) -> bool:
    return value is None or isinstance(value, list) and all(isinstance(each, str) for each in value)


def counted(task: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The annotations that the converter takes: those that nobody skipped or cancelled."""
    return [each for each in task["annotations"] if not (each.get("skipped") or each.get("was_cancelled"))]


def texts(value: Any) -> Iterator[str]:
    """The strings that a value of a task's data is or lists."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        yield from (each for each in value if isinstance(each, str))


def address(text: str) -> str:
    """The one way to write an address; of what is no file of a store, the text itself."""
    file = parse_uri(text)
    return (_address(file) if file else "") or text


def addresses(data: Any) -> Iterator[str]:
    """The address of each file of a store that stands anywhere in a task's data."""
    yield from filter(None, map(_address, find_uris(data)))


def with_addresses(data: Any, names: Mapping[str, str]) -> Any:
    """The data with these addresses replaced."""
    return replace_uris(data, lambda text, file: names.get(_address(file), text))


def _address(file: File) -> str:
    """The one way to write the file's address; empty where its name has no UTF-8, which no file of a store has."""
    try:
        return format_uri(file)
    except UnicodeEncodeError:
        return ""


@dataclass(slots=True)
class Facts:
    """What is told of all tasks together."""

    tasks: int = 0
    annotations: int = 0
    drawn_earlier: int = 0
    """Annotations that were drawn on an older version of what the task shows now."""
    newest: datetime | None = None
    """When the last of the annotations was changed."""

    def add(self, task: Mapping[str, Any]) -> None:
        """Count a task."""
        self.tasks += 1
        annotations = counted(task)
        self.annotations += len(annotations)
        drawn = _howdah(task).get("drawn")
        if isinstance(drawn, dict):
            self.drawn_earlier += sum(str(each.get("id")) in drawn for each in annotations)
        for time in filter(None, (_time(each.get("updated_at")) for each in annotations)):
            self.newest = time if self.newest is None else max(self.newest, time)


def _howdah(task: Mapping[str, Any]) -> Mapping[str, Any]:
    meta = task.get("meta")
    found = meta.get("howdah") if isinstance(meta, dict) else None
    return found if isinstance(found, dict) else {}


def source(task: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a target's Sync noted of the file that the task shows: `repo`, `commit`, `path`, `digest`; or nothing."""
    found = _howdah(task).get("source")
    return found if isinstance(found, dict) else {}


def shown_version(task: Mapping[str, Any], file: File) -> str:
    """The digest of the content that the task shows of the file; empty where the task does not tell."""
    told = source(task)
    is_it = told.get("path") == file.path and told.get("repo") == str(file.commit.repo)
    return str(told.get("digest") or "") if is_it else ""


def _time(text: Any) -> datetime | None:
    try:
        time = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except (AttributeError, ValueError):
        return None
    return time.replace(tzinfo=timezone.utc) if time.tzinfo is None else time.astimezone(timezone.utc)
