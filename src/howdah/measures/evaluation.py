"""Predictions against labels: the figures of each control of a labeling configuration, and of each of its labels.

`metrics.json` has what is one number; what is one for each label is in `labels.csv`.
"""

from __future__ import annotations

import csv
import io
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from howdah.convert.labels import folders
from howdah.errors import AlreadyExists, Invalid
from howdah.measures import boxes, pairs, sets
from howdah.measures.boxes import Boxes, Seen
from howdah.measures.counts import Counts, rounded
from howdah.measures.pairs import Pair, Pairs, Region, Regions, Told
from howdah.measures.sets import Answer, Sets

METRICS = "metrics.json"
BY_LABEL = "labels.csv"
_HEAD = ("control", "label", "truths", "predictions", "precision", "recall", "f1", "ap50")
_CHOICES = {"choices", "taxonomy"}
_BOXES = "rectanglelabels"
_SPANS = "labels"

Metrics = dict[str, Any]
Row = tuple[str | float, ...]


@dataclass(slots=True)
class Evaluation:
    """The figures of all pairs that it was given."""

    boxes: dict[str, Boxes] = field(default_factory=lambda: defaultdict(Boxes))
    choices: dict[str, Sets] = field(default_factory=lambda: defaultdict(Sets))
    spans: dict[str, Sets] = field(default_factory=lambda: defaultdict(Sets))
    others: set[str] = field(default_factory=set)
    """Types of results that are not measured."""

    def add(self, pair: Pair) -> None:
        """Take one."""
        kinds: dict[str, dict[str, None]] = defaultdict(dict)
        for region in (*pair.truth.regions, *pair.guess.regions):
            kind, control = _kind(region), str(region.get("from_name") or "")
            if kind:
                kinds[kind][control] = None
            else:
                self.others.add(str(region.get("type")))
        for control in kinds[_BOXES]:
            self._add_boxes(control, pair)
        for control in kinds["choices"]:
            self.choices[control].add(
                _answers(pair.truth, control, sets.choices), _answers(pair.guess, control, sets.choices)
            )
        for control in kinds[_SPANS]:
            self.spans[control].add(
                _answers(pair.truth, control, sets.spans), _answers(pair.guess, control, sets.spans)
            )

    def _add_boxes(self, control: str, pair: Pair) -> None:
        truths, guesses = _seen(pair.truth, control), _seen(pair.guess, control)
        for shown in dict.fromkeys((*truths, *guesses)):
            self.boxes[control].add((pair.task, *shown), truths.get(shown, []), guesses.get(shown, []))

    def metrics(self) -> Metrics:
        """Of each control, by its name."""
        found: Metrics = {}
        for control, seen in sorted(self.boxes.items()):
            found.setdefault(control, {}).update(_of_boxes(seen))
        for control, given in sorted(self.choices.items()):
            found.setdefault(control, {}).update(_of_choices(given))
        for control, given in sorted(self.spans.items()):
            found.setdefault(control, {}).update(_of_counts(given.whole))
        return found

    def rows(self) -> Iterator[Row]:
        """Of each label of each control: what stands below `_HEAD`."""
        for control, seen in sorted(self.boxes.items()):
            for label in seen.labels:
                yield *_row(control, label, seen.counts(label)), rounded(seen.average_precision(label))
        for answers in (self.choices, self.spans):
            for control, given in sorted(answers.items()):
                for label in given.labels:
                    yield *_row(control, label, given.found[label]), ""


def _kind(region: Region) -> str:
    """How a result is measured; empty if it is not."""
    told = str(region.get("type"))
    if told == _BOXES and boxes.read(region, 1.0):
        return _BOXES
    if told in _CHOICES and sets.choices(region):
        return "choices"
    if told == _SPANS and sets.spans(region):
        return _SPANS
    return ""


def _answers(given: Regions, control: str, read: Callable[[Region], set[Answer]]) -> set[Answer]:
    return {answer for region in given.regions if region.get("from_name") == control for answer in read(region)}


def _seen(given: Regions, control: str) -> dict[tuple[Any, ...], list[Seen]]:
    """The boxes by the picture that they are in: a task may show several."""
    found: dict[tuple[Any, ...], list[Seen]] = {}
    for region in given.regions:
        if region.get("from_name") == control and region.get("type") == _BOXES:
            shown = (str(region.get("to_name")), str(region.get("item_index")))
            found.setdefault(shown, []).extend(boxes.read(region, given.score_of(region)))
    return found


def _of_boxes(seen: Boxes) -> Metrics:
    return {
        "mAP50": rounded(seen.mean_average_precision([boxes.HALF])),
        "mAP50-95": rounded(seen.mean_average_precision()),
        **_of_counts(sum(map(seen.counts, seen.labels), Counts())),
    }


def _of_choices(given: Sets) -> Metrics:
    """Precision, recall and F1 are means of the labels'."""
    means = {figure: rounded(given.mean(figure)) for figure in ("precision", "recall", "f1")}
    return {"accuracy": rounded(given.accuracy), **means, "tasks": given.tasks}


def _of_counts(counts: Counts) -> Metrics:
    figures = {figure: rounded(getattr(counts, figure)) for figure in ("precision", "recall", "f1")}
    return {**figures, "truths": counts.truths, "predictions": counts.predictions}


def _row(control: str, label: str, counts: Counts) -> Row:
    figures = (rounded(counts.precision), rounded(counts.recall), rounded(counts.f1))
    return (control, label, counts.truths, counts.predictions, *figures)


def evaluate(labels: Path, predictions: Path | None, out: Path) -> tuple[Metrics, list[str]]:
    """Write the figures of a folder of labels into a folder that is missing or empty; tells them, and what to note.

    Without `predictions`, a folder of files for what the tasks show, those that lie with the labels are measured. Where
    several folders are labels of their own, such as parts of a split, each has figures in a folder of its name.
    """
    notes: list[str] = []
    told = None if predictions is None else pairs.predictions(predictions, notes)
    found: Metrics = {}
    for folder in folders(labels):
        below = folder.relative_to(labels)
        metrics = _evaluate(folder, told, out / below, notes)
        if folder == labels:
            return metrics, notes
        found[below.as_posix()] = metrics
    return found, notes


def _evaluate(labels: Path, told: Told | None, out: Path, notes: list[str]) -> Metrics:
    given, evaluation = Pairs(labels, told), Evaluation()
    for pair in given.read():
        evaluation.add(pair)
    if not given.labeled and given.notes:
        raise Invalid(f"{labels} has no labels: {given.notes[0]}", kind="no-labels")
    tasks = {"labeled": given.labeled, "predicted": given.predicted}
    metrics = {"tasks": tasks, **evaluation.metrics()}
    _write(out / METRICS, json.dumps(metrics, indent=2, ensure_ascii=False) + "\n")
    _write(out / BY_LABEL, _table(evaluation.rows()))
    notes += given.notes
    if evaluation.others:
        notes.append(f"results of these types are not measured: {', '.join(sorted(evaluation.others))}")
    return metrics


def _table(rows: Iterable[Row]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([_HEAD, *rows])
    return text.getvalue()


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8", newline="") as file:
            file.write(text)
    except FileExistsError as error:
        raise AlreadyExists(f"{path} is there: choose another folder", kind="not-empty") from error
