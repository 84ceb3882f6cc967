"""What code finds in its environment: what its pipeline gives, and what Pachyderm tells it about the datum."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from howdah import settings
from howdah.names import Commit
from howdah.worker.inputs import Input
from howdah.worker.installation import PROGRAMS

PATH = f"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:{PROGRAMS}"
_BASE = {
    "PATH": PATH,
    "LANG": "C.UTF-8",
}
_SPECIAL = frozenset('"\\$`!')


@dataclass(frozen=True, slots=True)
class About:
    """Of which job a datum is, and where the results go."""

    datum: str
    job: str
    output: Commit
    spec_commit: str = ""


def told(about: About, inputs: Sequence[Input], pfs: str = "/pfs") -> dict[str, str]:
    """The names that tell code what it works on; of several files of an input, the last."""
    found = {
        "PACH_JOB_ID": about.job,
        "PACH_OUTPUT_COMMIT_ID": about.output.id,
        **({"PACH_DATUM_ID": about.datum} if about.datum else {}),
        "PPS_PIPELINE_NAME": about.output.repo.name,
        "PPS_PROJECT_NAME": about.output.repo.project.name,
        "PPS_SPEC_COMMIT": about.spec_commit,
    }
    for each in inputs:
        found[each.name] = f"{pfs}/{each.name}/{each.file.path.strip('/')}".rstrip("/")
        found[f"{each.name}_COMMIT"] = each.file.commit.id
        for key, value in (("JOIN_ON", each.join_on), ("GROUP_BY", each.group_by)):
            if value:
                found[f"PACH_DATUM_{each.name}_{key}"] = value
    return found


def cluster(address: str) -> dict[str, str]:
    """The names by which Pachyderm's clients and ours find the store from inside of a pipeline."""
    where = urlsplit(address)
    host, port = where.hostname or "", str(where.port)
    return {
        "PACH_IN_WORKER": "true",
        "PACH_NAMESPACE": "default",
        "PACHD_PEER_SERVICE_HOST": f"[{host}]" if ":" in host else host,
        "PACHD_PEER_SERVICE_PORT": port,
        "PEER_PORT": port,
        settings.ADDRESS.name: address,
    }


def whole(given: Mapping[str, str], told: Mapping[str, str], home: str = "/tmp") -> dict[str, str]:  # noqa: S108
    """All of a run's environment: what is told cannot be given otherwise. `home` is the run's own."""
    return {**_BASE, "HOME": home, "TMPDIR": home, **given, **told}


def as_file(told: Mapping[str, str]) -> str:
    """What is told, as lines that a shell reads, and readers of `.env` as far as they can."""
    return "".join(f"{name}={_quoted(value)}\n" for name, value in told.items())


def _quoted(value: str) -> str:
    if "'" in value and not _SPECIAL.intersection(value):
        return f'"{value}"'  # a shell's way to put a single quote between single ones is nobody else's
    return shlex.quote(value)
