"""The command that shows what pipelines print."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import click

from howdah.cli import progress
from howdah.cli.lazy import Command
from howdah.cli.options import Store, with_output, with_store
from howdah.cli.output import Column, Output
from howdah.client import logs as reading
from howdah.errors import Invalid
from howdah.infos import LogLine
from howdah.names import parse_job, parse_pipeline

_SHORT = 8  # digits of an id, which tell jobs and datums apart for people
_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
_LONGEST = 100 * 365 * 86400.0
_PART = r"([0-9]+(?:\.[0-9]+)?)([dhms])"


@click.command(
    cls=Command,
    examples=(
        "howdah logs -p edges",
        "howdah logs -j edges@3f1c7c8a9b2d4e5f8a7b6c5d4e3f2a1b -f",
        "howdah logs -p edges --inputs /liberty.png --since 7d",
    ),
)
@click.option("-p", "--pipeline", metavar="PIPELINE", help="Lines of this one.")
@click.option("-j", "--job", metavar="PIPELINE@JOB", help="Only lines of this job.")
@click.option("--datum", metavar="ID", default="", help="Only lines of this datum; how its id begins will do.")
@click.option(
    "--inputs", metavar="PATH", default="", help="Only lines of datums with these files; commas between several."
)
@click.option("--master", is_flag=True, help="What the pipeline's driver tells, not its code and workers.")
@click.option("-f", "--follow", is_flag=True, help="Go on with each new line, until Ctrl-C or the end of the job.")
@click.option("--since", metavar="LENGTH", help="How far back, like 10m or 7d. Default: 24h; a job's lines all.")
@click.option("-t", "--tail", type=click.IntRange(min=0), default=0, help="Only the last so many; 0 stands for all.")
@with_store
@with_output
def logs(  # noqa: PLR0913 -- one for each option
    out: Output,
    store: Store,
    *,
    pipeline: str | None,
    job: str | None,
    datum: str,
    inputs: str,
    master: bool,
    follow: bool,
    since: str | None,
    tail: int,
) -> None:
    """Print what the code of a pipeline has printed.

    The oldest line comes first, each with when it was printed, in which job and on which datum. Without a pipeline or a
    job it is the store's own log.
    """
    found = reading.read(
        store.conn,
        pipeline=None if pipeline is None else parse_pipeline(pipeline, store.project),
        job=None if job is None else parse_job(job, store.project),
        datum=datum,
        inputs=[each for each in inputs.split(",") if each],
        master=master,
        follow=follow,
        since=None if since is None else _length(since),
        tail=tail,
    )
    columns = _columns(out)
    if job is not None:
        del columns[1]
    elif pipeline is None:
        del columns[:-1]
    out.follow(found if follow else _noted(found), columns)


def _columns(out: Output) -> list[Column[LogLine]]:
    precision = "seconds" if out.now is not None else "microseconds"
    return [
        ("TIME", lambda line: "-" if line.time is None else line.time.isoformat(timespec=precision)[:-6] + "Z"),
        ("JOB", lambda line: line.job[:_SHORT] or "-"),
        ("DATUM", lambda line: line.datum[:_SHORT] or "-"),
        ("MESSAGE", lambda line: line.message.expandtabs()),
    ]


def _noted(lines: Iterator[LogLine]) -> Iterator[LogLine]:
    """The lines; that there are none, people are told beside them."""
    line = None
    for line in lines:
        yield line
    if line is None and progress.is_shown():
        click.echo(
            "howdah: no lines: --since tells how far back to look, --master shows what the driver does", err=True
        )


def _length(text: str) -> timedelta:
    if re.fullmatch(f"(?:{_PART})+", text) is None:
        raise Invalid(f"length of time ({text}) invalid: write it like 90s, 10m, 1h30m or 7d")
    seconds = sum(float(number) * _UNITS[unit] for number, unit in re.findall(_PART, text))
    return timedelta(seconds=min(seconds, _LONGEST))
