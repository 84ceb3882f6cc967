"""Pipelines: create, update, start, stop and delete them, as verbs on a step. What is told of them is in `telling`."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from howdah.db.database import Tx
from howdah.documents import Document
from howdah.errors import AlreadyExists, Code, HowdahError, Invalid
from howdah.infos import Origin, PipelineState
from howdah.names import DEFAULT_BRANCH, Pipeline, Project
from howdah.pfs import clock, repos
from howdah.pfs.steps import Step
from howdah.pps import defaults, effective, jobs, lifecycle, rows, wiring
from howdah.pps.lifecycle import Event, PipelineRun
from howdah.pps.rows import PipelineRow, VersionRow
from howdah.pps.spec import Spec
from howdah.store.store import Store
from howdah.store.tree import EMPTY


@dataclass(frozen=True, slots=True)
class Wish:
    """A specification as somebody wrote it, as a document and as the text that is told again.

    With `update` a pipeline of its name gets it as its next version; with `reprocess` that works on all datums anew.
    """

    document: Document
    text: str
    update: bool = False
    reprocess: bool = False


def plan(tx: Tx, document: Document, now: datetime) -> Spec:
    """The specification that a document makes above the defaults of its project and the cluster, filled in and checked.

    It can be `Invalid`, or `Unsupported` if only pipelines here cannot do it.
    """
    pipeline = effective.read(document).pipeline
    if not pipeline.project.name:  # an empty name is none
        pipeline = Pipeline(Project(), pipeline.name)
    spec = replace(effective.read(document, *defaults.under(tx, pipeline.project)), pipeline=pipeline)
    spec = effective.with_defaults(replace(spec, update=False, reprocess=False, dry_run=False), now)
    effective.check(spec)
    return spec


def create(made: Step, store: Store, wish: Wish) -> Spec:
    """Create a pipeline, or with `update` give one that is there its next version; returns its specification.

    Its repos, its first job and the branches that it needs are there when the step ends.
    """
    spec = plan(made.tx, wish.document, clock.moment(made.now))
    found = rows.find(made.tx, spec.pipeline)
    if found is None:
        _create(made, spec, wish)
    elif wish.update:
        _update(made, store, found, spec, wish)
    else:
        raise AlreadyExists(f'pipeline "{spec.pipeline}" already exists', kind="pipeline-exists")
    return spec


def _create(made: Step, spec: Spec, wish: Wish) -> None:
    pipeline = spec.pipeline
    try:
        repos.create(made.tx, rows.repo(pipeline), f"Output of pipeline {pipeline}.", now=made.now)
    except AlreadyExists as error:
        raise AlreadyExists(
            f'pipeline "{pipeline}" cannot be created because a repo with the same name already exists',
            kind="repo-exists",
            code=Code.UNKNOWN,
        ) from error
    types = {rows.SPEC_TYPE, *(branch.repo.type for branch in wiring.outputs(spec))} - {"user"}
    for type in sorted(types):
        repos.create(made.tx, rows.repo(pipeline, type), f"Kept by pipeline {pipeline}.", now=made.now)
    number = repos.number(made.tx, rows.repo(pipeline))
    made.tx.run(
        "INSERT INTO pipelines (repo, created, state) VALUES (?, ?, ?)",
        *(number, made.now, int(PipelineState.PIPELINE_STARTING)),
    )
    _add_version(made, number, spec, wish, salt=spec.salt or _new_salt())
    wiring.connect(made, spec)


def _update(made: Step, store: Store, row: PipelineRow, spec: Spec, wish: Wish) -> None:
    before = rows.newest(made.tx, row.repo)
    old = before.read()
    if wiring.type_of(old) is not wiring.type_of(spec):
        raise Invalid(
            f"pipeline {spec.pipeline} is a {wiring.type_of(old).name.lower()} and cannot become a"
            f" {wiring.type_of(spec).name.lower()}: delete it and create another",
            kind="bad-spec",
            code=Code.UNKNOWN,
        )
    _advance(made, store, row, lifecycle.Updated(spec.autoscaling))
    if not row.stopped and old.output_branch != spec.output_branch:
        wiring.disconnect(made, old)
    _add_version(made, row.repo, spec, wish, salt=_new_salt() if wish.reprocess else before.salt, after=before)
    if row.stopped:
        wiring.prepare(made, spec)
    else:
        wiring.connect(made, spec)


def _new_salt() -> str:
    return uuid.uuid4().hex


def _add_version(  # noqa: PLR0913 -- what a version is
    made: Step, repo: int, spec: Spec, wish: Wish, *, salt: str, after: VersionRow | None = None
) -> None:
    """Give the pipeline another version, and its specification's branch the commit that stands for it."""
    version = after.version + 1 if after is not None else 1
    holding = repos.number(made.tx, rows.repo(spec.pipeline, rows.SPEC_TYPE))
    number = made.add_commit(
        holding,
        after.spec if after is not None else None,
        EMPTY,
        origin=Origin.USER,
        description=f"version {version}",
        is_finished=True,
    )
    made.point(holding, DEFAULT_BRANCH, number)
    made.tx.run(
        "INSERT INTO pipeline_versions (repo, version, spec, told, effective, salt, created)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        *(repo, version, number, wish.text, json.dumps(effective.write(spec)), salt, made.now),
    )


