"""Where Label Studio's rows are: in SQLite in the data folder, or in a database of a PostgreSQL server."""

from __future__ import annotations

from collections.abc import Mapping

from howdah import lastuse
from howdah.errors import WrongState
from howdah.launch.arguments import DATABASE_OPTION
from howdah.launch.paths import DataFolder
from howdah.postgres import address, server
from howdah.postgres.address import Address
from howdah.settings import DATABASE, DATABASE_PASSWORD_FILE

_SECRET = (DATABASE.name, DATABASE_PASSWORD_FILE.name)


def without(environ: Mapping[str, str]) -> dict[str, str]:
    """An environment for programs that have no business with the database."""
    return {name: value for name, value in environ.items() if name not in _SECRET}


def settings(database: Address | None) -> dict[str, str]:
    """What tells Label Studio where its database is."""
    return {DATABASE.name: database.url} if database else {}


def chosen(told: str, environ: Mapping[str, str], folder: DataFolder) -> Address | None:
    """The database that is meant, seen to be usable; None for SQLite. Raises a `HowdahError`.

    A folder whose Label Studio is elsewhere is refused: it would come up empty.
    """
    database = address.chosen(told, environ)
    last = lastuse.read(folder.root)
    if database is None:
        if last is not None and last.database:
            raise WrongState(
                f"data folder {folder.root} has its Label Studio in {last.database}: name that database with "
                f"{DATABASE_OPTION} or {DATABASE.name}"
            )
        return None
    rows = folder.root / lastuse.SQLITE
    if rows.exists():
        raise WrongState(
            f"data folder {folder.root} has its Label Studio in {rows}, and nothing would bring it into {database}: "
            f"leave {DATABASE_OPTION} out, choose another folder with --data, or move that file away to begin anew"
        )
    server.check(database)
    return database
