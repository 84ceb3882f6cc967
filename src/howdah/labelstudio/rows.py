"""Many rows at once: what the host's models would write one by one, in few statements.

Django prepares every value of every row anew and puts few rows into a statement of SQLite. Here what all rows share
is prepared once. No signals are sent; the caller holds a transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Field, Model


class Ready(list[Any]):
    """Values of a column as the database takes them."""


def ready(model: type[Model], name: str, values: Iterable[Any]) -> Ready:
    """Prepare the values of a field before the transaction, for which others must wait, begins."""
    field, connection = model._meta.get_field(name), _connection()
    return Ready([field.get_db_prep_save(value, connection) for value in values])


def insert(like: Model, columns: Mapping[str, Sequence[Any]], *, keyed: bool = False) -> list[int]:
    """Insert rows that are like `like`, but for `columns` by field name; their keys, if `keyed`."""
    model, connection = type(like), _connection()
    count = len(next(iter(columns.values())))
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    names = [field.column for field in fields]
    values = [_prepared(field, like, columns.get(field.attname), count, connection) for field in fields]
    keys = _reserved(model, count, connection) if keyed else []
    if keyed:
        names.append(_key(model).column)
        values.append(keys)
    _write(model._meta.db_table, names, list(zip(*values, strict=True)), connection)
    return keys


def update(model: type[Model], keys: Sequence[int], columns: Mapping[str, Sequence[Any]]) -> None:
    """Set `columns`, by field name, of the rows with these keys, each to its own value."""
    if not keys:
        return
    connection = _connection()
    fields = [model._meta.get_field(name) for name in columns]
    values = [
        [field.get_db_prep_save(value, connection) for value in given]
        for field, given in zip(fields, columns.values(), strict=True)
    ]
    places = ", ".join(f"{connection.ops.quote_name(field.column)} = %s" for field in fields)
    table, key = connection.ops.quote_name(model._meta.db_table), connection.ops.quote_name(_key(model).column)
    with connection.cursor() as cursor:
        cursor.executemany(f"UPDATE {table} SET {places} WHERE {key} = %s", list(zip(*values, keys, strict=True)))  # noqa: S608  (names of columns)


def _write(table: str, names: Sequence[str], values: Sequence[Sequence[Any]], connection: BaseDatabaseWrapper) -> None:
    quote = connection.ops.quote_name
    columns = ", ".join(map(quote, names))
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with connection.wrap_database_errors, cursor.copy(f"COPY {quote(table)} ({columns}) FROM STDIN") as copy:
                for row in values:
                    copy.write_row(row)
            return
        places = ", ".join(["%s"] * len(names))
        cursor.executemany(f"INSERT INTO {quote(table)} ({columns}) VALUES ({places})", values)  # noqa: S608  (names of columns)


def _connection() -> BaseDatabaseWrapper:
    return connections["default"]


def _key(model: type[Model]) -> Any:
    return model._meta.pk


def _prepared(
    field: Field[Any, Any], like: Model, given: Sequence[Any] | None, count: int, connection: BaseDatabaseWrapper
) -> Sequence[Any]:
    if given is None:
        return [field.get_db_prep_save(field.pre_save(like, add=True), connection)] * count
    if isinstance(given, Ready):
        return given
    return [field.get_db_prep_save(value, connection) for value in given]


def _reserved(model: type[Model], count: int, connection: BaseDatabaseWrapper) -> list[int]:
    """Keys that no other row gets."""
    table, key = model._meta.db_table, _key(model).column
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            # The caller's transaction is the only one that writes; the database notes the highest key by itself.
            cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [table])
            found = cursor.fetchone()
            first = (found[0] if found else 0) + 1
            return list(range(first, first + count))
        query = "SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)"
        cursor.execute(query, [f'"{table}"', key, count])
        return [row[0] for row in cursor.fetchall()]
