"""Commands on the configuration file: contexts, and which of them is active."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import click

from howdah.cli.lazy import Command
from howdah.cli.options import current_edge
from howdah.cli.output import print_document, print_table
from howdah.client import config
from howdah.client.config import Context
from howdah.errors import AlreadyExists, NotFound

_HIDDEN = "…"
_STDIN = "-"


@click.group("get")
def get() -> None:
    """Show a context, or the active one's name."""


@click.group("list")
def list_() -> None:
    """List the contexts."""


@click.group("set")
def set_() -> None:
    """Add or change a context, or choose the active one."""


@click.group("delete")
def delete() -> None:
    """Delete a context."""


@get.command("context", cls=Command, examples=("howdah config get context laptop",))
@click.argument("name")
@click.option("--show-token", is_flag=True, help="Print the session token, too.")
def get_context(name: str, *, show_token: bool) -> None:
    """Print a context as JSON."""
    print_document(_shown(config.read(current_edge().config), name, show_token=show_token))


@get.command("active-context", cls=Command, examples=("howdah config get active-context",))
def get_active_context() -> None:
    """Print the active context's name."""
    active = config.read(current_edge().config).active
    if active is None:
        raise NotFound("no context is active: `howdah config set active-context NAME` makes one so", kind="no-context")
    click.echo(active)


@list_.command("context", cls=Command, examples=("howdah config list context",))
@click.option("--raw", is_flag=True, help="Print JSON, one document a line.")
def list_context(*, raw: bool) -> None:
    """List the contexts; a star marks the active one."""
    settings = config.read(current_edge().config)
    if raw:
        for name in settings.contexts:
            document = _shown(settings, name, show_token=False)
            print_document({"name": name, "active": name == settings.active, "context": document})
        return
    rows = [
        ["*" if name == settings.active else "", name, context.address, context.project or ""]
        for name, context in settings.contexts.items()
    ]
    print_table(["ACTIVE", "NAME", "ADDRESS", "PROJECT"], rows)


@set_.command("context", cls=Command, examples=("howdah config set context laptop --address grpc://127.0.0.1:30650",))
@click.argument("name")
@click.option("--address", "--pachd-address", metavar="ADDRESS", required=True, help="grpc://HOST:PORT of the store.")
@click.option("--project", metavar="NAME", help="Project of names that tell none.")
@click.option("--token", metavar="TOKEN", help="Session token; - reads it from standard input.")
@click.option("--overwrite", is_flag=True, help="Replace a context of that name.")
def set_context(name: str, address: str, project: str | None, token: str | None, *, overwrite: bool) -> None:
    """Add a context. The first one becomes the active one."""
    path = current_edge().config
    settings = config.read(path)
    if name in settings.contexts and not overwrite:
        raise AlreadyExists(f"context {name} already exists: add --overwrite to replace it", kind="context-exists")
    secret = sys.stdin.readline().strip() if token == _STDIN else token
    settings = settings.with_context(name, Context(pachd_address=address, project=project, session_token=secret))
    if settings.active is None:
        settings = settings.with_active(name)
    config.write(path, settings)


@set_.command("active-context", cls=Command, examples=("howdah config set active-context laptop",))
@click.argument("name")
def set_active_context(name: str) -> None:
    """Choose the context that commands use."""
    path = current_edge().config
    config.write(path, config.read(path).with_active(name))


@delete.command("context", cls=Command, examples=("howdah config delete context laptop",))
@click.argument("name")
def delete_context(name: str) -> None:
    """Delete a context; the active one has to make way for another first."""
    path = current_edge().config
    config.write(path, config.read(path).without(name))


def _shown(settings: config.Config, name: str, *, show_token: bool) -> Mapping[str, Any]:
    settings.context(name)
    raw: dict[str, Any] = settings.document["v2"]["contexts"][name]
    return raw if show_token or not raw.get("session_token") else {**raw, "session_token": _HIDDEN}
