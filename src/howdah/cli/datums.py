"""Commands on datums: what of its inputs the code of a pipeline sees at a time."""

from __future__ import annotations

from datetime import timedelta

import click

from howdah import documents
from howdah.cli import inputs, specifications
from howdah.cli.jobs import duration
from howdah.cli.lazy import Command
from howdah.cli.options import Store, with_output, with_store
from howdah.cli.output import Column, Output, size
from howdah.client import datums
from howdah.errors import Invalid
from howdah.infos import DatumInfo, DatumState
from howdah.names import Project, parse_job

_STATES = {state.name.lower(): state for state in DatumState}
_JOB = "PIPELINE@JOB"
_DIGITS = 64  # of an id


def _files(info: DatumInfo) -> str:
    return ", ".join(f"{each.file.commit.repo.name}:{each.file.path}" for each in info.files)


_COLUMNS: list[Column[DatumInfo]] = [
    ("DATUM", lambda info: info.id),
    ("SIZE", lambda info: size(sum(each.size for each in info.files))),
    ("FILES", _files),
]
_OF_JOB: list[Column[DatumInfo]] = [
    ("DATUM", lambda info: info.id),
    ("STATE", lambda info: info.state.name.lower()),
    ("TIME", lambda info: duration(timedelta(seconds=info.stats.process_time)) if info.stats.process_time else "-"),
    ("FILES", _files),
]
_DETAILS: list[Column[DatumInfo]] = [
    ("DATUM", lambda info: info.id),
    ("JOB", lambda info: "" if info.job is None else str(info.job)),
    ("STATE", lambda info: info.state.name.lower()),
    ("FILES", lambda info: "\n".join(f"{each.file} {size(each.size)}" for each in info.files)),
    ("DOWNLOADED", lambda info: _took(info.stats.download_bytes, info.stats.download_time)),
    ("RAN", lambda info: _took(None, info.stats.process_time)),
    ("UPLOADED", lambda info: _took(info.stats.upload_bytes, info.stats.upload_time)),
]


def _took(bytes: int | None, seconds: float) -> str:
    length = duration(timedelta(seconds=seconds)) if seconds else ""
    return length if bytes is None else f"{size(bytes)} in {length or '0s'}" if bytes or seconds else ""


@click.command(
    "list",
    cls=Command,
    examples=(
        "howdah list datum edges@3f1c7c8a9b2d4e5f8a7b6c5d4e3f2a1b --state failed",
        "howdah list datum -f edges.json",
    ),
)
@click.argument("job", metavar=f"[{_JOB}]", required=False)
@click.option("-f", "--file", metavar="FILE", help="A specification instead, JSON or YAML; - for stdin.")
@click.option("--state", "chosen", multiple=True, type=click.Choice([*_STATES]), help="Only in this state; repeatable.")
@click.option("-n", "--number", type=click.IntRange(min=0), default=0, help="At most this many; 0 stands for all.")
@with_store
@with_output
def list_(  # noqa: PLR0913 -- one for each option
    out: Output, store: Store, *, job: str | None, file: str | None, chosen: tuple[str, ...], number: int
) -> None:
    """List the datums of a job; or with -f those that a pipeline would have now, which need not be there.

    Of a specification only the input is looked at.
    """
    if (job is None) == (file is None):
        raise Invalid(f"name a job as {_JOB}, or a specification with -f", kind="not-specified")
    if job is not None:
        states = [_STATES[each] for each in chosen]
        found = datums.of_job(store.conn, parse_job(job, store.project), states=states, number=number)
        out.table(found, _OF_JOB)
        return
    if chosen:
        raise Invalid("datums of a specification have no states: name a job for --state", kind="not-specified")
    document = documents.parse_one(specifications.read_text(file or ""))
    given = document.get("input")
    if not isinstance(given, dict):
        raise Invalid("specification has no input, and so has no datums: give one as input", kind="bad-spec")
    project = Project(specifications.project(document) or store.project)
    out.table(datums.of_input(store.conn, inputs.placed(given, project), number=number), _COLUMNS)


@click.command(cls=Command, examples=("howdah inspect datum edges@3f1c7c8a9b2d4e5f8a7b6c5d4e3f2a1b 0a1b2c",))
@click.argument("job", metavar=_JOB)
@click.argument("datum", metavar="DATUM")
@with_store
@with_output
def inspect(out: Output, store: Store, job: str, datum: str) -> None:
    """Show a datum of a job; the beginning of its id will do where no other begins so."""
    named = parse_job(job, store.project)
    if len(datum) < _DIGITS:
        found = [info.id for info in datums.of_job(store.conn, named) if info.id.startswith(datum.lower())]
        if len(found) > 1:
            raise Invalid(f"datum ({datum}) is the beginning of {len(found)} ids: give more of it", kind="bad-name")
        datum = found[0] if found else datum
    out.record(datums.inspect(store.conn, named, datum), _DETAILS)


@click.command(cls=Command, examples=("howdah restart datum edges@3f1c7c8a9b2d4e5f8a7b6c5d4e3f2a1b /dog.png",))
@click.argument("job", metavar=_JOB)
@click.argument("files", metavar="[FILE]...", nargs=-1)
@with_store
def restart(store: Store, job: str, files: tuple[str, ...]) -> None:
    """Run datums of a job anew that are being run: those that have all of these files, by path or digest."""
    datums.restart(store.conn, parse_job(job, store.project), files)
