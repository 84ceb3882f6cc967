"""Commands on secrets: words that the code of pipelines may have, and that no command shows again."""

from __future__ import annotations

import json

import click

from howdah import documents
from howdah.cli import specifications
from howdah.cli.lazy import Command
from howdah.cli.options import Store, with_output, with_store
from howdah.cli.output import Column, Output
from howdah.client import secrets
from howdah.infos import SecretInfo


def _columns(out: Output) -> list[Column[SecretInfo]]:
    return [
        ("SECRET", lambda info: info.name),
        ("TYPE", lambda info: info.type),
        ("CREATED", lambda info: out.time(info.created)),
    ]


@click.command(cls=Command, examples=("howdah create secret -f password.json",))
@click.option("-f", "--file", required=True, metavar="FILE", help="A secret as Kubernetes has it; - for stdin.")
@with_store
def create(store: Store, file: str) -> None:
    """Create a secret, which pipelines can name. FILE is JSON or YAML with metadata.name and stringData or data."""
    document = documents.parse_one(specifications.read_text(file))
    secrets.create(store.conn, json.dumps(document, ensure_ascii=False))


@click.command("list", cls=Command, examples=("howdah list secret",))
@with_store
@with_output
def list_(out: Output, store: Store) -> None:
    """List the secrets, without their values."""
    out.table(secrets.list(store.conn), _columns(out))


@click.command(cls=Command, examples=("howdah inspect secret password",))
@click.argument("secret", metavar="SECRET")
@with_store
@with_output
def inspect(out: Output, store: Store, secret: str) -> None:
    """Show a secret, without its values."""
    out.record(secrets.inspect(store.conn, secret), _columns(out))


@click.command(cls=Command, examples=("howdah delete secret password",))
@click.argument("secret", metavar="SECRET")
@with_store
def delete(store: Store, secret: str) -> None:
    """Delete a secret."""
    secrets.delete(store.conn, secret)
