"""Options that many commands share, as decorators: which store, how to print."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import click

from howdah.cli.edge import Edge
from howdah.cli.output import Output
from howdah.client import channel
from howdah.client.channel import Connection
from howdah.errors import NotFound
from howdah.names import DEFAULT_PROJECT
from howdah.settings import ADDRESS


@dataclass(frozen=True, slots=True)
class Store:
    """The store that a command speaks to, and the project in which it looks up names that tell none."""

    conn: Connection
    project: str
    transaction: str = ""
    """The active transaction, to which requests that can wait are added."""


def with_store(function: Callable[..., None]) -> Callable[..., None]:
    """Add --address and --project, and pass the store they choose as first argument; it is closed at the end."""

    @click.option(
        "--address",
        metavar="ADDRESS",
        help="Store to use, as grpc://HOST:PORT. Default: $HOWDAH_ADDRESS, then the active context.",
    )
    @click.option("--project", metavar="NAME", help="Project of names that tell none. Default: the context's project.")
    @functools.wraps(function)
    def call(*args: Any, address: str | None, project: str | None, **kwargs: Any) -> None:
        edge = current_edge()
        store = _choose(edge, address or edge.address, project)
        with store.conn:
            function(store, *args, **kwargs)

    return call


def with_output(function: Callable[..., None]) -> Callable[..., None]:
    """Add --raw, -o and --full-timestamps, and pass the output they choose as first argument."""

    @click.option("--raw", is_flag=True, help="Print JSON, one document a line; the same as -o json.")
    @click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", help="How to print.")
    @click.option("--full-timestamps", is_flag=True, help="Print times as RFC 3339 instead of ages.")
    @functools.wraps(function)
    def call(*args: Any, raw: bool, output: str, full_timestamps: bool, **kwargs: Any) -> None:
        now = None if full_timestamps else datetime.now(timezone.utc)
        function(Output(json=raw or output == "json", now=now), *args, **kwargs)

    return call


def current_edge() -> Edge:
    """What the command that runs took from its surroundings."""
    edge = click.get_current_context().find_object(Edge)
    if edge is None:
        raise RuntimeError("commands run below the root command")
    return edge


def _choose(edge: Edge, address: str | None, project: str | None) -> Store:
    if address is not None:
        # A context's token is for the context's own address; it goes nowhere else.
        return Store(channel.connect(address), project or DEFAULT_PROJECT)
    from howdah.client import config  # noqa: PLC0415 -- only where no address is told

    settings = config.read(edge.config)
    if settings.active is None and settings.chosen:
        raise NotFound(  # never another store than the one that was meant
            f"context {settings.chosen}, the active one, is not in {edge.config}: "
            "choose another with `howdah config set active-context NAME`",
            kind="no-context",
        )
    if settings.active is None:
        return Store(channel.connect(ADDRESS.default), project or DEFAULT_PROJECT)
    context = settings.context(settings.active)
    conn = channel.connect(
        context.address,
        token=context.session_token,
        root_certificates=context.root_certificates,
        transaction=context.active_transaction,
    )
    return Store(conn, project or context.project or DEFAULT_PROJECT, context.active_transaction or "")
