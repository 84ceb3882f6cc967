"""Working on a job, as verbs on the store: take it up, keep what comes of its datums, end it.

Whoever works on a job holds a `Work`, whose run only he changes; what is kept is what the store needs to go on without
him. A verb that raises has kept nothing; then the job is to be taken up again.
"""

from __future__ import annotations

import posixpath
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from howdah.db.database import Tx
from howdah.errors import Invalid, NotFound
from howdah.infos import CommitInfo, DatumState, Stats
from howdah.names import Branch, Commit, File, Job
from howdah.pfs import files, graph, repos, writing
from howdah.pfs.rows import CommitRow, read_commit, read_parent, usable_ancestor
from howdah.pfs.steps import Step
from howdah.pps import jobrows, jobs, machine, planning, results, rows, secrets, work
from howdah.pps.datums import Plan
from howdah.pps.machine import Action, JobRun
from howdah.pps.outputs import Outputs, successes
from howdah.pps.results import Result
from howdah.pps.spec import SecretMount, Spec
from howdah.pps.work import Successes
from howdah.store.store import Store
from howdah.store.tree import EMPTY

_FEW = 8  # datums of a job, and files of each, whose contents are told at once
_SMALL = 16 << 10  # bytes of a file


@dataclass(slots=True)
class Work:
    """A job that is worked on: what it is to do, and how far it has come."""

    job: Job
    spec: Spec
    spec_commit: str
    number: int
    """Of its output commit."""
    meta: int
    """The number of its meta commit."""
    inputs: dict[Branch, CommitInfo]
    plan: Plan
    todo: work.Work
    run: JobRun
    stats: Stats = Stats()
    secrets: dict[str, bytes] = field(default_factory=dict)
    """Variables of the environment that nobody may read but the pipeline's code."""
    started: int = 0
    """When it was begun: microseconds since 1970."""
    succeeded: array[int] = field(default_factory=lambda: array("I"))
    actions: tuple[Action, ...] = ()
    """What is to be done first, once it is begun."""
    contents: dict[bytes, bytes] = field(default_factory=dict)
    """Of small files, by digest, where the job is small: its code need not wait until they are asked for."""
    first: Outputs | None = None
    """What is to be kept first."""

    @property
    def egress(self) -> str:
        """The URL that the output is to be copied to; empty for none."""
        found = self.spec.egress
        if found is None:
            return ""
        return found.object_storage.url if found.object_storage is not None else found.url

    @property
    def output(self) -> Commit:
        """The commit that it writes."""
        return Commit(rows.repo(self.job.pipeline), self.job.id)


def take_up(store: Store, job: Job) -> Work:
    """Plan a job that is ready, or go on with one that was begun; `WrongState` if it is over by now.

    Its datums can be run from now on, but nothing is kept before `begin`.
    """
    with store.database.read() as tx:
        row = jobrows.get(tx, job)
        jobs.check_going(row, job)
        version = rows.version(tx, row.repo, row.version)
        spec = version.read()
        words = environment(tx, spec)
        inputs = planning.commits_of(tx, row.number, spec)
        base = _base(tx, row.number)
        meta = repos.number(tx, rows.repo(job.pipeline, rows.META_TYPE))
        (noted,) = tx.one("SELECT number FROM commits WHERE repo = ? AND id = ?", meta, row.id) or (0,)
        done = results.read(tx, row.number)
        spec_commit = read_commit(tx, version.spec).id
    plan = planning.of_version(store, spec, version.salt, inputs).plan
    before = _successes(store, job, base)
    todo = work.compare(plan, before or work.NONE, everything=spec.reprocesses)
    # A worker may still be at what it was given before: no run of then has the number of one from now on.
    run = replace(row.run(spec), serial=store.now())
    taken = Work(
        job, spec, spec_commit, row.number, noted, inputs, plan, todo, run, row.stats(), words,
        row.started or store.now(),
    )  # fmt: skip
    taken.contents = _contents(store, taken)
    if row.total is not None:
        _go_on(taken, done)
        return taken
    outputs = Outputs(store)
    if base is not None and before is None and base.tree != EMPTY:
        outputs.remove_all()  # of before there were datums
    elif base is not None:
        outputs.remove(_meta_commit(job, base), todo.stale_ids())
    _plan(taken, outputs)
    return taken


def _contents(store: Store, taken: Work) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    for datum in taken.todo.run if len(taken.todo.run) <= _FEW else ():
        for each in taken.plan[datum].files[:_FEW]:
            source = each.source
            if each.path.endswith("/") or source.lazy or source.empty_files or each.size > _SMALL:
                continue
            if each.digest not in found:
                file = File(taken.inputs[source.source()].commit, each.path)
                found[each.digest] = b"".join(files.get(store, file))
    return found


