"""`howdah backup` and `howdah restore`: a whole data folder into one file and back."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from tqdm import tqdm

from howdah.cli.lazy import Command
from howdah.cli.options import current_edge
from howdah.client import config
from howdah.settings import ADDRESS, DATABASE

_FILE = click.Path(dir_okay=False, path_type=Path)
_data = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("howdah-data"),
    show_default=True,
    help="The data folder, as given to launch.py.",
)
_database = click.option(
    "--database",
    metavar="URL",
    default="",
    help=f"PostgreSQL database of Label Studio, as given to launch.py. Default: ${DATABASE.name}.",
)


@click.command(cls=Command, examples=("howdah backup howdah-2026-11-20.tar",))
@click.argument("file", type=_FILE)
@_data
@_database
@click.option(
    "--address",
    metavar="ADDRESS",
    help="Store that serves the folder. Default: the launcher's, then $HOWDAH_ADDRESS, then the active context.",
)
def backup(file: Path, data: Path, database: str, address: str | None) -> None:
    """Copy a whole data folder into one file, while it is in use.

    Repos, labels, accounts and uploads, as of one moment; nobody needs to stop working. Where Label Studio is on
    PostgreSQL, its database is copied too. The store is asked only where it holds its rows for itself, as on a network
    file system.
    """
    # As with serve: this command works on the data itself, and only it loads what that takes.
    from howdah.backup.make import Source, make, running_store  # noqa: PLC0415

    edge = current_edge()
    store = address or running_store(data) or edge.address or _active(edge.config)
    source = Source(data, edge.database(database), store)
    with _bar("backup") as progress:
        size = make(source, file, progress=progress)
    click.echo(f"{file}: {size / (1 << 20):.1f} MiB")


@click.command(cls=Command, examples=("howdah restore howdah-2026-11-20.tar --data ./restored",))
@click.argument("file", type=_FILE)
@_data
@_database
def restore(file: Path, data: Path, database: str) -> None:
    """Make a data folder of a backup.

    The folder must be missing or empty, and so must the database be, where Label Studio was on PostgreSQL. Every file
    is checked; it comes back whole or not at all.
    """
    from howdah.backup.restore import restore as make  # noqa: PLC0415

    with _bar("restore") as progress:
        count = make(file, data, database=current_edge().database(database), progress=progress)
    click.echo(f"{data}: {count} files restored; start it with: python3 launch.py --data {data}")


def _active(path: Path) -> str:
    """The address of the active context, or the usual one."""
    contexts = config.read(path)
    return contexts.context(contexts.active).address if contexts.active else ADDRESS.default


@contextmanager
def _bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on a terminal's standard error; nothing elsewhere."""
    with tqdm(desc=what, unit="B", unit_scale=True, disable=not sys.stderr.isatty(), leave=False) as bar:

        def told(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield told
