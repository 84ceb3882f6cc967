"""What may happen once only happens once, also when two do it at the same moment; run on PostgreSQL as well."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from django.contrib.auth.models import Group
from django.db import connection, connections

from howdah.labelstudio import turns
from tests.labelstudio.conftest import eventually


def test_of_two_who_come_first_one_is() -> None:
    inside, second = threading.Event(), threading.Event()
    Group.objects.filter(name="first").delete()

    def come(number: int) -> bool:
        try:
            if number:
                assert inside.wait(60)
                second.set()
            with turns.accounts():
                is_first = not Group.objects.filter(name="first").exists()
                if not number:
                    inside.set()
                    assert second.wait(60)
                    if connection.vendor == "postgresql":
                        eventually(_somebody_waits, "the second one's waiting")
                if is_first:
                    Group.objects.create(name="first")
            return is_first
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as people:
        assert list(people.map(come, range(2))) == [True, False]


def _somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        return bool(cursor.fetchone()[0])


def test_the_tables_are_one_launchers_at_a_time() -> None:
    with turns.schema():
        pass
    with turns.schema(), connection.cursor() as cursor:
        cursor.execute("SELECT 1")
