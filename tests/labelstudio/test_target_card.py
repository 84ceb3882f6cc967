"""What the card of a target tells, and which of its fields go together."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from howdah.labelstudio.models import PachydermExportStorage
from tests.labelstudio.conftest import Shelf, Site

CARDS = "/api/storages/export/pachyderm"


def test_a_card_tells_how_many_annotations_wait_and_the_last_commit(site: Site, shelf: Shelf) -> None:
    repo = shelf.repo()
    tasks = site.add_tasks(3)
    first = site.annotate(tasks[0])
    made = site.target(repo)
    assert (made["pending"], made["last_commit"]) == (1, "")

    synced = site.sync(made, target=True)
    assert (synced["pending"], synced["last_commit"]) == (0, shelf.history(repo)[0].commit.id)

    site.send("PATCH", f"/api/annotations/{first}", {"lead_time": 3.0})
    site.send("PATCH", f"/api/annotations/{first}", {"lead_time": 4.0})
    site.annotate(tasks[1])
    site.send("PATCH", f"/api/tasks/{tasks[1]}", {"meta": {"a": 1}})
    (card,) = site.get(f"{CARDS}?project={site.project.id}").json()
    assert (card["pending"], card["last_commit"]) == (2, synced["last_commit"])


def test_a_target_that_was_moved_waits_with_everything(site: Site, shelf: Shelf) -> None:
    target = site.target(shelf.repo())
    site.annotate(*site.add_tasks(1))
    site.sync(target, target=True)
    moved = site.send("PATCH", f"{CARDS}/{target['id']}", {"pach_repo": shelf.repo()})
    assert moved["pending"] == 1


def test_many_cards_cost_as_many_queries_as_one(site: Site, shelf: Shelf) -> None:
    site.annotate(*site.add_tasks(1))
    site.sync(site.target(shelf.repo()), target=True)
    site.target(shelf.repo())

    def queries() -> int:
        with CaptureQueriesContext(connection) as found:
            site.get(f"{CARDS}?project={site.project.id}")
        names = ("stagedchange", "exportrun", "task_completion")
        return sum(any(name in query["sql"] for name in names) for query in found)

    few = queries()
    for _ in range(4):
        site.target(shelf.repo())
    assert queries() == few


@pytest.mark.parametrize(
    ("fields", "stored"),
    [
        ({"commit_when": "sync", "every_minutes": "", "every_annotations": ""}, ("sync", None, None)),
        ({"commit_when": "every", "every_minutes": "5", "every_annotations": ""}, ("every", 5, None)),
        ({"commit_when": "every", "every_annotations": 10}, ("every", None, 10)),
        ({"commit_when": "each"}, ("each", None, None)),
    ],
)
def test_numbers_that_are_empty_are_none(site: Site, shelf: Shelf, fields: Any, stored: tuple[Any, ...]) -> None:
    made = site.target(shelf.repo(), **fields)
    assert (made["commit_when"], made["every_minutes"], made["every_annotations"]) == stored


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"commit_when": "every"}, "commit_when", "Give a number of minutes or of annotations"),
        ({"commit_when": "each", "every_minutes": 5}, "every_minutes", "Goes with the choice 'Every few minutes or"),
        ({"every_annotations": 5}, "every_annotations", "Goes with the choice 'Every few minutes or"),
        ({"commit_when": "every", "every_minutes": 0}, "every_minutes", "Must be 1 or more."),
        ({"commit_when": "every", "every_minutes": "often"}, "every_minutes", "A valid integer is required."),
        ({"commit_when": "never"}, "commit_when", '"never" is not a valid choice.'),
        ({"layout": "heap"}, "layout", '"heap" is not a valid choice.'),
    ],
)
def test_fields_that_do_not_go_together_are_refused_in_words(
    site: Site, shelf: Shelf, fields: Any, field: str, words: str
) -> None:
    body = site.fields(shelf.repo(), **fields)
    answer = site.send("POST", CARDS, body, expect=400)
    assert words in str(answer["validation_errors"][field])


def test_another_choice_lets_go_of_the_numbers(site: Site, shelf: Shelf) -> None:
    target = site.target(shelf.repo(), commit_when="every", every_minutes=5)
    path = f"{CARDS}/{target['id']}"
    assert site.send("PATCH", path, {"title": "another"})["every_minutes"] == 5
    assert site.send("PATCH", path, {"commit_when": "sync"})["every_minutes"] is None
    assert PachydermExportStorage.objects.get(pk=target["id"]).every_minutes is None
