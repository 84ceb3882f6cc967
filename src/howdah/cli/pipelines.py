"""Commands on pipelines."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Sequence
from typing import Any

import click

from howdah import documents
from howdah.cli import specifications
from howdah.cli.draw_graph import states
from howdah.cli.inputs import below, member, shorthand
from howdah.cli.lazy import Command
from howdah.cli.options import Store, with_output, with_store
from howdah.cli.output import Column, Output, print_document, short
from howdah.client import pipelines, transactions
from howdah.client.channel import Connection
from howdah.documents import Document
from howdah.errors import HowdahError, Invalid
from howdah.infos import PipelineInfo, PipelineState
from howdah.names import DEFAULT_PROJECT, Pipeline, Project, check_project_name, parse_pipeline

_STATES = {state.name.removeprefix("PIPELINE_").lower(): state for state in PipelineState if state}
_WHOLE = "{}"


def _spec(info: PipelineInfo) -> Document:
    told: Document = json.loads(info.effective)
    return told


def _input(info: PipelineInfo) -> str:
    return shorthand(below(_spec(info), "input"), info.pipeline.project)


def _description(info: PipelineInfo) -> str:
    return member(_spec(info), "description") or ""


def _columns(out: Output) -> list[Column[PipelineInfo]]:
    return [
        ("PROJECT", lambda info: info.pipeline.project.name),
        ("PIPELINE", lambda info: info.pipeline.name),
        ("VERSION", lambda info: str(info.version)),
        ("INPUT", lambda info: short(_input(info))),
        ("CREATED", lambda info: out.time(info.created)),
        ("STATE / LAST JOB", states),
        ("DESCRIPTION", lambda info: short(_description(info))),
    ]


def _details(out: Output) -> list[Column[PipelineInfo]]:
    return [
        *_columns(out)[:3],
        ("INPUT", _input),
        *_columns(out)[4:-1],
        ("DESCRIPTION", _description),
        ("REASON", lambda info: info.reason),
        ("STOPPED", lambda info: "yes" if info.stopped else ""),
        ("TYPE", lambda info: info.type.name.lower()),
        ("UPDATED", lambda info: out.time(info.updated)),
        ("COMMAND", lambda info: _command(_spec(info))),
        ("STANDARD INPUT", lambda info: "\n".join(_transform(_spec(info), "stdin") or ())),
        ("IMAGE", lambda info: _transform(_spec(info), "image") or ""),
        ("AT ONCE", lambda info: str(member(below(_spec(info), "parallelism_spec"), "constant") or "")),
        ("TRIES", lambda info: str(member(_spec(info), "datum_tries") or "")),
        ("DATUM TIMEOUT", lambda info: member(_spec(info), "datum_timeout") or ""),
        ("JOB TIMEOUT", lambda info: member(_spec(info), "job_timeout") or ""),
        ("OUTPUT BRANCH", lambda info: member(_spec(info), "output_branch") or ""),
        ("METADATA", lambda info: ", ".join(f"{key}={value}" for key, value in info.metadata.items())),
    ]


def _transform(spec: Document, name: str) -> Any:
    return member(below(spec, "transform"), name)


def _command(spec: Document) -> str:
    return json.dumps(_transform(spec, "cmd") or [], ensure_ascii=False)


def _with_specifications(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options that name specifications, and --dry-run, and pass what they say as `told`."""

    @click.option("-f", "--file", metavar="FILE", help="JSON or YAML, of one pipeline or several; - for stdin.")
    @click.option("--jsonnet", metavar="FILE", help="A template: a function of jsonnet, which the store renders.")
    @click.option("--arg", "arguments", metavar="KEY=VALUE", multiple=True, help="For the template; repeatable.")
    @click.option("--dry-run", is_flag=True, help="Only check, and print each with all defaults as JSON.")
    @with_store
    @functools.wraps(function)
    def call(store: Store, *, file: str | None, jsonnet: str | None, arguments: tuple[str, ...], **words: Any) -> None:
        function(store, specifications.read(store, file, jsonnet, arguments), **words)

    return call


@click.command(
    cls=Command,
    examples=(
        "howdah create pipeline -f edges.json",
        "howdah create pipeline -f pipelines.yaml --dry-run",
        "howdah create pipeline --jsonnet edges.jsonnet --arg repo=images",
    ),
)
@_with_specifications
def create(store: Store, told: list[Document], *, dry_run: bool) -> None:
    """Create pipelines by specifications: all of them or none.

    They may stand in any order. Where one tells no project, it is the command's.
    """
    _apply(store, told, dry_run=dry_run)


