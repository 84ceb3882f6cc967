"""Commands on folders of labels, as pipelines run them: divide them, and measure predictions by them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import click

from howdah.cli.lazy import Command

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_OUT = click.option(
    "-o",
    "--output",
    metavar="FOLDER",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder to write into.",
)


def with_shares(function: click.decorators.FC) -> click.decorators.FC:
    """Add the options that tell how labels are divided."""
    seed = click.option("--seed", metavar="TEXT", default="", help="Any text; another one draws other tasks.")
    validation = click.option(
        "--validation",
        metavar="SHARE",
        type=click.FloatRange(0, 1),
        default=0.0,
        help="How much is for validating. Default: nothing, and no such folder.",
    )
    test = click.option(
        "--test",
        metavar="SHARE",
        type=click.FloatRange(0, 1),
        default=0.2,
        help="How much of all tasks is for testing. Default: 0.2.",
    )
    return test(validation(seed(function)))


@click.command(
    cls=Command,
    examples=("howdah split ./labels -o parts", "howdah split ./labels --test 0.1 --validation 0.1 -o parts"),
)
@click.argument("labels", metavar="FOLDER", type=_FOLDER)
@with_shares
@_OUT
def split(labels: Path, output: Path, test: float, validation: float, seed: str) -> None:
    """Divide a folder of labels into folders train, validation and test, of links to the tasks' files.

    Where a task goes follows from the repos and paths of what it shows: it stays there whatever is labeled, edited or
    added beside it.
    """
    from howdah.recipes.split import Shares, divide  # noqa: PLC0415 -- what reads labels

    done = divide(labels, output, Shares(test, validation, seed))
    _note(done.notes)
    click.echo(f"{output}: {', '.join(f'{count} {part}' for part, count in done.counts.items())}")


@click.command(
    cls=Command,
    examples=(
        "howdah evaluate ./labels --predictions ./predictions -o figures",
        "howdah evaluate ./labels -o figures",
    ),
)
@click.argument("labels", metavar="FOLDER", type=_FOLDER)
@click.option(
    "--predictions",
    metavar="FOLDER",
    type=_FOLDER,
    help="Files of predictions, as a source reads them. Default: those within the labels.",
)
@_OUT
def evaluate(labels: Path, predictions: Path | None, output: Path) -> None:
    """Measure predictions by a folder of labels: metrics.json, and labels.csv with the figures of each label.

    Choices: accuracy, and the means of the labels' precision, recall and F1. Boxes: mAP at an overlap of 0.5, and as
    COCO has it; precision, recall and F1 at 0.5. Parts of texts: precision, recall and F1 of exact ones. Labeled tasks
    without a prediction are counted and not measured. Folders that are labels of their own, such as parts of a split,
    are measured each.
    """
    from howdah.measures.evaluation import evaluate  # noqa: PLC0415 -- what reads labels

    metrics, notes = evaluate(labels, predictions, output)
    _note(notes)
    click.echo(json.dumps(metrics, indent=2, ensure_ascii=False))


def _note(notes: Iterable[str]) -> None:
    for note in notes:
        click.echo(f"howdah: {note}", err=True)