def rerun(made: Step, store: Store, pipeline: Pipeline, *, reprocess: bool = False) -> None:
    """Let a pipeline work again as it is told, as another version of it."""
    row = rows.get(made.tx, pipeline)
    _again(made, store, row, reprocess=reprocess)


def _again(made: Step, store: Store, row: PipelineRow, *, reprocess: bool) -> None:
    version = rows.newest(made.tx, row.repo)
    create(made, store, Wish(version.document(), version.told, update=True, reprocess=reprocess))


def regenerate(
    made: Step, store: Store, project: Project | None, *, reprocess: bool = False, dry_run: bool = False
) -> tuple[Pipeline, ...]:
    """Update those pipelines, of a project or all, that the present defaults make do something else; returns which."""
    affected = []
    for row in _in_order(made.tx, [project] if project is not None else None):
        version = rows.newest(made.tx, row.repo)
        try:
            spec = plan(made.tx, version.document(), clock.moment(version.created))
        except HowdahError as error:
            text = f"pipeline {row.pipeline} cannot have these defaults: {error.message}"
            raise type(error)(text, kind=error.kind, code=error.code) from error
        if effective.write(spec) != json.loads(version.effective):
            affected.append(row.pipeline)
            if not dry_run:
                _again(made, store, row, reprocess=reprocess)
    return tuple(affected)


def stop(made: Step, store: Store, pipeline: Pipeline, *, must_exist: bool = False) -> None:
    """End a pipeline's jobs, and let it follow its inputs no longer, until it is started."""
    row = rows.get(made.tx, pipeline) if must_exist else rows.find(made.tx, pipeline)
    if row is None or row.stopped:
        return
    _advance(made, store, row, lifecycle.Stopped())
    wiring.disconnect(made, rows.newest(made.tx, row.repo).read())
    made.tx.run("UPDATE pipelines SET stopped = 1 WHERE repo = ?", row.repo)


def start(made: Step, store: Store, pipeline: Pipeline) -> None:
    """Let a stopped pipeline follow its inputs again, with a job for where they are now."""
    row = rows.get(made.tx, pipeline)
    if not row.stopped:
        return
    _advance(made, store, row, lifecycle.Started())
    wiring.connect(made, rows.newest(made.tx, row.repo).read())
    made.tx.run("UPDATE pipelines SET stopped = 0 WHERE repo = ?", row.repo)


def advance(made: Step, store: Store, pipeline: Pipeline, event: Event) -> tuple[lifecycle.Action, ...]:
    """Let something happen to a pipeline; returns what is to be done about it, but for the jobs that it ends."""
    return _advance(made, store, rows.get(made.tx, pipeline), event)


