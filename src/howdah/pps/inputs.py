"""Inputs of pipelines: what of which repos their code sees, and how it is cut into datums.

An input is one of six kinds. Those of `pfs` and `cron` are files of a branch; `cross`, `union`, `join` and `group`
combine others. Each file appears to user code below `/pfs/<name>`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from howdah.errors import Code, Invalid, Unsupported
from howdah.infos import Trigger
from howdah.names import DEFAULT_BRANCH, USER_TYPE, Branch, Pipeline, Project, Repo, check_branch_name, check_name
from howdah.pfs import cron, glob
from howdah.pps import captures

_KINDS = ("pfs", "join", "group", "cross", "union", "cron")
_OUT = "out"


@dataclass(frozen=True, slots=True)
class PropagationSpec:
    """Whether commits of the input start the pipeline's work; with `never` they are only read along."""

    never: bool = False


@dataclass(frozen=True, slots=True)
class PfsInput:
    """The files of a branch's head that match `glob`, each of them, be it a file or a directory, in datums of its own.

    `join_on` and `group_by` are made of what the glob's groups took (`$1`). Files are `lazy` when they are fetched as
    they are read, and empty with `empty_files`.
    """

    project: str = ""
    name: str = ""
    repo: str = ""
    repo_type: str = ""
    branch: str = ""
    commit: str = ""
    glob: str = ""
    join_on: str = ""
    outer_join: bool = False
    group_by: str = ""
    lazy: bool = False
    empty_files: bool = False
    s3: bool = False
    trigger: Trigger | None = None
    propagation_spec: PropagationSpec | None = None
    reference: bool = False

    def source(self) -> Branch:
        """The branch that is read."""
        return Branch(Repo(Project(self.project), self.repo, self.repo_type), self.branch)


@dataclass(frozen=True, slots=True)
class CronInput:
    """A file for each instant of a schedule, named by it; only the newest with `overwrite`."""

    name: str = ""
    project: str = ""
    repo: str = ""
    commit: str = ""
    spec: str = ""
    overwrite: bool = False
    start: datetime | None = None

    def files(self) -> PfsInput:
        """The input that reads the instants."""
        return PfsInput(
            project=self.project,
            name=self.name,
            repo=self.repo,
            repo_type=USER_TYPE,
            branch=DEFAULT_BRANCH,
            commit=self.commit,
            glob="/*",
        )


@dataclass(frozen=True, slots=True)
class Input:
    """One input of one of the kinds; see the module's text."""

    pfs: PfsInput | None = None
    join: tuple[Input, ...] = ()
    group: tuple[Input, ...] = ()
    cross: tuple[Input, ...] = ()
    union: tuple[Input, ...] = ()
    cron: CronInput | None = None

    def kinds(self) -> list[str]:
        """Which kinds it has; exactly one where it is valid."""
        return [kind for kind in _KINDS if getattr(self, kind)]

    def below(self) -> tuple[Input, ...]:
        """The inputs that it combines."""
        return self.join or self.group or self.cross or self.union

    def leaves(self) -> Iterator[PfsInput]:
        """The inputs that read files, those of schedules too, from left to right."""
        if self.pfs is not None:
            yield self.pfs
        if self.cron is not None:
            yield self.cron.files()
        for each in self.below():
            yield from each.leaves()

    def crons(self) -> Iterator[CronInput]:
        """The schedules."""
        if self.cron is not None:
            yield self.cron
        for each in self.below():
            yield from each.crons()


def with_defaults(given: Input, pipeline: Pipeline, now: datetime) -> Input:
    """The input with what it leaves out: the pipeline's project, the repo's name, `master`, and the rest."""
    numbers = iter(range(1, 1 << 30))
    return _filled(given, pipeline, now, numbers)


def _filled(given: Input, pipeline: Pipeline, now: datetime, numbers: Iterator[int]) -> Input:
    if given.pfs is not None:
        return replace(given, pfs=_filled_pfs(given.pfs, pipeline, numbers))
    if given.cron is not None:
        return replace(given, cron=_filled_cron(given.cron, pipeline, now))

    def fill(below: tuple[Input, ...]) -> tuple[Input, ...]:
        return tuple(_filled(each, pipeline, now, numbers) for each in below)

    return Input(join=fill(given.join), group=fill(given.group), cross=fill(given.cross), union=fill(given.union))


