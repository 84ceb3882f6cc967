"""`howdah metrics`: how figures went from commit to commit."""

from __future__ import annotations

from fnmatch import fnmatchcase

import click

from howdah.cli.lazy import Command
from howdah.cli.options import Store, with_output, with_store
from howdah.cli.output import Output, print_document, print_table
from howdah.measures import metrics as measured
from howdah.measures.metrics import Value
from howdah.names import parse_branch

_NONE = "-"


@click.command(
    cls=Command,
    examples=(
        "howdah metrics labels-evaluate",
        'howdah metrics labels-evaluate -m "*.f1" -n 10',
        "howdah metrics model@staging --raw",
    ),
)
@click.argument("branch", metavar="REPO[@BRANCH]")
@click.option("-m", "--metric", "wanted", metavar="NAME", multiple=True, help="Only these; * stands for any text.")
@click.option("-n", "--number", type=click.IntRange(min=0), default=0, help="At most this many commits; 0: all.")
@with_store
@with_output
def metrics(out: Output, store: Store, branch: str, number: int, wanted: tuple[str, ...]) -> None:
    """List what the files metrics.json of a branch's commits tell, the newest commit first.

    A value is named by the folders, names and numbers that lead to it, with dots between: test.box.f1. JSON tells as
    well what a commit was made from: which labels, which model.
    """
    place = parse_branch(branch, store.project)
    rows = []
    for each in measured.history(store.conn, place, number):
        chosen = {name: value for name, value in each.metrics.items() if _is_wanted(name, wanted)}
        for fault in each.faults:
            click.echo(f"howdah: {fault}", err=True)
        if out.json:
            finished = None if each.finished is None else each.finished.isoformat().replace("+00:00", "Z")
            sources = [str(source) for source in each.made_from]
            print_document({"commit": each.commit.id, "finished": finished, "provenance": sources, "metrics": chosen})
        rows.append((each.commit.id, out.time(each.finished), chosen))
    if not rows:
        click.echo(f"howdah: no commit of {place} has a file {measured.FILE}", err=True)
    if not out.json:
        names = [*dict.fromkeys(name for _, _, chosen in rows for name in chosen)]
        lines = ([id, time, *(_text(chosen, name) for name in names)] for id, time, chosen in rows)
        print_table(["COMMIT", "FINISHED", *names], lines)


def _is_wanted(name: str, wanted: tuple[str, ...]) -> bool:
    return not wanted or any(fnmatchcase(name, pattern) for pattern in wanted)


def _text(metrics: dict[str, Value], name: str) -> str:
    value = metrics.get(name)
    if value is None:
        return _NONE
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.4g}" if isinstance(value, float) else str(value)
