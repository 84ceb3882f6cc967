"""`howdah serve`: run a store in the foreground."""

from __future__ import annotations

from pathlib import Path

import click

from howdah.cli.lazy import Command
from howdah.settings import DEFAULT_HOST, DEFAULT_STORE_PORT


@click.command(cls=Command, examples=("howdah serve --data ./howdah-data/store",))
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder that holds everything; made where it is missing.",
)
@click.option("--host", default=DEFAULT_HOST, show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=DEFAULT_STORE_PORT,
    show_default=True,
    help="Port to listen on; 0 takes a free one.",
)
@click.option(
    "--chunks-port",
    type=click.IntRange(0, 65535),
    help="Port for HTTP on which Pachyderm's client can fetch parts of files that it keeps; none without this.",
)
def serve(data: Path, host: str, port: int, chunks_port: int | None) -> None:
    """Run a store until Ctrl-C or SIGTERM. A line "ready grpc://HOST:PORT" tells when and where it answers."""
    # The server and all below it load only here: every other command is a client.
    from howdah.server.app import serve as serve_store  # noqa: PLC0415

    serve_store(data, host=host, port=port, announce=click.echo, chunks_port=chunks_port)