def _advance(made: Step, store: Store, row: PipelineRow, event: Event) -> tuple[lifecycle.Action, ...]:
    spec = rows.newest(made.tx, row.repo).read()
    before = PipelineRun(PipelineState(row.state), row.reason, spec.autoscaling, tries=row.tries)
    after, actions = lifecycle.step(before, event)
    made.tx.run(
        "UPDATE pipelines SET state = ?, reason = ?, tries = ? WHERE repo = ?",
        *(int(after.state), after.reason, after.tries, row.repo),
    )
    for action in actions:
        if isinstance(action, lifecycle.Halt):
            jobs.stop_all(made, store, row.repo, action.reason)
    return tuple(action for action in actions if not isinstance(action, lifecycle.Halt))


def delete(  # noqa: PLR0913 -- one keyword for each option of the API
    made: Step,
    store: Store,
    pipeline: Pipeline,
    *,
    force: bool = False,
    keep_repo: bool = False,
    must_exist: bool = False,
) -> bool:
    """Delete a pipeline with its jobs and its repos; returns whether there was one.

    One that others follow only with `force`; with `keep_repo` its output stays, and so may be followed.
    """
    row = rows.get(made.tx, pipeline) if must_exist else rows.find(made.tx, pipeline)
    if row is None:
        return False
    specs = [version.read() for version in rows.versions(made.tx, row.repo, -1)]
    if keep_repo:
        _forget(made, store, row, specs[0])
        return True
    wiring.check_unfollowed(made.tx, pipeline, force=force)
    made.tx.run("DELETE FROM pipelines WHERE repo = ?", row.repo)
    repos.delete(made.tx, rows.repo(pipeline), force=force)
    for spec in specs:
        wiring.clear_away(made.tx, spec)
    return True


def _forget(made: Step, store: Store, row: PipelineRow, spec: Spec) -> None:
    """Let a pipeline's output be a repo as any other."""
    jobs.stop_all(made, store, row.repo, "pipeline deleted")
    wiring.disconnect(made, spec)
    made.tx.run("DELETE FROM pipelines WHERE repo = ?", row.repo)
    for type in (rows.SPEC_TYPE, rows.META_TYPE):
        repos.delete_type(made.tx, rows.repo(row.pipeline, type))


def delete_all(
    made: Step, store: Store, chosen: Sequence[Project] | None = None, *, force: bool = False, keep_repo: bool = False
) -> tuple[Pipeline, ...]:
    """Delete the pipelines of these projects, or of all; returns which. What is downstream goes first."""
    gone = []
    for row in reversed(_in_order(made.tx, chosen)):
        delete(made, store, row.pipeline, force=force, keep_repo=keep_repo)
        gone.append(row.pipeline)
    return tuple(gone)


def _in_order(tx: Tx, chosen: Sequence[Project] | None) -> list[PipelineRow]:
    """The pipelines of these projects, or all, each after those that it follows."""
    names = {project.name for project in chosen} if chosen is not None else None
    found = [PipelineRow(*row) for row in tx.all(f"{rows.SELECT_PIPELINE} ORDER BY repo")]
    by_repo = {row.repo: row for row in found}
    order: list[PipelineRow] = []
    seen: set[int] = set()  # by other branches, two repos may follow each other
    rest = [(row.repo, False) for row in reversed(found)]
    while rest:
        repo, is_behind = rest.pop()
        if is_behind:
            order.append(by_repo[repo])
        elif repo not in seen:
            seen.add(repo)
            rest.append((repo, True))
            rest += [(upstream, False) for upstream in reversed(_followed(tx, repo)) if upstream in by_repo]
    return [row for row in order if names is None or row.project in names]


def _followed(tx: Tx, repo: int) -> list[int]:
    """The repos whose branches a repo's branches follow directly."""
    rows = tx.all(
        "SELECT DISTINCT above.repo FROM branches JOIN branch_provenance USING (branch)"
        " JOIN branches AS above ON above.branch = upstream WHERE branches.repo = ? ORDER BY 1",
        repo,
    )
    return [found for (found,) in rows]
