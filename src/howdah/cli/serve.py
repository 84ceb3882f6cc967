"""`howdah serve`: run a store in the foreground."""

from __future__ import annotations

from pathlib import Path
from shutil import which

import click

from howdah.cli.lazy import Command
from howdah.settings import (
    DEFAULT_HOST,
    DEFAULT_STORE_PORT,
    ENGINE,
    ENGINES,
    URL_BYTES,
    URL_FOLDERS,
    URL_PUBLIC_ONLY,
    URL_SCHEMES,
    URL_SECONDS,
)


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
@click.option(
    "--url-scheme",
    "schemes",
    type=click.Choice(URL_SCHEMES.default.split()),
    multiple=True,
    envvar=URL_SCHEMES.name,
    help="Kind of URL that files may be put from and got to; given again for each. All of these without this.",
)
@click.option(
    "--url-folder",
    "folders",
    type=click.Path(path_type=Path),
    multiple=True,
    envvar=URL_FOLDERS.name,
    help="Folder of this machine that file:// URLs read from and write to; given again for each. None without this.",
)
@click.option(
    "--url-bytes",
    type=click.IntRange(0),
    default=int(URL_BYTES.default),
    envvar=URL_BYTES.name,
    show_default=True,
    help="The most that one URL may bring; 0 for any amount.",
)
@click.option(
    "--url-seconds",
    type=click.IntRange(0),
    default=int(URL_SECONDS.default),
    envvar=URL_SECONDS.name,
    show_default=True,
    help="How long one URL may take; 0 for any time.",
)
@click.option(
    "--url-public-only",
    is_flag=True,
    envvar=URL_PUBLIC_ONLY.name,
    help="Fetch http and https from public addresses only, not from this machine and its networks.",
)
@click.option(
    "--workers",
    type=click.IntRange(0, 1000),
    help="How many datums of pipelines to work on at once, 0 for none; without this as many as there are processors.",
)
@click.option(
    "--unfenced",
    is_flag=True,
    help="Run the code of pipelines without a fence, one datum at a time, where the kernel allows none.",
)
@click.option(
    "--engine",
    type=click.Choice(ENGINES),
    default=ENGINE.default,
    envvar=ENGINE.name,
    show_default=True,
    help="Container engine for code whose pipeline names an image; auto takes what answers first. With none, and where "
    "auto finds none, such code runs on the machine.",
)
def serve(  # noqa: PLR0913 -- one for each option
    *,
    data: Path,
    host: str,
    port: int,
    chunks_port: int | None,
    schemes: tuple[str, ...],
    folders: tuple[Path, ...],
    url_bytes: int,
    url_seconds: int,
    url_public_only: bool,
    workers: int | None,
    unfenced: bool,
    engine: str,
) -> None:
    """Run a store until Ctrl-C or SIGTERM. A line "ready grpc://HOST:PORT" tells when and where it answers."""
    # The server and all below it load only here: every other command is a client.
    from howdah.server.app import serve as serve_store  # noqa: PLC0415
    from howdah.server.rules import Rules  # noqa: PLC0415
    from howdah.server.workers import Workforce, processors  # noqa: PLC0415

    rules = Rules(
        schemes=frozenset(schemes or URL_SCHEMES.default.split()),
        folders=folders,
        most=url_bytes,
        seconds=url_seconds,
        is_public_only=url_public_only,
    )
    if engine in {"docker", "podman"} and which(engine) is None:
        raise click.UsageError(f"--engine: there is no {engine} on the path: install it, or name another engine")
    slots = processors() if workers is None else workers
    workforce = Workforce(min(slots, 1) if unfenced else slots, unfenced, engine)
    serve_store(
        data, host=host, port=port, announce=click.echo, chunks_port=chunks_port, rules=rules, workforce=workforce
    )
