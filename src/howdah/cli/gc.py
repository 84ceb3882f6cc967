"""`howdah gc`: give back the room of what no commit needs."""

from __future__ import annotations

import click

from howdah.cli.lazy import Command
from howdah.cli.options import Store, with_store
from howdah.cli.output import print_document, size
from howdah.client import upkeep


@click.command(cls=Command, examples=("howdah gc", "howdah gc -o json"))
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", help="How to print.")
@with_store
def gc(store: Store, output: str) -> None:
    """Remove the bytes that no commit needs from a running store of Howdah's.

    What deleted repos and dropped or squashed commits alone needed goes, as does what broken-off uploads left; many
    small packs become few. Everybody goes on working meanwhile.
    """
    done = upkeep.collect_garbage(store.conn)
    if output == "json":
        print_document(
            {
                "blobs": done.blobs,
                "packs_before": done.packs_before,
                "packs_after": done.packs_after,
                "freed_bytes": done.freed,
                "is_held": done.is_held,
            }
        )
        return
    freed = f"{size(done.freed)} freed" if done.freed >= 0 else f"{size(-done.freed)} more in use"
    click.echo(f"{freed}; {done.blobs} blobs removed; packs: {done.packs_before} before, {done.packs_after} after")
    if done.is_held:
        click.echo("A backup is being made: packs that could go were kept. Run this again when it is done.")
