"""One after another, in all processes that share Label Studio's database, on however many machines.

SQLite has one writer, whose transactions begin by taking the database (see `howdah.labelstudio.settings`). PostgreSQL
keeps locks by number for those who agree on one; they end with the transaction or the connection, also by a crash.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

_ACCOUNTS, _SCHEMA = 0x686F7764_0001, 0x686F7764_0002


@contextmanager
def accounts() -> Iterator[None]:
    """A transaction in which nobody else makes an account: of two who come first, one is."""
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_ACCOUNTS])
        yield


@contextmanager
def schema() -> Iterator[None]:
    """While nobody else makes or migrates the tables of the database on PostgreSQL; a SQLite file is one launcher's."""
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [_SCHEMA])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_SCHEMA])
