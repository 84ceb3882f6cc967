"""From what somebody wrote to what a pipeline does: defaults under it, defaults filled in, everything checked."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from howdah.documents import Document
from howdah.errors import Code, HowdahError, Invalid, Unsupported
from howdah.names import DEFAULT_BRANCH, check_branch_name, check_project_name
from howdah.pps import inputs, quantities, shape
from howdah.pps.spec import EVERY_JOB, UNTIL_SUCCESS, ParallelismSpec, ResourceSpec, SecretMount, Spec, Transform

IMAGE = "ubuntu:20.04"
TRIES = 3

_KEPT = frozenset({"/pfs", "/proc", "/dev", "/sys"})
_WHOLE = frozenset({"/", "/tmp", "/run"})  # noqa: S108
_SET_BY_SERVER = ("spec_commit", "specCommit")


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a cluster or a project says of pipelines that do not say it themselves."""

    create_pipeline_request: Spec | None = None


def defaults(document: Document) -> Document:
    """What a document of defaults puts under the specifications of pipelines; `Invalid` if it cannot be read."""
    told: Document = shape.canonical(Defaults, document)
    shape.read(Defaults, told)
    under: Document = told.get("create_pipeline_request") or {}
    return under


def read(document: Document, *under: Document) -> Spec:
    """The specification that a document makes above others, the first of them the lowest; nothing is filled in yet."""
    try:
        merged: Mapping[str, Any] = {}
        for each in (*under, document):
            known = {name: value for name, value in each.items() if name not in _SET_BY_SERVER}
            merged = shape.merged(merged, shape.canonical(Spec, known))
        return shape.read(Spec, merged)
    except Invalid as error:
        raise Invalid(f"could not make effective spec: {error.message}", kind=error.kind) from error
    except RecursionError as error:
        raise Invalid("could not make effective spec: it is nested too deeply", kind="bad-spec") from error


def write(spec: Spec) -> Document:
    """The document that tells the specification."""
    written: Document = shape.write(spec)
    written["pipeline"] = {"project": {"name": spec.pipeline.project.name}, "name": spec.pipeline.name}
    return written


def with_defaults(spec: Spec, now: datetime) -> Spec:
    """The specification with what it leaves out."""
    transform = spec.transform
    if transform is not None and not transform.image:
        transform = replace(transform, image=IMAGE)
    return replace(
        spec,
        transform=transform,
        input=inputs.with_defaults(spec.input, spec.pipeline, now) if spec.input is not None else None,
        output_branch=spec.output_branch or DEFAULT_BRANCH,
        datum_tries=spec.datum_tries or TRIES,
        reprocess_spec=spec.reprocess_spec or UNTIL_SUCCESS,
    )


def check(spec: Spec) -> None:
    """`Invalid` if the specification, defaults filled in, makes no pipeline; `Unsupported` if only none here."""
    _check_name(spec)
    if spec.transform is None:
        raise _missing_transform(spec)
    _check_transform(spec.transform)
    if spec.input is not None:
        inputs.check(spec.input)
    _check_running(spec)
    _check_limits(spec)
    _check_resources(spec)
    _check_offered(spec)


def _check_name(spec: Spec) -> None:
    if not spec.pipeline.name:
        raise _invalid("invalid pipeline spec: it must have a name, as pipeline.name")
    try:
        check_project_name(spec.pipeline.name)
    except HowdahError as error:
        raise _invalid(error.message.replace("project name", "pipeline name")) from error
    check_branch_name(spec.output_branch)


def _missing_transform(spec: Spec) -> HowdahError:
    if spec.tf_job is not None:
        return Unsupported(
            "pipelines of Kubeflow's jobs are not offered: give a transform, not a tf_job", kind="tf-job"
        )
    return _invalid("pipeline must specify a transform")


def _check_transform(transform: Transform) -> None:
    for secret in transform.secrets:
        _check_secret(secret)
    for name in transform.env:
        if not name or "=" in name or "\0" in name:
            raise _invalid(f"transform.env: {name!r} cannot name an environment variable")
    if transform.datum_batching and transform.err_cmd:
        raise _invalid("transform.err_cmd cannot be had with datum_batching, where the code tells what has failed")
    words = (*transform.cmd, *transform.err_cmd, *transform.stdin, *transform.err_stdin, *transform.env.values())
    if any("\0" in word for word in words):
        raise _invalid("transform: no word of a command may hold a zero byte")


