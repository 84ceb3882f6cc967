"""Commands on transactions. The active context remembers which one commands add their requests to."""

from __future__ import annotations

from dataclasses import replace

import click

from howdah.cli.lazy import Command
from howdah.cli.options import Store, current_edge, with_output, with_store
from howdah.cli.output import Column, Output
from howdah.client import config, transactions
from howdah.errors import WrongState
from howdah.infos import TransactionInfo


def _columns(out: Output) -> list[Column[TransactionInfo]]:
    return [
        ("TRANSACTION", lambda info: info.id),
        ("STARTED", lambda info: out.time(info.started)),
        ("REQUESTS", lambda info: ", ".join(kind.replace("_", " ") for kind in info.requests) or "-"),
    ]


@click.command(cls=Command, examples=("howdah start transaction",))
@with_store
def start(store: Store) -> None:
    """Start a transaction and print its id; until it is finished or stopped, commands add their requests to it."""
    if store.transaction:
        raise WrongState(f"transaction {store.transaction} is active: finish, stop or delete it first")
    _need_context()
    id = transactions.start(store.conn)
    _remember(id)
    click.echo(id)


@click.command(cls=Command, examples=("howdah stop transaction",))
def stop() -> None:
    """Add no more requests to the active transaction; it waits and can be resumed."""
    _need_context()
    _remember(None)


@click.command(cls=Command, examples=("howdah resume transaction 3f1c7c8a9b2d4e5f8a7b6c5d4e3f2a1b",))
@click.argument("id", metavar="TRANSACTION")
@with_store
def resume(store: Store, id: str) -> None:
    """Add the requests of commands to this transaction from now on."""
    _need_context()
    transactions.inspect(store.conn, id)
    _remember(id)


@click.command(cls=Command, examples=("howdah finish transaction",))
@click.argument("id", metavar="[TRANSACTION]", required=False)
@with_store
def finish(store: Store, id: str | None) -> None:
    """Carry out all requests of a transaction, the active one where none is named: all of them or none."""
    done = transactions.finish(store.conn, _chosen(store, id))
    _forget(store, done.id)
    click.echo(f"{done.id}: {len(done.requests)} requests carried out")


@click.command(cls=Command, examples=("howdah delete transaction",))
@click.argument("id", metavar="[TRANSACTION]", required=False)
@with_store
def delete(store: Store, id: str | None) -> None:
    """Forget a transaction, the active one where none is named, with its requests."""
    chosen = _chosen(store, id)
    transactions.delete(store.conn, chosen)
    _forget(store, chosen)


@click.command("list", cls=Command, examples=("howdah list transaction",))
@with_store
@with_output
def list_(out: Output, store: Store) -> None:
    """List the transactions that wait."""
    out.table(transactions.list(store.conn), _columns(out))


@click.command(cls=Command, examples=("howdah inspect transaction",))
@click.argument("id", metavar="[TRANSACTION]", required=False)
@with_store
@with_output
def inspect(out: Output, store: Store, id: str | None) -> None:
    """Show a transaction, the active one where none is named."""
    out.record(transactions.inspect(store.conn, _chosen(store, id)), _columns(out))


def _chosen(store: Store, id: str | None) -> str:
    found = id or store.transaction
    if not found:
        raise WrongState("no transaction is active: name one, or start one with `howdah start transaction`")
    return found


def _need_context() -> None:
    edge = current_edge()
    if edge.address or config.read(edge.config).active is None:
        raise WrongState(
            "no context is in use that could remember the transaction: add one with"
            " `howdah config set context NAME --address ADDRESS`, and use no other address beside it"
        )


def _forget(store: Store, id: str) -> None:
    if store.transaction == id:
        _remember(None)


def _remember(id: str | None) -> None:
    path = current_edge().config
    settings = config.read(path)
    if settings.active is not None:
        context = replace(settings.context(settings.active), active_transaction=id)
        config.write(path, settings.with_context(settings.active, context))
