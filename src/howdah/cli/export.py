"""`howdah export`: labels of a commit in another format."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from howdah import convert
from howdah.cli import progress
from howdah.cli.lazy import Command
from howdah.cli.options import Store, with_store
from howdah.errors import Invalid, Unavailable
from howdah.names import File, parse_branch, parse_commit, parse_file

_ZIP = ".zip"


@click.command(
    cls=Command,
    examples=(
        "howdah export labels@master --format coco -o coco.zip --media",
        "howdah export labels@4c1f0ad2f7e94a5f8f3d2f6a1f0e9b7c --format yolo -o dataset",
        "howdah export labels@master:/cats --format csv --to exports@master",
        "howdah export ./labels --format voc -o dataset",
    ),
)
@click.argument("labels", metavar="REPO@COMMIT[:FOLDER]|FOLDER")
@click.option("--format", required=True, metavar="FORMAT", help="Such as coco, yolo, voc, csv, json, conll2003.")
@click.option("-o", "--output", metavar="PATH", help="Folder to write, missing or empty; or a file that ends in .zip.")
@click.option("--to", metavar="REPO@BRANCH[:FOLDER]", help="Write a commit of this branch instead.")
@click.option("--media", is_flag=True, help="With the files that the tasks show.")
@click.option(
    "--media-from",
    "source",
    metavar="FOLDER",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="With links to those files in a folder of this machine that has them as their repo does.",
)
@click.option(
    "--config",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The labeling configuration. Default: .howdah/labeling.xml beside the labels.",
)
@with_store
def export(  # noqa: PLR0913 -- one for each option
    store: Store,
    labels: str,
    *,
    format: str,
    output: str | None,
    to: str | None,
    media: bool,
    source: Path | None,
    config: Path | None,
) -> None:
    """Write the labels of a commit in a format for training, by Label Studio's own converter.

    Which formats there are depends on the labeling configuration; a wrong one is answered with those that fit. The same
    commit gives the same bytes.

    A FOLDER of this machine begins with / or a dot. Where it holds the labels of several projects, each in a folder
    with a configuration, each is exported to a folder of the same name.
    """
    config_text = None if config is None else _read(config)
    options = convert.Options(format, media=media or source is not None, config=config_text, source=source)
    for place, destination in _ways(store, labels, output, to):
        with _bar() as told:
            report = convert.export(store.conn, place, options, destination, told)
        for note in report.notes:
            click.echo(f"howdah: {note}", err=True)
        click.echo(f"{destination.path if isinstance(destination, convert.ToFolder) else to or output}: {report}")


def _ways(
    store: Store, labels: str, output: str | None, to: str | None
) -> Iterator[tuple[File | Path, convert.Destination]]:
    """What is exported, and where to."""
    destination = _destination(store, labels, output, to)
    if not is_folder(labels):
        yield parse_file(labels, store.project), destination
    elif not isinstance(destination, convert.ToFolder):
        yield Path(labels), destination
    else:
        for folder in convert.folders(Path(labels)):
            yield folder, convert.ToFolder(destination.path / folder.relative_to(labels))


def is_folder(text: str) -> bool:
    """Whether this names a folder of this machine, which no name of a repo looks like."""
    return text.startswith(("/", "."))


def _destination(store: Store, labels: str, output: str | None, to: str | None) -> convert.Destination:
    if (output is None) == (to is None):
        raise click.UsageError("tell either -o PATH or --to REPO@BRANCH")
    if output is not None:
        return convert.ToZip(Path(output)) if output.lower().endswith(_ZIP) else convert.ToFolder(Path(output))
    branch, _, folder = (to or "").partition(":")
    target = parse_branch(branch, store.project)
    if not is_folder(labels) and target.repo == parse_commit(labels.partition(":")[0], store.project).repo:
        raise Invalid(f"repo {target.repo} holds the labels: write the export to a repo of its own", kind="same-repo")
    return convert.ToCommit(store.conn, target, folder or "/")


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Unavailable(f"labeling configuration {path} cannot be read: {error}", kind="unreadable") from error


@contextmanager
def _bar() -> Iterator[convert.Progress]:
    """A bar on standard error for each part of the work; only on a terminal."""
    if not progress.is_shown():
        yield lambda what, done, total: None
        return
    from tqdm import tqdm  # noqa: PLC0415 -- only where it is seen

    with tqdm(leave=False) as bar:

        def told(what: str, done: int, total: int) -> None:
            if bar.desc != f"{what}: ":
                bar.reset()
                bar.set_description(what)
            bar.total = total or None
            bar.update(done - bar.n)

        yield told
