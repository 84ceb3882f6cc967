"""`howdah fsck`: whether everything that is stored can be read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from howdah.cli.lazy import Command
from howdah.cli.options import Store, with_store
from howdah.cli.output import plain, print_document
from howdah.client import upkeep
from howdah.errors import Corrupt, NotFound


@click.command(cls=Command, examples=("howdah fsck", "howdah fsck --fix", "howdah fsck --data ./howdah-data"))
@click.option("--fix", is_flag=True, help="Repair what can be had again from what is there.")
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Check this data folder, which no store serves just now, instead of a running store.",
)
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", help="How to print.")
@with_store
def fsck(store: Store, fix: bool, data: Path | None, output: str) -> None:  # noqa: FBT001 -- click passes by name
    """Read everything that is stored, and name each fault and the files that suffer from it.

    With --fix the index is rebuilt from the packs, and wrong counts of files and bytes are set right. The exit code is
    9 if faults remain.
    """
    found: Iterable[tuple[str, bool]] = upkeep.fsck(store.conn, fix=fix) if data is None else _offline(data, fix=fix)
    faults = 0
    for text, is_fixed in found:
        faults += not is_fixed
        if output == "json":
            print_document({"fix" if is_fixed else "error": text})
        else:
            click.echo(f"{'fixed' if is_fixed else 'FAULT'}  {plain(text)}")
    if faults:
        raise click.exceptions.Exit(Corrupt.exit_code)
    if output != "json":
        click.echo("No faults.")


def _offline(data: Path, *, fix: bool) -> Iterator[tuple[str, bool]]:
    # As with serve: this works on the data itself, and only it loads what that takes.
    from howdah.pfs import check  # noqa: PLC0415
    from howdah.server.folder import open_store  # noqa: PLC0415

    folder = next((place for place in (data / "store", data) if (place / "rows.db").is_file()), None)
    if folder is None:
        raise NotFound(f"data folder {data} not found, or no store is in it: name another one")
    with open_store(folder) as opened:
        yield from check.fsck(opened, fix=fix)
