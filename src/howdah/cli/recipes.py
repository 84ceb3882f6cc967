"""`howdah pipeline add`: pipelines for labels, ready to use."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click

from howdah import convert
from howdah.cli.labels import with_shares
from howdah.cli.lazy import Command, LazyGroup
from howdah.cli.options import Store, with_store
from howdah.client import pipelines, repos
from howdah.documents import Document
from howdah.errors import AlreadyExists, Invalid, NotFound, Unsupported, WrongState
from howdah.names import Branch, Commit, File, check_name, parse_branch
from howdah.recipes import specs
from howdah.recipes.specs import Named

_FORMATS = {
    "coco": "Boxes, polygons and the like in pictures as COCO: result.json, and images with --source.",
    "csv": "Labels of any kind as a table: result.csv.",
    "voc": "Boxes in pictures as Pascal VOC: a file of XML for each picture.",
    "yolo": "Boxes in pictures as YOLO: a file of text for each picture, and classes.txt.",
}
_REMEDIES = {
    "labels": "name the repo of the labels with --labels; a target storage of Label Studio makes it when it syncs",
    "source": "name the repo of the files that the tasks show with --source",
    "predictions": "name the repo of the predictions with --predictions",
}


@dataclass(frozen=True, slots=True)
class _Making:
    """The pipeline that a command makes, and how."""

    store: Store
    named: Named
    labels: Branch
    update: bool
    show: bool

    def branch(self, text: str | None) -> Branch | None:
        """What an option names."""
        return None if text is None else parse_branch(text, self.store.project)

    def make(self, spec: Document, **inputs: Branch | None) -> None:
        """Create the pipeline, or show its specification; `inputs` are what options named besides the labels."""
        if self.show:
            click.echo(json.dumps(spec, indent=2, ensure_ascii=False))
            return
        for option, branch in {"labels": self.labels, **inputs}.items():
            if branch is not None:
                self._check(option, branch)
        name = self.named.name
        try:
            text = json.dumps(spec, ensure_ascii=False)
            # A specification that says something else makes something else of the same labels.
            pipelines.create(self.store.conn, text, update=self.update, reprocess=self.update)
        except AlreadyExists as error:
            raise AlreadyExists(
                f"{error.message}: choose another name with --name, or change that one with --update", kind=error.kind
            ) from error
        click.echo(f"{name}: {spec['description']}; a commit for each one of {self.labels}")

    def _check(self, option: str, branch: Branch) -> None:
        try:
            repos.inspect(self.store.conn, branch.repo)
        except NotFound as error:
            raise NotFound(f"{error.message}: {_REMEDIES[option]}", kind=error.kind) from error


def _recipe(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options that all of them have, and pass what they say as first argument."""

    @click.option(
        "--labels",
        metavar="REPO[@BRANCH]",
        default="labels",
        show_default=True,
        help="What a target storage of Label Studio writes, or a pipeline that divides that.",
    )
    @click.option("--name", metavar="NAME", help="Of the pipeline and its repo. Default: that of the labels and -KIND.")
    @click.option("--update", is_flag=True, help="Change the pipeline where there is one, and make all of it anew.")
    @click.option("--show", is_flag=True, help="Only print the specification, as `create pipeline -f` takes it.")
    @with_store
    @functools.wraps(function)
    def call(store: Store, *, labels: str, name: str | None, update: bool, show: bool, **words: Any) -> None:
        place = parse_branch(labels, store.project)
        kind = click.get_current_context().info_name
        named = Named(store.project, check_name(name or f"{place.repo.name}-{kind}"))
        function(_Making(store, named, place, update, show), **words)

    return call


@click.group(cls=LazyGroup, entries={})
def add() -> None:
    """Create a pipeline for labels, ready to use, of one of these kinds."""


def _with_format(format: str, help: str) -> click.Command:
    @click.option("--source", metavar="REPO[@BRANCH]", help="With the files of this repo that the tasks show.")
    @_recipe
    def command(making: _Making, source: str | None) -> None:
        found = making.branch(source)
        if not making.show:
            _check_fits(making, format)
        making.make(specs.export(making.named, format, making.labels, found), source=found)

    words = f"howdah pipeline add {format}"
    examples = (f"{words} --labels labels --source images", f"{words} --show")
    return click.command(format, cls=Command, help=help, examples=examples)(command)


def _check_fits(making: _Making, format: str) -> None:
    """Refuse labels that this format says nothing of; as far as the converter is here, and labels are there."""
    head = File(Commit(making.labels.repo, making.labels.name), "/")
    try:
        fitting = convert.formats(making.store.conn, head)
    except (NotFound, WrongState, Unsupported):
        return
    if format not in fitting:
        raise Invalid(
            f"{format} does not fit the labeling configuration of {making.labels}: choose one of"
            f" {', '.join(each for each in fitting if each in _FORMATS)}",
            kind="bad-format",
        )


for _format, _help in _FORMATS.items():
    add.add_command(_with_format(_format, _help))


@add.command(
    cls=Command,
    examples=(
        "howdah pipeline add split --labels labels --test 0.1",
        "howdah pipeline add split --labels labels --validation 0.1 --update",
    ),
)
@with_shares
@_recipe
def split(making: _Making, test: float, validation: float, seed: str) -> None:
    """Labels divided for training and testing: folders train and test, each labels again.

    Where a task goes follows from what it shows, and stays so.
    """
    if test + validation > 1:
        raise Invalid("--test and --validation together are more than all tasks: choose smaller shares")
    making.make(specs.split(making.named, making.labels, test=test, validation=validation, seed=seed))


@add.command(
    cls=Command,
    examples=(
        "howdah pipeline add evaluate --labels labels --predictions predictions",
        "howdah pipeline add evaluate --labels labels",
    ),
)
@click.option(
    "--predictions", metavar="REPO[@BRANCH]", help="What a model writes. Default: the predictions within the labels."
)
@_recipe
def evaluate(making: _Making, predictions: str | None) -> None:
    """Figures of how good predictions are: metrics.json, which `howdah metrics` lists, and labels.csv."""
    found = making.branch(predictions)
    making.make(specs.evaluate(making.named, making.labels, found), predictions=found)
