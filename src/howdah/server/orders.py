"""What a worker is told to do, as messages."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence

from howdah.names import File
from howdah.pps import captures, quantities
from howdah.pps.datums import DatumFile
from howdah.pps.machine import Run
from howdah.pps.spec import ResourceSpec, Spec
from howdah.pps.working import Work
from howdah.wire import pfs
from howdah.wire import pps as wire
from howdah.wire.gen import work_pb2

REQUIREMENTS = "howdah.requirements"  # an annotation of a pipeline: Python packages, a line each


def task(work: Work, number: int, runs: Sequence[Run], secrets: Mapping[str, str]) -> work_pb2.Order:
    """Work on these datums, with these variables of the environment besides the pipeline's own."""
    return work_pb2.Order(
        task=work_pb2.Task(
            number=number,
            job=wire.job_to_wire(work.job),
            output=pfs.commit_to_wire(work.output),
            spec_commit=work.spec_commit,
            code=_code(work.spec, secrets),
            datums=[_datum(work, run) for run in runs],
        )
    )


def kill(work: Work, serials: Sequence[int], why: str) -> work_pb2.Order:
    """End these runs."""
    return work_pb2.Order(kill=work_pb2.Kill(job=wire.job_to_wire(work.job), serials=serials, why=why))


def _datum(work: Work, run: Run) -> work_pb2.Datum:
    datum = work.plan[run.datum]
    return work_pb2.Datum(serial=run.serial, id=datum.id, inputs=[_input(work, each) for each in datum.files])


def _input(work: Work, file: DatumFile) -> work_pb2.Input:
    source = file.source
    commit = work.inputs[source.source()].commit
    return work_pb2.Input(
        name=source.name,
        file=pfs.file_to_wire(File(commit, file.path)),
        digest=file.digest,
        lazy=source.lazy,
        empty=source.empty_files,
        join_on=_expander(source.glob, source.join_on)(file.path),
        group_by=_expander(source.glob, source.group_by)(file.path),
    )


@functools.lru_cache(1000)
def _expander(glob: str, template: str) -> Callable[[str], str]:
    return captures.expander(glob, template)


def _code(spec: Spec, secrets: Mapping[str, str]) -> work_pb2.Code:
    transform = spec.transform
    assert transform is not None  # checked when the pipeline was created
    limits = spec.resource_limits or ResourceSpec()
    annotations = spec.metadata.annotations if spec.metadata is not None else {}
    return work_pb2.Code(
        cmd=transform.cmd,
        stdin=transform.stdin,
        err_cmd=transform.err_cmd,
        err_stdin=transform.err_stdin,
        accept_return_code=transform.accept_return_code,
        env={**transform.env, **secrets},
        working_dir=transform.working_dir,
        requirements=annotations.get(REQUIREMENTS, ""),
        seconds=spec.datum_timeout.total_seconds() if spec.datum_timeout is not None else 0.0,
        memory=quantities.read(limits.memory, "resource_limits.memory"),
        processors=-int(-limits.cpu // 1),
        disk=quantities.read(limits.disk, "resource_limits.disk"),
        batching=transform.datum_batching,
    )
