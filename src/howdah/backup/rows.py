"""Label Studio's rows on a PostgreSQL server, as files, and back. No program of PostgreSQL's is needed for it.

`schema.json` is a JSON object: `schema` (its name), `create` and `finish` (statements, to be run before and after the
rows are put in) and `tables`, a list of `[file, table, [column, ...]]`; the files hold the rows in the text format of
COPY. All of it is one moment: what one transaction sees. A thing that would change what the database does and is of a
kind that is not written down here (a view, a trigger, …) is refused, never left out; owners and grants are left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from psycopg.sql import SQL, Composed, Identifier, Literal

from howdah.backup import catalog
from howdah.errors import Corrupt, Unavailable, Unsupported, WrongState
from howdah.postgres import server
from howdah.postgres.address import Address

_SCHEMA = "schema.json"
_STEP = 1 << 20
# So that values are written, and read again, in one way on every server.
_SETTINGS = (
    "datestyle = ISO", "intervalstyle = postgres", "bytea_output = hex", "timezone = UTC", "row_security = off",
    "statement_timeout = 0", "lock_timeout = 0", "extra_float_digits = 1",
)  # fmt: skip
_Connection = psycopg.Connection[Any]


def dump(address: Address, folder: Path) -> list[Path]:
    """Write the database into the folder, which is made; returns the files."""
    folder.mkdir()
    with server.connect(address) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        try:
            _dump(connection, address, folder)
        except psycopg.Error as error:
            raise _failed(address, "read", error) from error
    return sorted(folder.iterdir())


def _dump(connection: _Connection, address: Address, folder: Path) -> None:
    schema = _settle(connection)
    foreign = _ask(connection, catalog.FOREIGN)
    if foreign:
        told = ", ".join(f"{kind} {name}" for kind, name in foreign[:5])
        raise Unsupported(f"database {address} holds what a backup would lose ({told}): drop it, or use pg_dump")
    create, finish = ([text for (text,) in _ask(connection, asked)] for asked in (catalog.CREATE, catalog.FINISH))
    tables = []
    for number, (table, columns) in enumerate(_ask(connection, catalog.TABLES), 1):
        file = folder / f"{number:04}.copy"
        with file.open("wb") as out, connection.cursor() as cursor, cursor.copy(_copy(table, columns, "TO")) as rows:
            for data in rows:
                out.write(data)
        tables.append([file.name, table, columns])
    finish += [_position(connection, name) for (name,) in _ask(connection, catalog.SEQUENCES)]
    whole = {"schema": schema, "create": create, "finish": finish, "tables": tables}
    (folder / _SCHEMA).write_text(json.dumps(whole, indent=1), "utf-8")


def check_empty(address: Address) -> None:
    """`WrongState` if there is anything in the database; other errors if it cannot be used."""
    server.check(address)
    with server.connect(address) as connection:
        _settle(connection)
        found = [name for name, _ in _ask(connection, catalog.TABLES)]
        found += [name for _, name in _ask(connection, catalog.FOREIGN)]
    if found:
        raise WrongState(
            f"database {address} is not empty (it has {found[0]}): create another with createdb, and name that one"
        )


def load(address: Address, folder: Path) -> None:
    """Put what `dump` has written into an empty database: whole, or nothing of it."""
    try:
        told = json.loads((folder / _SCHEMA).read_text("utf-8"))
        tables = [(str(file), str(table), [str(name) for name in columns]) for file, table, columns in told["tables"]]
        statements = [[str(text).encode() for text in told[part]] for part in ("create", "finish")]
        schema = str(told["schema"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Corrupt(f"the backup's database cannot be read ({error}): use another backup") from error
    check_empty(address)
    with server.connect(address) as connection:
        try:
            connection.execute(SQL("CREATE SCHEMA IF NOT EXISTS {}").format(Identifier(schema)))
            _settle(connection, schema)
            for statement in statements[0]:
                connection.execute(statement)
            for file, table, columns in tables:
                with connection.cursor() as cursor, cursor.copy(_copy(table, columns, "FROM")) as rows:
                    for data in _pieces(folder / Path(file).name):
                        rows.write(data)
            for statement in statements[1]:
                connection.execute(statement)
            connection.commit()
        except psycopg.Error as error:
            connection.rollback()
            raise _failed(address, "filled", error) from error


def _settle(connection: _Connection, schema: str = "") -> str:
    """Fix how values are written, and where names are looked for: in the one schema, whose name is returned."""
    for setting in _SETTINGS:
        connection.execute(f"SET LOCAL {setting}".encode())
    ((name,),) = _ask(connection, "SELECT current_schema()")
    name = schema or str(name)
    connection.execute(SQL("SET LOCAL search_path TO {}").format(Identifier(name)))
    return name


def _ask(connection: _Connection, asked: str) -> list[tuple[Any, ...]]:
    return connection.execute(asked.encode()).fetchall()


def _copy(table: str, columns: list[str], direction: str) -> Composed:
    way = SQL("TO STDOUT") if direction == "TO" else SQL("FROM STDIN")
    return SQL("COPY {} ({}) {}").format(Identifier(table), SQL(", ").join(map(Identifier, columns)), way)


def _position(connection: _Connection, name: str) -> str:
    """The statement that sets a sequence to where it is. It may be ahead of the rows, which only leaves a gap."""
    row = connection.execute(SQL("SELECT last_value, is_called FROM {}").format(Identifier(name))).fetchone()
    assert row is not None
    return (
        SQL("SELECT setval({}::regclass, {}, {})")
        .format(Literal(f'"{name}"'), Literal(row[0]), Literal(row[1]))
        .as_string(connection)
    )


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while data := file.read(_STEP):
            yield data


def _failed(address: Address, what: str, error: Exception) -> Unavailable:
    reason = " ".join(str(error).split())
    return Unavailable(f"database {address} cannot be {what} ({reason}): check its user's rights and its server's log")
