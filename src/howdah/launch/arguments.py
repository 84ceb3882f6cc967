"""The launcher's command line, read before anything is installed and again in the virtual environment."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from howdah.errors import Invalid
from howdah.postgres import address
from howdah.settings import DATABASE, DEFAULT_HOST, DEFAULT_WEB_PORT, PASSWORD, USER_TOKEN, USERNAME

DATABASE_OPTION = "--database"
_MOST = 65535
_USUAL_PORTS = {"http": 80, "https": 443}
_PATH = re.compile(r"(/(?!\.\.?(/|$))[A-Za-z0-9._~-]+)*/?")


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked for."""

    data: Path
    host: str
    port: int
    browser: bool
    restart: bool
    bundle: Path | None = None
    store: str = "own"
    public_url: str = ""
    no_signup: bool = False
    exact_port: bool = False
    database: str = field(default="", repr=False)
    no_backup: bool = False


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= _MOST:
        raise argparse.ArgumentTypeError(f"{port} is not a port: 0 to {_MOST}")
    return port


def public_url(text: str) -> str:
    """A URL of a site or of a path on it, as browsers write it, without the slash at its end.

    `ArgumentTypeError` for anything else.
    """
    try:
        parts = urlsplit(text)
        name = _as_browsers_write(parts.hostname or "")
        well = parts.scheme in _USUAL_PORTS and bool(name) and parts.port != 0
    except ValueError:
        well = False
    if not well or parts.query or parts.fragment or "@" in parts.netloc or any(c.isspace() for c in text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a public URL, such as https://labels.example.com/label")
    if not _PATH.fullmatch(parts.path):
        raise argparse.ArgumentTypeError(f"the path of {text!r} must be of plain letters, digits and the signs . _ ~ -")
    port = "" if parts.port in {None, _USUAL_PORTS[parts.scheme]} else f":{parts.port}"
    return f"{parts.scheme}://{name}{port}{parts.path.rstrip('/')}"


def _as_browsers_write(name: str) -> str:
    """A host's name in the letters that a browser sends; `ValueError` where browsers do not agree on them."""
    if ":" in name:
        return f"[{name}]"
    plain = name.encode("idna")
    if not name.isascii() and plain.decode("idna") != name:
        raise ValueError(name)
    return plain.decode("ascii")


def database(text: str) -> str:
    """The option's value, if it is an address; `ArgumentTypeError` without its password if it is none."""
    try:
        address.parse(text)
    except Invalid as error:
        raise argparse.ArgumentTypeError(error.message) from None
    return text


def hidden(argv: list[str], environ: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """Command line and environment with the option moved from the former, which others can see, to the latter."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument(DATABASE_OPTION)
    found, rest = parser.parse_known_args(argv)
    return rest, {**environ, **({DATABASE.name: found.database} if found.database else {})}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="launch.py",
        description="Install Howdah (once) and run it: Label Studio on a versioned data store, behind one URL.",
        epilog="`launch.py test` runs the test suite; `launch.py bundle` makes a file to install from without network. "
        "For a first user without the sign-up page, "
        f"set {USERNAME.name}, {PASSWORD.name} and, for API use, {USER_TOKEN.name}.",
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=Path("howdah-data"),
        metavar="DIR",
        help="folder of everything that must survive (default: ./howdah-data)",
    )
    parser.add_argument(
        "--host", default=DEFAULT_HOST, help=f"address to answer on (default: {DEFAULT_HOST}, this machine only)"
    )
    parser.add_argument(
        "--port",
        type=_port,
        default=DEFAULT_WEB_PORT,
        help=f"port to answer on (default: {DEFAULT_WEB_PORT}); when it is busy, the next free one; 0: any free one",
    )
    parser.add_argument("--exact-port", action="store_true", help="when the port is busy, fail: no other one will do")
    parser.add_argument(
        "--public-url",
        type=public_url,
        metavar="URL",
        help="URL at which people reach this behind a reverse proxy, such as https://labels.example.com/label",
    )
    parser.add_argument("--no-browser", dest="browser", action="store_false", help="do not open a browser")
    parser.add_argument(
        "--restart", action="store_true", help="if an instance runs on this data folder, end it and take its place"
    )
    _add_admission(parser)
    return parser


def _add_admission(parser: argparse.ArgumentParser) -> None:
    """Options of who may come in, and of where things come from."""
    parser.add_argument(
        "--no-signup",
        action="store_true",
        help="close the sign-up page once the first user is there; invite links still work",
    )
    parser.add_argument(
        "--store",
        default="own",
        metavar="WHERE",
        help="store to label on: `own` (started here; the default), the address of another, or `context`: the one of "
        "the active context in ~/.pachyderm/config.json, own if there is none",
    )
    parser.add_argument(
        DATABASE_OPTION,
        type=database,
        metavar="URL",
        help="PostgreSQL database for Label Studio instead of SQLite: postgresql://USER:PASSWORD@HOST:PORT/NAME",
    )
    parser.add_argument(
        "--no-backup", action="store_true", help="after an update, go on without the backup that is made before"
    )
    parser.add_argument(
        "--bundle",
        type=Path,
        metavar="FILE",
        help="install from this file, made by `launch.py bundle`, instead of from the network",
    )


def parse(argv: list[str]) -> Options:
    """The options that `argv` tells; a mistake or `--help` ends the process, as command lines do."""
    found = _parser().parse_args(argv)
    return Options(
        data=found.data.expanduser().resolve(),
        host=found.host,
        port=found.port,
        browser=found.browser,
        restart=found.restart,
        store=found.store,
        bundle=found.bundle.expanduser().resolve() if found.bundle else None,
        public_url=found.public_url or "",
        no_signup=found.no_signup,
        exact_port=found.exact_port,
        database=found.database or "",
        no_backup=found.no_backup,
    )
