"""Labels that somebody has written by hand: whatever is odd about a task, an export is made or told why not."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from howdah import convert
from howdah.errors import HowdahError
from tests.convert.samples import CHOICES, PICTURES, SOUNDS, WORDS, box, choice, outline, span, stroke, task, transcript

pytestmark = pytest.mark.filterwarnings("default")  # what the converter warns of is not ours
JUNK = [None, 0, -1, 1.5, "", "x", [], {}, [1], {"a": 1}, True, "\ud800", 10**30]
TASKS = {
    PICTURES: ({"image": "a.png"}, (box(), outline(), stroke())),
    WORDS: ({"text": "Ann went"}, (span(0, 3, "PER"),)),
    SOUNDS: ({"audio": "a.wav"}, (transcript("x"),)),
    CHOICES: ({"text": "x"}, (choice("glad"),)),
}
ROUNDS = 30


def _places(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where there is something inside the value; of lists, at the beginning."""
    inside = value.items() if isinstance(value, dict) else enumerate(value[:5]) if isinstance(value, list) else ()
    for key, each in inside:
        yield (*above, key)
        yield from _places(each, (*above, key))


def _odd(made: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """The task with one thing taken away or another in its place."""
    made = copy.deepcopy(made)
    *above, last = chance.choice(list(_places(made)))
    inside: Any = made
    for key in above:
        inside = inside[key]
    if chance.random() < 0.25:
        del inside[last]
    else:
        inside[last] = chance.choice(JUNK)
    return made


@pytest.mark.parametrize("config", TASKS, ids=["pictures", "words", "sounds", "choices"])
def test_an_odd_task_is_exported_or_told(config: str, tmp_path: Path) -> None:
    data, results = TASKS[config]
    told: list[str] = []
    for seed in range(ROUNDS):
        labels = tmp_path / str(seed)
        labels.mkdir()
        odd = _odd(task(2, data, *results), random.Random(seed))
        for number, made in enumerate([task(1, data, *results), odd, task(3, data, *results)]):
            (labels / f"{number}.json").write_text(json.dumps(made))
        for format in convert.formats(None, labels, config):
            out = tmp_path / "out" / f"{seed}-{format}"
            try:
                convert.export(None, labels, convert.Options(format, config=config), convert.ToFolder(out))
            except HowdahError as error:
                told.append(f"{format}: {error.message}")
                assert not out.exists()
    # Of documents, the converter reads tasks by itself, and nobody knows which one it is at.
    assert [text for text in told if "task 2" not in text and not text.startswith("doclang")] == []
