"""The graph that pipelines make: which repos and schedules they read, and who reads what they write.

It is made of what the list of pipelines tells, and of nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from howdah.cli.inputs import Read, below, name, read
from howdah.infos import JobState, PipelineInfo
from howdah.names import USER_TYPE, Branch, Pipeline, Project, Repo

REPO = "repo"
CRON = "cron"


@dataclass(frozen=True, slots=True)
class Node:
    """A box: a pipeline with its output, a repo that none of the pipelines writes, or a schedule.

    `kind` is `repo`, `cron`, or the type of the pipeline in small letters; `failed` is for what wants to be looked at.
    """

    name: str
    kind: str
    detail: str
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Edge:
    """`target`, a pipeline, reads what is in `source`; both are numbers of nodes."""

    source: int
    target: int
    label: str = ""


@dataclass(frozen=True, slots=True)
class Graph:
    """Boxes and arrows; of two nodes there is at most one edge."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    def around(self, names: Iterable[str]) -> Graph:
        """The part that is up or downstream of the nodes of these names, with themselves."""
        begun = {number for number, node in enumerate(self.nodes) if node.name in {*names}}
        kept = begun | self._reached(begun, up=True) | self._reached(begun, up=False)
        numbers = {old: new for new, old in enumerate(sorted(kept))}
        return Graph(
            tuple(self.nodes[old] for old in sorted(kept)),
            tuple(
                Edge(numbers[each.source], numbers[each.target], each.label)
                for each in self.edges
                if each.source in kept and each.target in kept
            ),
        )

    def _reached(self, begun: set[int], *, up: bool) -> set[int]:
        found: set[int] = set()
        waiting = [*begun]
        while waiting:
            here = waiting.pop()
            for each in self.edges:
                near, far = (each.target, each.source) if up else (each.source, each.target)
                if near == here and far not in found:
                    found.add(far)
                    waiting.append(far)
        return found


@dataclass(slots=True)
class _Making:
    """A graph that grows."""

    project: Project
    nodes: list[Node] = field(default_factory=list)
    numbers: dict[Repo, int] = field(default_factory=dict)
    labels: dict[tuple[int, int], list[str]] = field(default_factory=dict)

    def add(self, repo: Repo, node: Node) -> int:
        if repo not in self.numbers:
            self.numbers[repo] = len(self.nodes)
            self.nodes.append(node)
        return self.numbers[repo]


def of(infos: Iterable[PipelineInfo], project: Project) -> Graph:
    """The graph of these pipelines; names are told as they are in the project."""
    told = sorted(infos, key=lambda info: (info.pipeline.project.name, info.pipeline.name))
    making = _Making(project)
    for info in told:
        making.add(_output(info.pipeline), _pipeline(info, project))
    for info in told:
        given = below(json.loads(info.effective), "input")
        for each in read(given, info.pipeline.project):
            _connect(making, each, making.numbers[_output(info.pipeline)])
    edges = (Edge(*ends, ", ".join(dict.fromkeys(labels))) for ends, labels in making.labels.items())
    return Graph(tuple(making.nodes), tuple(edges))


def _output(pipeline: Pipeline) -> Repo:
    return Repo(pipeline.project, pipeline.name)


def _connect(making: _Making, each: Read, target: int) -> None:
    repo = each.branch.repo
    shown = name(Branch(repo), making.project)
    if each.schedule:
        source = making.add(repo, Node(shown, CRON, f"cron {each.schedule}"))
    else:
        source = making.add(repo, Node(shown, REPO, REPO if repo.type == USER_TYPE else f"{repo.type} repo"))
    branch = name(each.branch, making.project).partition("@")[2]
    label = f"{branch}:{each.glob}" if branch else each.glob
    making.labels.setdefault((source, target), []).append(label)


def _pipeline(info: PipelineInfo, project: Project) -> Node:
    failed = info.last_job in {JobState.JOB_FAILURE, JobState.JOB_UNRUNNABLE} or info.state.name.endswith(
        ("_FAILURE", "_CRASHING")
    )
    shown = name(Branch(_output(info.pipeline)), project)
    return Node(shown, info.type.name.lower(), states(info), failed)


def states(info: PipelineInfo) -> str:
    """How a pipeline and its newest job are: `running / success`."""
    state = info.state.name.removeprefix("PIPELINE_").removeprefix("STATE_").lower()
    job = info.last_job.name.removeprefix("JOB_").removeprefix("STATE_").lower()
    return f"{state} / {'-' if info.last_job is JobState.JOB_STATE_UNKNOWN else job}"
