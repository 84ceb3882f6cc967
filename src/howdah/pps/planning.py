"""The datums that an input would have, without any pipeline."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from howdah.errors import Code, Invalid
from howdah.infos import CommitInfo, FileInfo, FileType
from howdah.names import Branch, Commit, File, Pipeline, Project
from howdah.pfs import clock, commits
from howdah.pps import datums, inputs, listing
from howdah.pps.datums import Datum, Plan
from howdah.pps.inputs import Input
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
