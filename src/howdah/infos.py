"""What the API tells about each noun: plain values, the same on the server's and the client's side.

Times are aware datetimes in UTC. Sizes are bytes. A field that the API leaves unset is None.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from howdah.names import Branch, Commit, File, Job, Pipeline, Project, Repo


class CommitState(enum.IntEnum):
    """How far a commit has come; a later state includes the earlier ones. Numbers as on the wire."""

    STARTED = 1
    READY = 2
    FINISHING = 3
    FINISHED = 4


class Origin(enum.IntEnum):
    """Where a commit came from. Numbers as on the wire."""

    USER = 1
    AUTO = 2
    FSCK = 3


class FileType(enum.IntEnum):
    """Whether a path is a file or a directory. Numbers as on the wire."""

    FILE = 1
    DIR = 2


class JobState(enum.IntEnum):
    """How far a job has come. Numbers as on the wire."""

    JOB_STATE_UNKNOWN = 0
    JOB_CREATED = 1
    JOB_STARTING = 2
    JOB_RUNNING = 3
    JOB_FAILURE = 4
    JOB_SUCCESS = 5
    JOB_KILLED = 6
    JOB_EGRESSING = 7
    JOB_FINISHING = 8
    JOB_UNRUNNABLE = 9

    @property
    def is_over(self) -> bool:
        """Whether nothing becomes of the job any more."""
        return self in _OVER


_OVER = frozenset({JobState.JOB_FAILURE, JobState.JOB_SUCCESS, JobState.JOB_KILLED, JobState.JOB_UNRUNNABLE})


class DatumState(enum.IntEnum):
    """What became of a datum in a job. Numbers as on the wire."""

    UNKNOWN = 0
    FAILED = 1
    SUCCESS = 2
    SKIPPED = 3
    STARTING = 4
    RECOVERED = 5


class PipelineState(enum.IntEnum):
    """How a pipeline is. Numbers as on the wire."""

    PIPELINE_STATE_UNKNOWN = 0
    PIPELINE_STARTING = 1
    PIPELINE_RUNNING = 2
    PIPELINE_RESTARTING = 3
    PIPELINE_FAILURE = 4
    PIPELINE_PAUSED = 5
    PIPELINE_STANDBY = 6
    PIPELINE_CRASHING = 7


class PipelineType(enum.IntEnum):
    """Whether its code works on inputs, makes commits of its own, or answers on a port. Numbers as on the wire."""

    TRANSFORM = 1
    SPOUT = 2
    SERVICE = 3


@dataclass(frozen=True, slots=True)
class ProjectInfo:
    """A project as the API tells it."""

    project: Project
    description: str = ""
    created: datetime | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RepoInfo:
    """A repo as the API tells it; `size` only when inspected, both sizes those of `master`'s head."""

    repo: Repo
    description: str = ""
    created: datetime | None = None
    branches: tuple[Branch, ...] = ()
    size_upper_bound: int = 0
    size: int | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Trigger:
    """When a branch moves by itself to the head of `branch` of its repo: with one of these conditions, or with all.

    `size` and `commits` are how much is new there, `rate_limit_spec` how often at most (as cron writes it), and
    `cron_spec` a schedule that no other condition goes with.
    """

    branch: str
    all: bool = False
    rate_limit_spec: str = ""
    size: str = ""
    commits: int = 0
    cron_spec: str = ""


