"""How pipelines hang in the graph of branches: an output and a meta branch follow the inputs and the specification.

So whatever moves one of those opens a commit in each of the two, and the one in the output branch is a job.
"""

from __future__ import annotations

from collections.abc import Iterator

from howdah.db.database import Tx
from howdah.errors import Code, Invalid, NotFound, WrongState
from howdah.infos import PipelineType
from howdah.names import Branch, Pipeline, Project, Repo
from howdah.pfs import branches, graph, repos
from howdah.pfs.rows import read_pointer
from howdah.pfs.steps import Step
from howdah.pps import rows
from howdah.pps.inputs import own_branch
from howdah.pps.spec import Spec


def type_of(spec: Spec) -> PipelineType:
    """What the pipeline's code does."""
    if spec.spout is not None:
        return PipelineType.SPOUT
    return PipelineType.SERVICE if spec.service is not None else PipelineType.TRANSFORM


def outputs(spec: Spec) -> Iterator[Branch]:
    """The branches that the pipeline writes; a meta branch only where there are datums whose results are kept."""
    yield Branch(rows.repo(spec.pipeline), spec.output_branch)
    if type_of(spec) is PipelineType.TRANSFORM:
        yield Branch(rows.repo(spec.pipeline, rows.META_TYPE), spec.output_branch)


def connect(made: Step, spec: Spec) -> None:
    """Let the pipeline's branches follow what they are made from, the repos and branches that are its own made first.

    A spout follows nothing: its code starts its commits itself, and they are no jobs.
    """
    upstream = prepare(made, spec)
    for branch in outputs(spec):
        branches.create(made, branch, None, provenance=upstream)


def disconnect(made: Step, spec: Spec) -> None:
    """Let the pipeline's branches follow nothing; they stay where they are."""
    for branch in outputs(spec):
        found = read_pointer(made.tx, repos.number(made.tx, branch.repo), branch.name)
        if found is not None:
            graph.set_provenance(made, found.branch, {})


def unfollowed(tx: Tx, spec: Spec) -> list[Branch]:
    """The inputs that a pipeline should follow, unless it is stopped, and does not: they were deleted by force."""
    output = next(outputs(spec))
    found = read_pointer(tx, repos.number(tx, output.repo), output.name)
    above = graph.direct_provenance(tx, found.branch) if found is not None else []
    followed = {graph.name(tx, branch) for branch in above}
    wanted = {leaf.source() for leaf in spec.input.leaves()} if spec.input is not None else set()
    return sorted(wanted - followed, key=str) if type_of(spec) is not PipelineType.SPOUT else []


def prepare(made: Step, spec: Spec) -> dict[Branch, bool]:
    """Make what the pipeline's inputs need; returns the branches to follow, and of each whether it starts no job.

    A repo that is to be there and is not is `NotFound`.
    """
    if type_of(spec) is PipelineType.SPOUT:
        return {}
    found: dict[Branch, bool] = {}
    if spec.input is not None:
        for cron in spec.input.crons():
            _ensure(made, Repo(Project(cron.project), cron.repo), spec.pipeline)
        for leaf in spec.input.leaves():
            branch = leaf.source()
            repos.number(made.tx, branch.repo)
            if leaf.trigger is not None:
                branches.create(made, branch, None, trigger=leaf.trigger)
            never = leaf.propagation_spec is not None and leaf.propagation_spec.never
            found[branch] = never and found.get(branch, True)
    return {**found, rows.spec_branch(spec.pipeline): False}


def _ensure(made: Step, repo: Repo, pipeline: Pipeline) -> None:
    if rows.find(made.tx, Pipeline(repo.project, repo.name)) is not None:
        text = f"the schedule of a cron input cannot be kept in {repo}, which a pipeline writes: give it another repo"
        raise Invalid(text, kind="bad-input", code=Code.UNKNOWN)
    try:
        repos.number(made.tx, repo)
    except NotFound:
        repos.create(made.tx, repo, _instants(pipeline), now=made.now)


def _instants(pipeline: Pipeline) -> str:
    """The description of a repo that is made for a schedule, by which it is known later."""
    return f"Instants of a schedule of pipeline {pipeline}."


def _is_made_for(tx: Tx, repo: Repo, pipeline: Pipeline) -> bool:
    try:
        return repos.inspect(tx, repo).description == _instants(pipeline)
    except NotFound:
        return False


def clear_away(tx: Tx, spec: Spec) -> None:
    """Delete what was made for a pipeline's inputs and nobody else follows: repos of schedules, branches of triggers.

    What has a name that somebody chose, or was there before, may hold what is somebody's, and stays.
    """
    if spec.input is None:
        return
    for cron in spec.input.crons():
        if cron.repo != f"{spec.pipeline.name}_{cron.name}":
            continue
        repo = Repo(Project(cron.project), cron.repo)
        if not _is_made_for(tx, repo, spec.pipeline):
            continue
        found = tx.all(
            "SELECT branch FROM branches JOIN repos USING (repo) JOIN projects USING (project)"
            " WHERE projects.name = ? AND repos.name = ?",
            *(repo.project.name, repo.name),
        )
        if not any(graph.direct_subvenance(tx, branch) for (branch,) in found):
            repos.delete(tx, repo)
    for leaf in spec.input.leaves():
        if leaf.trigger is not None and leaf.branch.startswith(own_branch(spec.pipeline, leaf.project)):
            try:
                branches.delete(tx, leaf.source())
            except (NotFound, WrongState):
                continue  # gone already, or others follow it


def check_unfollowed(tx: Tx, pipeline: Pipeline, *, force: bool) -> None:
    """Raise `WrongState` if branches of other repos follow the pipeline's, unless that is all right."""
    own = rows.repo(pipeline)
    for (branch,) in tx.all(
        "SELECT branch FROM branches JOIN repos USING (repo) JOIN projects USING (project)"
        " WHERE projects.name = ? AND repos.name = ? ORDER BY branch",
        *(own.project.name, own.name),
    ):
        graph.check_unfollowed(tx, branch, force=force, outside=own)
