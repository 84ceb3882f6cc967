"""The datums of a job, and those that an input would have without any pipeline."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from howdah.db.database import Tx
from howdah.errors import Code, Invalid, NotFound
from howdah.infos import CommitInfo, FileInfo, FileType
from howdah.names import Branch, Commit, File, Job, Pipeline, Project
from howdah.pfs import clock, commits, repos
from howdah.pfs.rows import CommitRow, read_commit, read_parent, read_pointer
from howdah.pps import datums, inputs, jobrows, listing, rows
from howdah.pps.datums import Datum, Plan
from howdah.pps.inputs import Input
from howdah.pps.spec import Spec
from howdah.store.store import Store

_NOBODY = Pipeline(Project(), "")


@dataclass(frozen=True, slots=True)
class Planned:
    """The datums, and the commits whose files they are made of."""

    plan: Plan
    commits: dict[Branch, CommitInfo]

    def files(self, datum: Datum) -> Iterator[FileInfo]:
        """What is told of a datum's files."""
        for each in datum.files:
            info = self.commits[each.source.source()]
            type = FileType.DIR if each.path.endswith("/") else FileType.FILE
            yield FileInfo(File(info.commit, each.path), type, each.size, each.digest, info.finished)


NOTHING = Planned(Plan((), ()), {})


def plan(store: Store, given: Input) -> Planned:
    """The datums that the input has now, by the commits that it names or else the heads of its branches.

    An input without a glob takes everything as one. Those of schedules are `Invalid`: only a pipeline has them.
    """
    filled = inputs.with_defaults(_globbed(given), _NOBODY, clock.moment(store.now()))
    if [*filled.crons()]:
        text = "can't list datums with a cron input, there will be no datums until the pipeline is created"
        raise Invalid(text, kind="cron", code=Code.UNKNOWN)
    named = {leaf.source(): leaf.commit or leaf.branch for leaf in filled.leaves()}
    inputs.check(_without_commits(filled))
    with store.database.read() as tx:
        found = {branch: commits.inspect(tx, Commit(branch.repo, id)) for branch, id in named.items()}
    listed = listing.of(store, {branch: info.commit for branch, info in found.items()})
    return Planned(datums.plan(filled, listed), found)


def of_job(store: Store, job: Job) -> Planned:
    """The datums of a job whose inputs have finished: each time the same."""
    with store.database.read() as tx:
        row = jobrows.get(tx, job)
        version = rows.version(tx, row.repo, row.version)
        spec = version.read()
        found = commits_of(tx, row.number, spec)
    return of_version(store, spec, version.salt, found)


def of_version(store: Store, spec: Spec, salt: str, found: dict[Branch, CommitInfo]) -> Planned:
    """The datums that a version of a pipeline has of these commits; none without an input."""
    if spec.input is None:
        return Planned(Plan((), ()), found)
    listed = listing.of(store, {branch: info.commit for branch, info in found.items()})
    return Planned(datums.plan(spec.input, listed, salt), found)


def commits_of(tx: Tx, number: int, spec: Spec) -> dict[Branch, CommitInfo]:
    """The commit of each input's branch that the output commit with this number is made from."""
    above = [
        read_commit(tx, upstream)
        for (upstream,) in tx.all("SELECT upstream FROM provenance WHERE number = ? ORDER BY upstream", number)
    ]
    branches = {leaf.source() for leaf in spec.input.leaves()} if spec.input is not None else set()
    chosen = {branch: _commit_of(tx, branch, above) for branch in branches}
    return {branch: commits.inspect(tx, Commit(branch.repo, row.id)) for branch, row in chosen.items()}


def _commit_of(tx: Tx, branch: Branch, above: list[CommitRow]) -> CommitRow:
    """Of the commits that a job is made from, that of the branch: of several of one repo, the newest in its line."""
    repo = repos.number(tx, branch.repo)
    found = {row.number: row for row in above if row.repo == repo}
    if not found:
        raise NotFound(f"the job has no commit of its input {branch}: update the pipeline", kind="commit-not-found")
    pointer = read_pointer(tx, repo, branch.name) if len(found) > 1 else None
    at = read_commit(tx, pointer.head) if pointer is not None else None
    while at is not None and at.number not in found:
        at = read_parent(tx, at)
    return at if at is not None else found[max(found)]


def _globbed(given: Input) -> Input:
    if given.pfs is not None and not given.pfs.glob:
        return replace(given, pfs=replace(given.pfs, glob="/"))
    return _each_below(given, _globbed)


def _without_commits(given: Input) -> Input:
    if given.pfs is not None:
        return replace(given, pfs=replace(given.pfs, commit=""))
    return _each_below(given, _without_commits)


def _each_below(given: Input, change: Callable[[Input], Input]) -> Input:
    join, group, cross, union = (
        tuple(map(change, each)) for each in (given.join, given.group, given.cross, given.union)
    )
    return replace(given, join=join, group=group, cross=cross, union=union)