@click.command(
    cls=Command, examples=("howdah update pipeline -f edges.json", "howdah update pipeline -f edges.json --reprocess")
)
@click.option("--reprocess", is_flag=True, help="Work on all datums anew, not on the changed ones alone.")
@_with_specifications
def update(store: Store, told: list[Document], *, reprocess: bool, dry_run: bool) -> None:
    """Give pipelines their next version by specifications; those that are not there are created.

    What was made of datums that have not changed stays, also where the code has changed, but with --reprocess.
    """
    _apply(store, told, update=True, reprocess=reprocess, dry_run=dry_run)


def _apply(
    store: Store, told: Sequence[Document], *, dry_run: bool, update: bool = False, reprocess: bool = False
) -> None:
    def carry_out(conn: Connection) -> None:
        for each in specifications.upstream_first(told):
            with specifications.told_of(each, alone=len(told) == 1):
                text = json.dumps(each, ensure_ascii=False)
                made = pipelines.create(conn, text, update=update, reprocess=reprocess, dry_run=dry_run)
            if dry_run:
                print_document(json.loads(made))

    if len(told) == 1 or dry_run or store.transaction:
        carry_out(store.conn)
        return
    with transactions.together(store.conn) as conn:
        carry_out(conn)


@click.command(cls=Command, examples=("howdah edit pipeline edges", "howdah edit pipeline edges --editor nano"))
@click.argument("pipeline", metavar="PIPELINE")
@click.option("--reprocess", is_flag=True, help="Work on all datums anew, not on the changed ones alone.")
@click.option("--editor", metavar="COMMAND", help="Editor to use. Default: $VISUAL, then $EDITOR.")
@with_store
def edit(store: Store, pipeline: str, editor: str | None, *, reprocess: bool) -> None:
    """Edit a pipeline's specification as JSON, and give it that as its next version.

    A text that is refused comes back with the reason.
    """
    info = pipelines.inspect(store.conn, parse_pipeline(pipeline, store.project))
    told = info.effective if info.told == _WHOLE else info.told
    editing = specifications.Editing(specifications.pretty(told), editor)
    while (text := editing.next()) is not None:
        try:
            document = _edited(text, info.pipeline)
            pipelines.create(store.conn, document, update=True, reprocess=reprocess)
        except HowdahError as error:
            editing.refuse(error)
        else:
            return
    click.echo(f"howdah: pipeline {info.pipeline} is as it was: nothing was changed", err=True)


def _edited(text: str, pipeline: Pipeline) -> str:
    document = specifications.placed(documents.parse_one(text), pipeline.project.name)
    named = Pipeline(Project(specifications.project(document) or DEFAULT_PROJECT), specifications.name(document))
    if named != pipeline:
        raise Invalid(f"pipeline {pipeline} cannot be renamed to {named}: create another one", kind="bad-spec")
    return json.dumps(document, ensure_ascii=False)


def _history(_: click.Context, __: click.Parameter, value: str) -> int:
    if value == "all":
        return -1
    if value.isascii() and value.isdigit():
        return int(value)
    raise click.BadParameter(f"{value} is neither a number nor `all`.")


