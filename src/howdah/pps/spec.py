"""What a pipeline is told to do, as frozen values; `effective` reads and checks them.

The fields are those of the interface's `CreatePipelineRequest`, by name; the suite compares them. Some speak of
Kubernetes: they are kept and told again, and nothing here acts on them.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from howdah.names import Pipeline
from howdah.pps.inputs import Input

UNTIL_SUCCESS = "until_success"
EVERY_JOB = "every_job"


@dataclass(frozen=True, slots=True)
class SecretMount:
    """A secret as a folder, or its `key` as an environment variable."""

    name: str = ""
    key: str = ""
    mount_path: str = ""
    env_var: str = ""


@dataclass(frozen=True, slots=True)
class Transform:
    """The user's code: `cmd` is a program and its arguments, `stdin` the lines that it reads."""

    image: str = ""
    cmd: tuple[str, ...] = ()
    err_cmd: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[SecretMount, ...] = ()
    image_pull_secrets: tuple[str, ...] = ()
    stdin: tuple[str, ...] = ()
    err_stdin: tuple[str, ...] = ()
    accept_return_code: tuple[int, ...] = ()
    debug: bool = False
    user: str = ""
    working_dir: str = ""
    dockerfile: str = ""
    memory_volume: bool = False
    datum_batching: bool = False


@dataclass(frozen=True, slots=True)
class TfJob:
    """A job of Kubeflow's; not offered."""

    tf_job: str = ""


@dataclass(frozen=True, slots=True)
class ParallelismSpec:
    """How many datums at once; 0 leaves it to the machine."""

    constant: int = 0


@dataclass(frozen=True, slots=True)
class ObjectStorageEgress:
    """A bucket or folder that the output is copied to."""

    url: str = ""


class FileFormatType(enum.IntEnum):
    """How rows are written."""

    UNKNOWN = 0
    CSV = 1
    JSON = 2
    PARQUET = 3


@dataclass(frozen=True, slots=True)
class FileFormat:
    """How the rows of a table are written in files."""

    type: FileFormatType = FileFormatType.UNKNOWN
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EgressSecret:
    """The secret with the database's password."""

    name: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class SqlDatabaseEgress:
    """A database whose tables the output fills."""

    url: str = ""
    file_format: FileFormat | None = None
    secret: EgressSecret | None = None


@dataclass(frozen=True, slots=True)
class Egress:
    """Where the output of a job goes besides its commit."""

    url: str = ""
    object_storage: ObjectStorageEgress | None = None
    sql_database: SqlDatabaseEgress | None = None


@dataclass(frozen=True, slots=True)
class GpuSpec:
    """Graphics processors."""

    type: str = ""
    number: int = 0


@dataclass(frozen=True, slots=True)
class ResourceSpec:
    """What user code may have of the machine."""

    cpu: float = 0.0
    memory: str = ""
    gpu: GpuSpec | None = None
    disk: str = ""


@dataclass(frozen=True, slots=True)
class Service:
    """A port on which user code answers."""

    internal_port: int = 0
    external_port: int = 0
    ip: str = ""
    type: str = ""


@dataclass(frozen=True, slots=True)
class Spout:
    """User code without inputs that makes its own commits."""

    service: Service | None = None


@dataclass(frozen=True, slots=True)
class DatumSetSpec:
    """How many datums a worker takes at a time."""

    number: int = 0
    size_bytes: int = 0
    per_worker: int = 0


@dataclass(frozen=True, slots=True)
class SchedulingSpec:
    """For Kubernetes; kept."""

    node_selector: Mapping[str, str] = field(default_factory=dict)
    priority_class_name: str = ""


@dataclass(frozen=True, slots=True)
class Metadata:
    """What people and programs note at the pipeline."""

    annotations: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)


class TolerationOperator(enum.IntEnum):
    """For Kubernetes; kept."""

    EMPTY = 0
    EXISTS = 1
    EQUAL = 2


class TaintEffect(enum.IntEnum):
    """For Kubernetes; kept."""

    ALL_EFFECTS = 0
    NO_SCHEDULE = 1
    PREFER_NO_SCHEDULE = 2
    NO_EXECUTE = 3


@dataclass(frozen=True, slots=True)
class Toleration:
    """For Kubernetes; kept."""

    key: str = ""
    operator: TolerationOperator = TolerationOperator.EMPTY
    value: str = ""
    effect: TaintEffect = TaintEffect.ALL_EFFECTS
    toleration_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Determined:
    """Workspaces of another product; kept."""

    workspaces: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Spec:
    """A pipeline's specification; see the module's text."""

    pipeline: Pipeline
    tf_job: TfJob | None = None
    transform: Transform | None = None
    parallelism_spec: ParallelismSpec | None = None
    egress: Egress | None = None
    update: bool = False
    output_branch: str = ""
    s3_out: bool = False
    resource_requests: ResourceSpec | None = None
    resource_limits: ResourceSpec | None = None
    sidecar_resource_limits: ResourceSpec | None = None
    input: Input | None = None
    description: str = ""
    reprocess: bool = False
    service: Service | None = None
    spout: Spout | None = None
    datum_set_spec: DatumSetSpec | None = None
    datum_timeout: timedelta | None = None
    job_timeout: timedelta | None = None
    salt: str = ""
    datum_tries: int = 0
    scheduling_spec: SchedulingSpec | None = None
    pod_spec: str = ""
    pod_patch: str = ""
    metadata: Metadata | None = None
    reprocess_spec: str = ""
    autoscaling: bool = False
    tolerations: tuple[Toleration, ...] = ()
    sidecar_resource_requests: ResourceSpec | None = None
    dry_run: bool = False
    determined: Determined | None = None
    maximum_expected_uptime: timedelta | None = None

    @property
    def reprocesses(self) -> bool:
        """Whether every job works on all of its datums."""
        return self.reprocess_spec == EVERY_JOB
