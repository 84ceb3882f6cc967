"""`howdah version`."""

from __future__ import annotations

import click

from howdah import __version__
from howdah.cli.lazy import Command
from howdah.cli.options import Store, with_store
from howdah.cli.output import print_document, print_table
from howdah.client import cluster
from howdah.errors import HowdahError
from howdah.infos import Version

_HEADINGS = ["COMPONENT", "VERSION"]


@click.command(cls=Command, examples=("howdah version",))
@click.option("--client-only", is_flag=True, help="Ask no store.")
@click.option("--raw", is_flag=True, help="Print JSON.")
@with_store
def version(store: Store, *, client_only: bool, raw: bool) -> None:
    """Show this program's version and that of the interface that the store speaks."""
    answer = None if client_only else _ask(store)
    if raw:
        from howdah.wire.document import to_document  # noqa: PLC0415 -- every message and its JSON form

        document = {"howdah": __version__}
        print_document(document if answer is None else {**document, "store": to_document(answer)})
        return
    rows = [["howdah", __version__]]
    if answer is not None:
        rows.append([f"store at {store.conn.address}", str(answer)])
    print_table(_HEADINGS, rows)


def _ask(store: Store) -> Version:
    try:
        return cluster.version(store.conn)
    except HowdahError:
        # Our own version is worth knowing all the more when the store is in trouble.
        click.echo(f"howdah {__version__}", err=True)
        raise
