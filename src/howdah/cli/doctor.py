"""`howdah doctor`: what is missing, in plain words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from howdah import filesystems
from howdah.cli.lazy import Command
from howdah.cli.options import current_edge
from howdah.cli.output import plain, print_document
from howdah.client import config
from howdah.errors import HowdahError
from howdah.settings import ADDRESS, DATABASE

if TYPE_CHECKING:
    from howdah.doctor.finding import Finding

_MARKS = {"good": "ok     ", "warning": "warning", "failure": "FAILED "}


@click.command(cls=Command, examples=("howdah doctor", "howdah doctor --data /srv/howdah -o json"))
@click.option(
    "--data",
    type=click.Path(path_type=Path),  # whatever it is: the doctor tells what is wrong with it
    default=Path("howdah-data"),
    show_default=True,
    help="The data folder, as given to launch.py.",
)
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", help="How to print.")
def doctor(data: Path, output: str) -> None:
    """Look at this machine and a data folder, and say what is missing.

    Each line is good, a warning or a failure, the latter two with what to do about it. The exit code is 1 if anything
    failed.
    """
    failed = False
    for finding in _findings(data):
        failed = failed or finding.state.value == "failure"
        if output == "json":
            fields = {"check": finding.check, "state": finding.state.value, "told": finding.told}
            print_document({**fields, "remedy": finding.remedy} if finding.remedy else fields)
        else:
            click.echo(f"{_MARKS[finding.state.value]}  {finding.check}: {plain(finding.told)}")
            if finding.remedy:
                click.echo(f"{'':9}  -> {plain(finding.remedy)}")
    if failed:
        raise click.exceptions.Exit(1)


def _findings(data: Path) -> Iterator[Finding]:
    # As with serve and backup: what looks at the data itself is loaded by this command alone.
    from howdah.doctor import folder, machine, services  # noqa: PLC0415
    from howdah.doctor.finding import Finding, State  # noqa: PLC0415

    edge = current_edge()
    settings = config.read(edge.config)
    active = settings.context(settings.active).address if settings.active else ADDRESS.default
    yield from machine.examine(edge.engine)
    try:
        database = edge.database()
    except HowdahError as error:
        database = None
        yield Finding("database", State.FAILURE, error.message, f"correct {DATABASE.name}")
    yield from folder.examine(data, filesystems.read_mounts(), database)
    yield from services.examine(data, edge.address or active)
