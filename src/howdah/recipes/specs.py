"""Specifications of pipelines for labels, in the published form. Pure.

Inputs have the names `labels`, `source` and `predictions` whatever their repos are called, so commands are the same
for all of them. Each has one datum, since what is made of labels is made of all of them together.
"""

from __future__ import annotations

from dataclasses import dataclass

from howdah.documents import Document
from howdah.names import DEFAULT_BRANCH, DEFAULT_PROJECT, Branch, Project

LABELS, SOURCE, PREDICTIONS = "labels", "source", "predictions"
_OUT = "/pfs/out"


@dataclass(frozen=True, slots=True)
class Named:
    """How a pipeline is called, and where it is."""

    project: str
    name: str


def export(named: Named, format: str, labels: Branch, source: Branch | None = None) -> Document:
    """Labels in a format for training; with the files of `source` that the tasks show, where one is told."""
    command = ["howdah", "export", f"/pfs/{LABELS}", "--format", format]
    along = "" if source is None else f", with the files of {source.repo.name}"
    if source is not None:
        command += ["--media-from", f"/pfs/{SOURCE}"]
    inputs = [_input(named, LABELS, labels)]
    if source is not None:
        # What is labeled is told by the labels, so another version of the files alone changes nothing.
        inputs.append(_input(named, SOURCE, source, follow=False))
    about = f"{labels.repo.name} as {format.upper()}{along}"
    return _spec(named, about, [*command, "-o", _OUT], inputs)


def split(named: Named, labels: Branch, *, test: float, validation: float, seed: str) -> Document:
    """Labels divided into folders for training, validating and testing."""
    command = ["howdah", "split", f"/pfs/{LABELS}", "--test", f"{test:g}"]
    command += ["--validation", f"{validation:g}"] if validation else []
    command += ["--seed", seed] if seed else []
    about = f"{labels.repo.name} divided for training and testing, by what the tasks show"
    return _spec(named, about, [*command, "-o", _OUT], [_input(named, LABELS, labels)])


def evaluate(named: Named, labels: Branch, predictions: Branch | None = None) -> Document:
    """How good predictions are: those of a branch, or those that lie with the labels."""
    command, inputs = ["howdah", "evaluate", f"/pfs/{LABELS}"], [_input(named, LABELS, labels)]
    about = f"the predictions in {labels.repo.name} measured by its labels"
    if predictions is not None:
        command += ["--predictions", f"/pfs/{PREDICTIONS}"]
        inputs.append(_input(named, PREDICTIONS, predictions))
        about = f"{predictions.repo.name} measured by {labels.repo.name}"
    return _spec(named, about, [*command, "-o", _OUT], inputs)


def _spec(named: Named, description: str, command: list[str], inputs: list[Document]) -> Document:
    place = {} if named.project == DEFAULT_PROJECT else {"project": {"name": named.project}}
    return {
        "pipeline": {**place, "name": named.name},
        "description": description,
        "transform": {"cmd": command},
        "input": inputs[0] if len(inputs) == 1 else {"cross": inputs},
    }


def _input(named: Named, name: str, branch: Branch, *, follow: bool = True) -> Document:
    told: Document = {"name": name, "repo": branch.repo.name, "glob": "/"}
    if branch.repo.project != Project(named.project):
        told["project"] = branch.repo.project.name
    if branch.name != DEFAULT_BRANCH:
        told["branch"] = branch.name
    if not follow:
        told["propagation_spec"] = {"never": True}
    return {"pfs": told}