def environment(tx: Tx, spec: Spec) -> dict[str, bytes]:
    """What a pipeline's code has of secrets: variables by their names, files by their absolute paths.

    `NotFound` where one is not there.
    """
    found = {}
    for each in spec.transform.secrets if spec.transform is not None else ():
        values = secrets.values(tx, each.name)
        if each.env_var:
            if each.key not in values:
                raise NotFound(f"secret {each.name} has no key {each.key}: create it with one", kind="secret-not-found")
            found[each.env_var] = values[each.key]
        if each.mount_path:
            found.update({_place(each, key): values[key] for key in values})
    return found


def _place(secret: SecretMount, key: str) -> str:
    """Where a secret's value is as a file."""
    if key in {"", ".", ".."} or "/" in key or "\0" in key:
        raise Invalid(f"secret {secret.name}: key {key!r} can be no file's name: create it with another", kind="secret")
    return f"{posixpath.normpath(secret.mount_path)}/{key}"


def done_before(store: Store, job: Job) -> Successes | None:
    """The datums whose outputs a job began with; None where nothing is told of them."""
    with store.database.read() as tx:
        base = _base(tx, jobrows.get(tx, job).number)
    return _successes(store, job, base)


def _base(tx: Tx, number: int) -> CommitRow | None:
    """What an output commit builds on."""
    return usable_ancestor(tx, read_parent(tx, read_commit(tx, number)))


def _successes(store: Store, job: Job, base: CommitRow | None) -> Successes | None:
    if base is None:
        return None
    try:
        return successes(store, _meta_commit(job, base))
    except NotFound:  # it is of no job
        return None


def _meta_commit(job: Job, row: CommitRow) -> Commit:
    return Commit(rows.repo(job.pipeline, rows.META_TYPE), row.id)


def _go_on(taken: Work, done: dict[bytes, Result]) -> None:
    """Let it be as it was when whoever had it is gone."""

    def state(datum: int) -> DatumState:
        found = done.get(taken.plan.id(datum))
        return found.state if found is not None else DatumState.UNKNOWN

    taken.succeeded.extend(datum for datum in taken.todo.run if state(datum) is DatumState.SUCCESS)
    run = replace(taken.run, queue=taken.todo.run)
    taken.run, taken.actions = machine.resume(run, lambda datum: state(datum) is not DatumState.UNKNOWN)


def _plan(taken: Work, outputs: Outputs) -> None:
    """Let it be planned; what an earlier job has left goes."""
    run, _ = machine.step(taken.run, machine.Begun())
    run, _ = machine.step(run, machine.Ready())
    planned = machine.Planned(len(taken.plan), len(taken.todo.skip), taken.todo.run)
    taken.run, taken.actions = machine.step(run, planned)
    taken.first = outputs


def begin(store: Store, taken: Work, so_far: tuple[JobRun, Stats]) -> None:
    """Keep that it is begun and planned, `so_far` as `take_up` left it; before anything else is kept of it."""
    if taken.first is not None:
        keep(store, taken, so_far, taken.first)
        taken.first = None


def keep(
    store: Store, taken: Work, so_far: tuple[JobRun, Stats], outputs: Outputs, found: Sequence[Result] = ()
) -> None:
    """Keep what became of datums, with their outputs, and how far the job had come `so_far`, by that."""
    run, stats = so_far
    if not run.waiting and not run.running:
        outputs.tell(work.successes(taken.plan, taken.todo, taken.succeeded))
    outputs.flush()
    with graph.step(store) as made:
        jobs.note(made, taken.job, run, stats)
        results.write(made.tx, taken.number, found)
        outputs.record(made.tx, taken.number, taken.meta)


def note(store: Store, taken: Work) -> None:
    """Keep how far the job has come, after its datums."""
    with graph.step(store) as made:
        jobs.note(made, taken.job, taken.run, taken.stats)


def end(store: Store, taken: Work, found: Sequence[Result] = ()) -> JobRun:
    """End the job as its run says, with what became of the last of its datums; returns its last run."""

    def verb(made: Step) -> JobRun:
        jobrows.write_stats(made.tx, jobrows.get(made.tx, taken.job), taken.stats)
        results.write(made.tx, taken.number, found)
        return jobs.finish(made, store, taken.job, taken.run)

    return writing.step(store, verb)


def broken(store: Store, job: Job, reason: str) -> None:
    """End a job that cannot be worked on."""
    writing.step(store, lambda made: jobs.fail(made, store, job, reason))


def unrunnable(store: Store, job: Job, names: Sequence[str]) -> None:
    """End a job whose inputs have failed."""

    def verb(made: Step) -> None:
        row = jobrows.get(made.tx, job)
        run, _ = machine.step(row.run(), machine.Begun())
        run, _ = machine.step(run, machine.Ready(tuple(names)))
        jobs.finish(made, store, job, run)

    writing.step(store, verb)


def added(stats: Stats, other: Stats) -> Stats:
    """Both together."""
    return Stats(
        stats.download_time + other.download_time,
        stats.process_time + other.process_time,
        stats.upload_time + other.upload_time,
        stats.download_bytes + other.download_bytes,
        stats.upload_bytes + other.upload_bytes,
    )