@dataclass(frozen=True, slots=True)
class BranchInfo:
    """A branch as the API tells it; `provenance` and `subvenance` are all that is up and down stream of it."""

    branch: Branch
    head: Commit | None = None
    direct_provenance: tuple[Branch, ...] = ()
    provenance: tuple[Branch, ...] = ()
    subvenance: tuple[Branch, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    trigger: Trigger | None = None
    created: datetime | None = None
    updated: datetime | None = None


@dataclass(frozen=True, slots=True)
class CommitInfo:
    """A commit as the API tells it; `finishing` and `finished` are None until reached."""

    commit: Commit
    origin: Origin = Origin.USER
    description: str = ""
    parent: Commit | None = None
    children: tuple[Commit, ...] = ()
    started: datetime | None = None
    finishing: datetime | None = None
    finished: datetime | None = None
    error: str = ""
    size_upper_bound: int = 0
    size: int | None = None
    direct_provenance: tuple[Commit, ...] = ()
    direct_subvenance: tuple[Commit, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    is_ready: bool = True
    """Whether all that it is made from has finished; not on the wire."""

    @property
    def state(self) -> CommitState:
        """The state that the times tell."""
        if self.finished is not None:
            return CommitState.FINISHED
        if self.finishing is not None:
            return CommitState.FINISHING
        return CommitState.READY if self.is_ready else CommitState.STARTED


@dataclass(frozen=True, slots=True)
class CommitSetInfo:
    """The commits that one step of the whole graph made, and those they were made from, upstream ones first."""

    id: str
    commits: tuple[CommitInfo, ...]


@dataclass(frozen=True, slots=True)
class TransactionInfo:
    """A transaction as the API tells it, its requests by their kinds (`start_commit`)."""

    id: str
    started: datetime | None = None
    requests: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FileInfo:
    """A file or directory as the API tells it.

    A directory's path ends in a slash, its size is the sum over the files in it. `digest` is 32 bytes: equal
    content has an equal digest. `committed` is None while the commit is open.
    """

    file: File
    type: FileType
    size: int
    digest: bytes
    committed: datetime | None = None


@dataclass(frozen=True, slots=True)
class FileChange:
    """One path at which two commits differ; the side that lacks the path is None."""

    new: FileInfo | None
    old: FileInfo | None


@dataclass(frozen=True, slots=True)
class PipelineInfo:
    """A version of a pipeline as the API tells it, and what the pipeline is doing.

    `told` is the specification as its user wrote it, `effective` what it means with all defaults; both are JSON.
    `last_job` is the state of the newest job, of whatever version.
    """

    pipeline: Pipeline
    version: int = 1
    type: PipelineType = PipelineType.TRANSFORM
    spec_commit: Commit | None = None
    state: PipelineState = PipelineState.PIPELINE_STATE_UNKNOWN
    reason: str = ""
    stopped: bool = False
    last_job: JobState = JobState.JOB_STATE_UNKNOWN
    told: str = "{}"
    effective: str = "{}"
    salt: str = ""
    created: datetime | None = None
    updated: datetime | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stats:
    """What a job's datums took, together: seconds and bytes."""

    download_time: float = 0.0
    process_time: float = 0.0
    upload_time: float = 0.0
    download_bytes: int = 0
    upload_bytes: int = 0


@dataclass(frozen=True, slots=True)
class JobInfo:
    """A job as the API tells it, with the counts of its datums; `effective` is its pipeline's specification (JSON)."""

    job: Job
    version: int = 1
    output: Commit | None = None
    state: JobState = JobState.JOB_CREATED
    reason: str = ""
    restart: int = 0
    total: int = 0
    skipped: int = 0
    processed: int = 0
    failed: int = 0
    recovered: int = 0
    stats: Stats = Stats()
    created: datetime | None = None
    started: datetime | None = None
    finished: datetime | None = None
    effective: str = "{}"
    salt: str = ""


@dataclass(frozen=True, slots=True)
class JobSetInfo:
    """The jobs of one commit set, upstream ones first."""

    id: str
    jobs: tuple[JobInfo, ...]


@dataclass(frozen=True, slots=True)
class DatumInfo:
    """A datum as the API tells it, with its files; without a job it is what an input would have."""

    id: str
    job: Job | None = None
    state: DatumState = DatumState.UNKNOWN
    stats: Stats = Stats()
    files: tuple[FileInfo, ...] = ()


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of a pipeline's log: what its code printed (`user`), what its worker tells, or with `master` its driver.

    `inputs` are the files of its datum, each by path and digest. A line of the server itself is of no pipeline.
    """

    message: str
    pipeline: Pipeline | None = None
    job: str = ""
    datum: str = ""
    worker: str = ""
    master: bool = False
    user: bool = False
    time: datetime | None = None
    inputs: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class SecretInfo:
    """A secret as the API tells it: never its values."""

    name: str
    type: str = "Opaque"
    created: datetime | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """The version of the API that a server speaks."""

    major: int
    minor: int
    micro: int
    additional: str = ""

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.micro}{self.additional}"


@dataclass(frozen=True, slots=True)
class ClusterInfo:
    """A server as it describes itself; both ids stay the same for the life of its data."""

    id: str
    deployment_id: str
    warnings: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
