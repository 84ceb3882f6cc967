"""What a worker is told to do, and what it tells, as messages."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence

from howdah.infos import CommitInfo, DatumState, Stats
from howdah.names import Branch, Commit, File, Job
from howdah.pps import captures, effective, quantities, rows, standing
from howdah.pps.datums import DatumFile
from howdah.pps.machine import Run
from howdah.pps.results import Result
from howdah.pps.spec import ResourceSpec, Spec
from howdah.pps.working import Work
from howdah.wire import pfs
from howdah.wire import pps as wire
from howdah.wire.gen import work_pb2

REQUIREMENTS = "howdah.requirements"  # an annotation of a pipeline: Python packages, a line each


def task(work: Work, number: int, runs: Sequence[Run]) -> work_pb2.Order:
    """Work on these datums."""
    return work_pb2.Order(
        task=work_pb2.Task(
            number=number,
            job=wire.job_to_wire(work.job),
            output=pfs.commit_to_wire(work.output),
            spec_commit=work.spec_commit,
            code=_code(work.spec, work.secrets),
            datums=[_datum(work, run) for run in runs],
        )
    )


def stand(run: standing.Run, number: int) -> work_pb2.Order:
    """Run this code until it is killed."""
    job = run.job
    branch = run.spec.output_branch if run.spec.spout is not None else job.id
    inputs = [_input(run.planned.commits, each) for each in run.files()]
    return work_pb2.Order(
        task=work_pb2.Task(
            number=number,
            job=wire.job_to_wire(job),
            output=pfs.commit_to_wire(Commit(rows.repo(job.pipeline), branch)),
            spec_commit=run.spec_commit,
            code=_code(run.spec, run.secrets),
            datums=[work_pb2.Datum(serial=0, inputs=inputs)],
            stands=True,
        )
    )


def dismiss(number: int, why: str) -> work_pb2.Order:
    """End the code that was told to stand by this number."""
    return work_pb2.Order(dismiss=work_pb2.Dismiss(task=number, why=why))


def keep(specs: Iterable[Spec]) -> work_pb2.Order:
    """Remove what code of these specifications needs no more."""
    return work_pb2.Order(keep=work_pb2.Keep(requirements={_requirements(spec) for spec in specs} - {""}))


def kill(job: Job, serials: Sequence[int], why: str) -> work_pb2.Order:
    """End these runs of a job."""
    return work_pb2.Order(kill=work_pb2.Kill(job=wire.job_to_wire(job), serials=serials, why=why))


def results(told: work_pb2.Results) -> list[tuple[int, Result]]:
    """What a worker tells of datums, by serial; which ones they are is not told."""
    return [
        (
            each.serial,
            Result(
                b"",
                DatumState(each.state),
                each.why,
                Stats(each.download_time, each.process_time, each.upload_time, each.download_bytes, each.upload_bytes),
            ),
        )
        for each in told.results
    ]


def _datum(work: Work, run: Run) -> work_pb2.Datum:
    datum = work.plan[run.datum]
    inputs = [_input(work.inputs, each) for each in datum.files]
    for each in inputs:
        if each.digest in work.contents:
            each.content.append(work.contents[each.digest])
    return work_pb2.Datum(serial=run.serial, id=datum.id, inputs=inputs)


def _input(commits: Mapping[Branch, CommitInfo], file: DatumFile) -> work_pb2.Input:
    source = file.source
    commit = commits[source.source()].commit
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


def _requirements(spec: Spec) -> str:
    annotations = spec.metadata.annotations if spec.metadata is not None else {}
    return annotations.get(REQUIREMENTS, "")


def _code(spec: Spec, secrets: Mapping[str, bytes]) -> work_pb2.Code:
    transform = spec.transform
    assert transform is not None  # checked when the pipeline was created
    limits = spec.resource_limits or ResourceSpec()
    return work_pb2.Code(
        cmd=transform.cmd,
        stdin=transform.stdin,
        err_cmd=transform.err_cmd,
        err_stdin=transform.err_stdin,
        accept_return_code=transform.accept_return_code,
        env={**transform.env, **{name: secrets[name].decode("utf-8", "replace") for name in secrets if name[0] != "/"}},
        files={path: content for path, content in secrets.items() if path.startswith("/")},
        working_dir=transform.working_dir,
        requirements=_requirements(spec),
        seconds=spec.datum_timeout.total_seconds() if spec.datum_timeout is not None else 0.0,
        memory=quantities.read(limits.memory, "resource_limits.memory"),
        processors=-int(-limits.cpu // 1),
        disk=quantities.read(limits.disk, "resource_limits.disk"),
        batching=transform.datum_batching,
        image=transform.image if transform.image != effective.IMAGE else "",
        user=transform.user,
    )
