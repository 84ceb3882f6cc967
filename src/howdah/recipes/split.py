"""Divides a folder of labels into folders for training, validating and testing.

Where a task goes follows from what it shows alone: the repos and paths of its files, not their commits. So it stays
where it is whatever is labeled, edited or added beside it, and tasks that show the same file are not torn apart.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from howdah.convert import tasks
from howdah.convert.labels import CONFIG, InFolder, folders
from howdah.errors import AlreadyExists, Invalid, unusable
from howdah.uris import find_uris

TRAIN, VALIDATION, TEST = "train", "validation", "test"
_BITS = 64


@dataclass(frozen=True, slots=True)
class Shares:
    """How much of all tasks is for testing and validating; another `seed` draws others."""

    test: float = 0.2
    validation: float = 0.0
    seed: str = ""

    def __post_init__(self) -> None:
        if min(self.test, self.validation) < 0 or not self.test + self.validation <= 1:
            raise Invalid("shares for testing and validating must be from 0 to 1, together too", kind="bad-share")

    def part(self, task: Mapping[str, Any]) -> str:
        """Where a task goes: to one of the parts, by SHA-256 of what it shows."""
        digest = hashlib.sha256(f"{self.seed}\0{shown(task)}".encode("utf-8", "surrogatepass")).digest()
        place = int.from_bytes(digest[: _BITS // 8], "big") / (1 << _BITS)
        if place < self.test:
            return TEST
        return VALIDATION if place < self.test + self.validation else TRAIN

    @property
    def parts(self) -> list[str]:
        """Those that there are."""
        return [TRAIN, *([VALIDATION] if self.validation else []), *([TEST] if self.test else [])]


def shown(task: Mapping[str, Any]) -> str:
    """What a task shows, whichever version: its files, or its data where it shows none."""
    found = sorted({f"{file.commit.repo}:{file.path}" for file in find_uris(task["data"])})
    return json.dumps(found or task["data"], sort_keys=True)


@dataclass(frozen=True, slots=True)
class Divided:
    """How many tasks went where, and what was left out."""

    counts: Mapping[str, int]
    notes: tuple[str, ...]


def divide(labels: Path, out: Path, shares: Shares) -> Divided:
    """Make a folder for each part in the folder `out`, missing or empty, with links to the tasks' files.

    They are below the same paths. Each part has the labeling configurations, so it is labels like those it was made of.
    """
    if out.exists() and any(out.iterdir()):
        raise AlreadyExists(f"folder {out} is not empty: choose another one", kind="not-empty")
    counts, notes = Counter(dict.fromkeys(shares.parts, 0)), list[str]()
    for folder in folders(labels):
        config = (folder / CONFIG).relative_to(labels)
        if (labels / config).exists():
            for part in shares.parts:
                _link(labels, config, out / part)
    for path, content in InFolder(labels).tasks():
        try:
            part = shares.part(tasks.read(content))
        except Invalid as error:
            notes.append(f"{path} is no task, left out: {error.message}")
            continue
        _link(labels, Path(path[1:]), out / part)
        counts[part] += 1
    return Divided(counts, tuple(notes))


def _link(labels: Path, path: Path, part: Path) -> None:
    place = part / path
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to((labels / path).absolute())
    except OSError as error:
        raise unusable(str(place), error) from error
