"""Lines on their way to the store."""

from __future__ import annotations

import threading

from howdah.wire.gen import pps_pb2, work_pb2
from howdah.worker.lines import Lines, TaskLog


def _of(lines: Lines, job: str) -> TaskLog:
    return TaskLog(lines, pps_pb2.Job(id=job))


def _texts(said: list[work_pb2.Said]) -> list[tuple[str, str]]:
    return [(each.datum, line) for each in said for line in each.lines]


def test_what_is_over_soon_is_told_with_its_results_and_nothing_else_is() -> None:
    lines = Lines("token")
    one, other = _of(lines, "1"), _of(lines, "2")
    one.say("a", "begins")
    other.say("b", "begins")
    one.print("a", ["x", "y"])

    results = work_pb2.Results()
    one.mark(results)

    assert _texts([*results.said]) == [("a", "begins"), ("a", "x"), ("a", "y")]
    assert [each.user for each in results.said] == [False, True]
    assert results.told == 0
    told = next(lines.told())
    assert (told.job.id, told.token, told.worker) == ("2", "token", results.worker)
    assert _texts([*told.said]) == [("b", "begins")]


def test_results_say_how_much_was_told_before() -> None:
    lines = Lines("token")
    logs = [_of(lines, f"{number}") for number in range(3)]
    telling = lines.told()
    for log in logs:
        log.say("a", "one")
    assert [next(telling).job.id for _ in logs] == ["0", "1", "2"]
    logs[0].say("a", "two")
    results = work_pb2.Results()
    logs[0].mark(results)
    assert (results.told, _texts([*results.said])) == (3, [("a", "two")])
    again = work_pb2.Results()
    logs[0].mark(again)
    assert (again.told, [*again.said]) == (3, [])


def test_what_results_did_not_bring_is_told_otherwise() -> None:
    lines = Lines("token")
    log = _of(lines, "1")
    log.say("a", "begins")
    log.print("a", ["x"])
    results = work_pb2.Results()
    log.mark(results)
    log.give_back(results)
    again = work_pb2.Results()
    log.mark(again)
    assert _texts([*again.said]) == [("a", "begins"), ("a", "x")]


def test_code_that_prints_faster_than_lines_are_told_waits() -> None:
    lines = Lines("token")
    log = _of(lines, "1")
    printed = 0

    def work() -> None:
        nonlocal printed
        for _ in range(50):
            log.print("a", ["x" * 100_000])
            printed += 1

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(0.5)
    assert printed < 15
    telling = lines.told()
    found = 0
    while found < 50:
        found += len(next(telling).said)
    thread.join(60)
    assert printed == found == 50