def _check_secret(secret: SecretMount) -> None:
    if not secret.name:
        raise _invalid("transform.secrets: each must have a name")
    if not secret.mount_path and not secret.env_var:
        raise _invalid(f"secret {secret.name} must have a mount_path, or an env_var and a key")
    if secret.mount_path:
        _check_mount(secret)
    if "/" in secret.env_var or "=" in secret.env_var or "\0" in secret.env_var:
        raise _invalid(f"secret {secret.name}: env_var {secret.env_var!r} cannot name an environment variable")
    if secret.env_var and not secret.key:
        raise _invalid(f"secret {secret.name} must have a key, of which env_var {secret.env_var} is made")


def _check_mount(secret: SecretMount) -> None:
    path = posixpath.normpath(secret.mount_path)
    top = "/" + path.strip("/").partition("/")[0]
    if not path.startswith("/") or "\0" in path:
        raise _invalid(f"secret {secret.name}: mount_path {path!r} must be an absolute path, such as /secrets")
    if path in _WHOLE or path.startswith("//") or top in _KEPT:
        told = f"secret {secret.name}: mount_path {path} would hide what code needs: name a folder such as /secrets"
        raise _invalid(told)


def _check_running(spec: Spec) -> None:
    constant = (spec.parallelism_spec or ParallelismSpec()).constant
    if constant < 0:
        raise _invalid(f"parallelism_spec.constant ({constant}) must not be negative")
    if spec.transform is not None and spec.transform.datum_batching and (spec.service or spec.spout) is not None:
        kind = "services" if spec.service is not None else "spouts"
        raise _invalid(f"transform.datum_batching is nothing for {kind}, which have no datums to ask for: leave it out")
    if spec.service is not None and constant not in {0, 1}:
        raise _invalid("services can only be run with a constant parallelism of 1")
    if spec.spout is not None and spec.spout.service is None and spec.input is not None:
        raise _invalid("spout pipelines (without a service) must not have an input")
    if spec.spout is not None and spec.autoscaling:
        raise _invalid("autoscaling can't be used with spouts, which nothing outside triggers")
    if spec.reprocess_spec not in {UNTIL_SUCCESS, EVERY_JOB}:
        raise _invalid(f"invalid reprocess_spec ({spec.reprocess_spec}): {UNTIL_SUCCESS} or {EVERY_JOB}")


def _check_limits(spec: Spec) -> None:
    for name in ("datum_timeout", "job_timeout", "maximum_expected_uptime"):
        length: timedelta | None = getattr(spec, name)
        if length is not None and length < timedelta(0):
            raise _invalid(f"{name} must not be negative")
    if spec.datum_tries < 0:
        raise _invalid(f"datum_tries ({spec.datum_tries}) must not be negative")
    sets = spec.datum_set_spec
    if sets is not None:
        if min(sets.number, sets.size_bytes, sets.per_worker) < 0:
            raise _invalid("datum_set_spec: no number may be negative")
        if sets.per_worker and (sets.number or sets.size_bytes):
            raise _invalid("datum_set_spec.per_worker can't be set with number or size_bytes")


def _check_resources(spec: Spec) -> None:
    for name in ("resource_requests", "resource_limits", "sidecar_resource_limits", "sidecar_resource_requests"):
        found: ResourceSpec | None = getattr(spec, name)
        for field in ("memory", "disk") if found is not None else ():
            quantities.read(getattr(found, field), f"{name}.{field}")


def _check_offered(spec: Spec) -> None:
    if spec.s3_out:
        raise Unsupported("pipelines that write by S3 are not offered here: leave s3_out out", kind="s3")
    if spec.egress is not None and spec.egress.sql_database is not None:
        raise Unsupported("egress to databases is not offered here: egress to a URL", kind="sql-egress")


def _invalid(text: str) -> Invalid:
    return Invalid(text, kind="bad-spec", code=Code.UNKNOWN)
