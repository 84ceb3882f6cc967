"""A job in the hands of one driver after the other."""

from __future__ import annotations

from pathlib import Path

from howdah.pps import machine, working
from tests.pps.stores import EDGES, create, document, newest, pipeline_store, put


def test_no_run_has_the_number_of_one_that_was_given_out_before_the_job_was_taken_up_again(tmp_path: Path) -> None:
    with pipeline_store(tmp_path / "data") as store:
        put(store, "/2.png")
        create(store, document())
        job = newest(store, EDGES)
        taken = working.take_up(store, job)
        working.begin(store, taken, (taken.run, taken.stats))
        first, _ = machine.step(taken.run, machine.Slots(2))

        second, _ = machine.step(working.take_up(store, job).run, machine.Slots(2))

        assert len(first.running) == len(second.running) == 2
        assert not {*first.running} & {*second.running}


def test_small_files_of_a_small_job_are_told_with_its_datums(tmp_path: Path) -> None:
    with pipeline_store(tmp_path / "data") as store:
        put(store, "/small.png", b"few")
        put(store, "/large.png", b"many" * 10_000)
        create(store, document())

        taken = working.take_up(store, newest(store, EDGES))

        files = [file for datum in taken.plan for file in datum.files]
        told = {file.path: taken.contents.get(file.digest) for file in files}
        assert (told["/small.png"], told["/large.png"]) == (b"few", None)


def test_files_of_many_datums_are_asked_for_one_after_the_other(tmp_path: Path) -> None:
    with pipeline_store(tmp_path / "data") as store:
        for number in range(10):
            put(store, f"/{number}.png")
        create(store, document())

        assert working.take_up(store, newest(store, EDGES)).contents == {}