def own_branch(pipeline: Pipeline, project: str) -> str:
    """How the branches that a pipeline has of repos of a project begin, where nobody names them.

    No two pipelines have the same: in another project it begins with `_`, which no pipeline's name does, and in what
    stands between that and the next single `_` those of the project's name are doubled.
    """
    other = "" if project == pipeline.project.name else f"_{pipeline.project.name.replace('_', '__')}_"
    return f"{other}{pipeline.name}-trigger-"


def _filled_pfs(given: PfsInput, pipeline: Pipeline, numbers: Iterator[int]) -> PfsInput:
    project = given.project or pipeline.project.name
    branch = given.branch or DEFAULT_BRANCH
    trigger = given.trigger
    if trigger is not None:
        own = f"{own_branch(pipeline, project)}{next(numbers)}"
        if not trigger.branch:
            trigger = replace(trigger, branch=branch)
            branch = own
        elif not given.branch:
            branch = own
    return replace(
        given,
        project=project,
        name=given.name or given.repo,
        repo_type=given.repo_type or USER_TYPE,
        branch=branch,
        trigger=trigger,
    )


def _filled_cron(given: CronInput, pipeline: Pipeline, now: datetime) -> CronInput:
    return replace(
        given,
        project=given.project or pipeline.project.name,
        repo=given.repo or f"{pipeline.name}_{given.name}",
        start=given.start or now,
    )


def check(given: Input) -> None:
    """`Invalid` if the input, its defaults filled in, cannot be worked on; `Unsupported` if only we cannot."""
    _check(given)
    _names(given)


def _check(given: Input) -> None:
    kinds = given.kinds()
    if len(kinds) > 1:
        raise _invalid(f"multiple input types set: {', '.join(kinds)}; nest them in a cross or a union")
    if not kinds:
        raise _invalid("no input set: give one of pfs, cross, union, join, group and cron")
    if given.pfs is not None:
        _check_pfs(given.pfs)
    if given.cron is not None:
        _check_cron(given.cron)
    for each in given.below():
        _check(each)
    _check_keys(given)


def _check_keys(given: Input) -> None:
    for kind, field in (("join", "join_on"), ("group", "group_by")):
        for each in getattr(given, kind):
            leaves = [*each.leaves()]
            if leaves and not any(getattr(leaf, field) for leaf in leaves):
                raise _invalid(f"input {leaves[0].name} must specify {field}, since it is in a {kind}")


def _check_pfs(given: PfsInput) -> None:
    if given.repo == _OUT and given.name in {"", _OUT}:
        raise _invalid('inputs of a repo named "out" must have a name, since /pfs/out is for what a job writes')
    if not given.repo:
        raise _invalid("input must specify a repo")
    if not given.branch:
        raise _invalid("input must specify a branch")
    if not given.glob:
        raise _invalid("input must specify a glob")
    if given.commit:
        raise _invalid("input cannot come from a commit; use a branch with head pointing to the commit")
    _check_name(given.name)
    check_name(given.repo)
    check_branch_name(given.branch)
    glob.compile(given.glob)
    for field in ("join_on", "group_by"):
        captures.check(given.glob, getattr(given, field), field)
    if given.s3:
        _check_s3(given)


def _check_s3(given: PfsInput) -> None:
    if given.glob != "/":
        raise _invalid(f'input {given.name} reads by S3, which needs the glob "/"')
    if given.join_on or given.group_by or given.lazy or given.empty_files:
        raise _invalid(f"input {given.name} reads by S3, which goes with no join_on, group_by, lazy or empty_files")
    raise Unsupported(f"input {given.name} reads by S3, which pipelines here do not offer: leave s3 out", kind="s3")


def _check_cron(given: CronInput) -> None:
    if given.commit:
        raise _invalid("input cannot come from a commit; use a branch with head pointing to the commit")
    if not given.spec:
        raise _invalid("cron input must specify a spec, like @daily")
    _check_name(given.name)
    check_name(given.repo)
    cron.next_instant(given.spec, 0)


def _check_name(name: str) -> None:
    if not name:
        raise _invalid("input must specify a name")
    if name == _OUT:
        raise _invalid('input cannot be named "out", since /pfs/out is for what a job writes')
    check_name(name)


def _names(given: Input) -> set[str]:
    """The names in the input, each once, but that those of a union may share one."""
    if not given.below():
        return {leaf.name for leaf in given.leaves()}
    found: set[str] = set()
    for each in given.below():
        names = _names(each)
        twice = found & names
        if twice and not given.union:
            raise _invalid(f'name "{min(twice)}" was used more than once')
        found |= names
    return found


def _invalid(text: str) -> Invalid:
    return Invalid(text, kind="bad-input", code=Code.UNKNOWN)
