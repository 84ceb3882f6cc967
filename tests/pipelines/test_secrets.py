"""Secrets as files below a path of the pipeline's choice."""

from __future__ import annotations

import json

import pytest

from howdah.client import logs, pipelines, secrets
from howdah.errors import Invalid
from howdah.infos import JobState
from howdah.testing.pipelines import Mill, pfs

NOT_THERE = {"name": "not-there", "env_var": "WORD", "key": "word"}


def _secret(mill: Mill, repo: str, **values: str) -> str:
    name = f"of-{repo}"
    secrets.create(mill.conn, json.dumps({"metadata": {"name": name}, "stringData": values}))
    return name


@pytest.mark.parametrize(
    "path",
    ["/secrets", "/etc/of/mine/", "/var/run/secrets/cloud", "/tmp/secrets", "/root/.aws", "/etc/ssl", "/usr/share/own"],
)
def test_a_secret_is_files_below_its_path(mill: Mill, path: str) -> None:
    repo = mill.repo({"/a": b""})
    name = _secret(mill, repo, word="tell nobody", other="nor this")
    script = (
        f"cp {path}/* /pfs/out",
        f"ls -l {path} | tail -n +2 | cut -c1-10 > /pfs/out/modes",
        f"cat {path}/word",
        f"! touch {path}/new 2> /dev/null",
        "test -s /etc/passwd && test -d /usr/share && ls / | grep -q usr",
        "! touch /new /etc/new 2> /dev/null",
    )
    pipeline = mill.pipeline(repo, *script, transform={"secrets": [{"name": name, "mount_path": path}]})

    told = mill.wait(pipeline)

    said = [line.message for line in logs.read(mill.conn, job=told.job)]
    assert told.state is JobState.JOB_SUCCESS, said
    assert mill.read(pipeline) == {"/word": b"tell nobody", "/other": b"nor this", "/modes": b"-r--------\n" * 2}
    assert "***" in said
    assert not any("tell nobody" in line for line in said)


def test_it_is_there_for_one_pipeline_alone(mill: Mill) -> None:
    repo = mill.repo({"/a": b""})
    name = _secret(mill, repo, word="tell nobody")
    own = mill.pipeline(repo, "true", transform={"secrets": [{"name": name, "mount_path": "/seen"}]})
    mill.wait(own)

    assert mill.wait(mill.pipeline(repo, "! ls /seen/*")).state is JobState.JOB_SUCCESS


def test_two_secrets_have_their_places(mill: Mill) -> None:
    repo = mill.repo({"/a": b""})
    name, other = _secret(mill, repo, a="1111"), _secret(mill, f"{repo}-2", b="2222", c="3333")
    mounts = [
        {"name": other, "mount_path": "/all/below"},
        {"name": name, "mount_path": "/all"},
        {"name": other, "mount_path": "/all", "env_var": "C", "key": "c"},
    ]
    pipeline = mill.pipeline(
        repo, "cat /all/a /all/b /all/below/b > /pfs/out/x; echo $C >> /pfs/out/x", transform={"secrets": mounts}
    )

    mill.wait(pipeline)

    assert mill.read(pipeline) == {"/x": b"1111222222223333\n"}


@pytest.mark.parametrize(
    "path", ["/", "/pfs", "/pfs/in", "/proc/1", "/dev", "/sys/x", "/tmp/", "/run", "here", "/a/../pfs"]
)
def test_what_code_needs_is_not_hidden(mill: Mill, path: str) -> None:
    document = {
        "pipeline": {"name": "hides"},
        "input": pfs(mill.repo()),
        "transform": {"cmd": ["true"], "secrets": [{"name": "x", "mount_path": path}]},
    }

    with pytest.raises(Invalid, match="mount_path"):
        pipelines.create(mill.conn, json.dumps(document))


def test_a_link_to_what_code_needs_is_refused_when_it_runs(mill: Mill) -> None:
    repo = mill.repo({"/a": b""})
    name = _secret(mill, repo, word="tell nobody")
    mounts = [{"name": name, "mount_path": "/var/run"}]
    pipeline = mill.pipeline(repo, "true", transform={"secrets": mounts}, datum_tries=1)

    told = mill.wait(pipeline)

    assert told.state is JobState.JOB_FAILURE
    said = [line.message for line in logs.read(mill.conn, job=told.job)]
    assert any("a secret cannot be at /var/run: it would hide what code needs" in line for line in said), said


def test_a_secret_that_is_not_there_is_told_with_its_remedy(mill: Mill) -> None:
    told = mill.wait(mill.pipeline(mill.repo({"/a": b""}), "true", transform={"secrets": [NOT_THERE]}))

    assert told.state is JobState.JOB_FAILURE
    assert told.reason.startswith(
        'secret "not-there" not found: create it (`howdah create secret -f FILE`), then rerun'
    )