def with_history(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add --history, and pass how many versions before the present one are meant, -1 for all of them."""
    add = click.option(
        "--history", metavar="N|all", default="0", callback=_history, help="Also so many earlier versions of pipelines."
    )
    return add(function)


@click.command("list", cls=Command, examples=("howdah list pipeline", "howdah list pipeline edges --history all"))
@click.argument("pipeline", metavar="[PIPELINE]", required=False)
@click.option("-A", "--all-projects", is_flag=True, help="List the pipelines of all projects.")
@click.option("-c", "--commit", default="", metavar="SET", help="List the versions that made this commit set.")
@click.option("--state", "chosen", multiple=True, type=click.Choice([*_STATES]), help="Only in this state; repeatable.")
@click.option("-s", "--spec", is_flag=True, help="Print specifications as `create pipeline -f` takes them.")
@with_history
@with_store
@with_output
def list_(  # noqa: PLR0913 -- one for each option
    out: Output,
    store: Store,
    *,
    pipeline: str | None,
    commit: str,
    chosen: tuple[str, ...],
    history: int,
    all_projects: bool,
    spec: bool,
) -> None:
    """List the pipelines of a project, or the versions of one, the newest first."""
    wanted = {_STATES[each] for each in chosen}
    project = Project(check_project_name(store.project))
    found = pipelines.list(
        store.conn,
        pipeline=None if pipeline is None else parse_pipeline(pipeline, store.project),
        projects=() if all_projects or pipeline is not None else (project,),
        history=history,
        commit_set=commit,
    )
    infos = (info for info in found if not wanted or info.state in wanted)
    if spec:
        for info in infos:
            print_document(json.loads(info.told))
        return
    out.table(infos, _columns(out))


@click.command(cls=Command, examples=("howdah inspect pipeline edges", "howdah inspect pipeline edges^1 --raw"))
@click.argument("pipeline", metavar="PIPELINE[^N]")
@with_store
@with_output
def inspect(out: Output, store: Store, pipeline: str) -> None:
    """Show a pipeline, or with ^N its Nth version before the present one."""
    text, caret, back = pipeline.partition("^")
    named = parse_pipeline(text, store.project)
    if caret:
        if back and not (back.isascii() and back.isdigit()):
            raise Invalid(f"pipeline ({pipeline}) invalid: only a number may stand behind ^", kind="bad-name")
        named = Pipeline(named.project, f"{named.name}^{back or 1}")
    out.record(pipelines.inspect(store.conn, named), _details(out))


@click.command(cls=Command, examples=("howdah start pipeline edges",))
@click.argument("pipeline", metavar="PIPELINE")
@with_store
def start(store: Store, pipeline: str) -> None:
    """Let a stopped pipeline follow its inputs again, with a job for what they hold now."""
    pipelines.start(store.conn, parse_pipeline(pipeline, store.project))


@click.command(cls=Command, examples=("howdah stop pipeline edges",))
@click.argument("pipeline", metavar="PIPELINE")
@with_store
def stop(store: Store, pipeline: str) -> None:
    """End a pipeline's jobs, and let it follow its inputs no longer until it is started."""
    pipelines.stop(store.conn, parse_pipeline(pipeline, store.project))


@click.command(cls=Command, examples=("howdah rerun pipeline edges --reprocess",))
@click.argument("pipeline", metavar="PIPELINE")
@click.option("--reprocess", is_flag=True, help="Work on all datums anew, not on those alone that have not succeeded.")
@with_store
def rerun(store: Store, pipeline: str, *, reprocess: bool) -> None:
    """Have a pipeline work again as it is told."""
    pipelines.rerun(store.conn, parse_pipeline(pipeline, store.project), reprocess=reprocess)


@click.command("cron", cls=Command, examples=("howdah run cron report",))
@click.argument("pipeline", metavar="PIPELINE")
@with_store
def run_cron(store: Store, pipeline: str) -> None:
    """Let it be time now for the schedules of a pipeline."""
    pipelines.run_cron(store.conn, parse_pipeline(pipeline, store.project))


@click.command(cls=Command, examples=("howdah delete pipeline edges", "howdah delete pipeline --all --project vision"))
@click.argument("pipeline", metavar="[PIPELINE]", required=False)
@click.option("--all", "all_", is_flag=True, help="Delete all pipelines of the project.")
@click.option("-A", "--all-projects", is_flag=True, help="With --all: those of all projects.")
@click.option("-f", "--force", is_flag=True, help="Delete it although others depend on it.")
@click.option("--keep-repo", is_flag=True, help="Keep the repo that it writes.")
@with_store
def delete(  # noqa: PLR0913 -- one for each option
    store: Store, pipeline: str | None, *, all_: bool, all_projects: bool, force: bool, keep_repo: bool
) -> None:
    """Delete a pipeline with its jobs and the repo that it writes, or all of them."""
    if all_ == (pipeline is not None) or (all_projects and not all_):
        raise Invalid("what to delete is not clear: name one pipeline, or say --all, with -A in all projects")
    if pipeline is not None:
        named = parse_pipeline(pipeline, store.project)
        pipelines.delete(store.conn, named, force=force, keep_repo=keep_repo)
        return
    project = None if all_projects else Project(check_project_name(store.project))
    for gone in pipelines.delete_all(store.conn, project, force=force, keep_repo=keep_repo):
        click.echo(f"{gone} is deleted")
