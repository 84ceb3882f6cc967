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
