"""Commands on datums: what of its inputs the code of a pipeline sees at a time."""

from __future__ import annotations

import click

from howdah import documents
from howdah.cli import inputs, specifications
from howdah.cli.lazy import Command
from howdah.cli.options import Store, with_output, with_store
from howdah.cli.output import Column, Output, size
from howdah.client import datums
from howdah.errors import Invalid
from howdah.infos import DatumInfo
from howdah.names import Project

_COLUMNS: list[Column[DatumInfo]] = [
    ("DATUM", lambda info: info.id),
    ("SIZE", lambda info: size(sum(each.size for each in info.files))),
    ("FILES", lambda info: ", ".join(f"{each.file.commit.repo.name}:{each.file.path}" for each in info.files)),
]


@click.command("list", cls=Command, examples=("howdah list datum -f edges.json",))
@click.option("-f", "--file", required=True, metavar="FILE", help="A specification, JSON or YAML; - for stdin.")
@click.option("-n", "--number", type=click.IntRange(min=0), default=0, help="At most this many; 0 stands for all.")
@with_store
@with_output
def list_(out: Output, store: Store, file: str, number: int) -> None:
    """List the datums that a pipeline would have now, which need not be there. Only its input is looked at."""
    document = documents.parse_one(specifications.read_text(file))
    given = document.get("input")
    if not isinstance(given, dict):
        raise Invalid("specification has no input, and so has no datums: give one as input", kind="bad-spec")
    project = Project(specifications.project(document) or store.project)
    out.table(datums.of_input(store.conn, inputs.placed(given, project), number=number), _COLUMNS)
