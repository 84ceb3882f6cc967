"""What may happen once only happens once, also when two do it at the same moment; run on PostgreSQL as well."""

from __future__ import annotations

import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from django.contrib.auth.models import Group
from django.db import connection, connections, transaction

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


def test_who_writes_all_the_time_leaves_others_their_turn() -> None:
    """Without turns some hundreds of its transactions pass before one save of somebody else."""
    written, ended = itertools.count(), threading.Event()
    saves = 10

    def write() -> None:
        try:
            while not ended.is_set():
                with transaction.atomic():
                    Group.objects.filter(name="busy").delete()
                    Group.objects.create(name="busy")
                    time.sleep(0.01)  # what a transaction of many rows takes
                next(written)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as writer:
        future = writer.submit(write)
        eventually(lambda: next(written) > 2, "the first transactions")
        before = next(written)
        for number in range(saves):
            Group.objects.filter(name=f"saved {number}").delete()
            Group.objects.create(name=f"saved {number}")
        passed = next(written) - before
        ended.set()
        future.result()
    assert passed < 10 * saves


def test_the_tables_are_one_launchers_at_a_time() -> None:
    with turns.schema():
        pass
    with turns.schema(), connection.cursor() as cursor:
        cursor.execute("SELECT 1")
