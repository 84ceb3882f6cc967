"""What a cluster and its projects put under the specifications of pipelines: JSON, kept as it was written."""

from __future__ import annotations

from howdah import documents
from howdah.db.database import Tx
from howdah.documents import Document
from howdah.names import Project
from howdah.pfs import projects
from howdah.pps import effective

NOTHING = "{}"
_CLUSTER = "pipeline-defaults"


def of_cluster(tx: Tx) -> str:
    """What holds for all pipelines."""
    row = tx.one("SELECT value FROM cluster WHERE key = ?", _CLUSTER)
    return str(row[0]) if row is not None else NOTHING


def of_project(tx: Tx, project: Project) -> str:
    """What holds for the pipelines of a project; `NotFound` without it."""
    row = tx.one("SELECT defaults FROM projects WHERE project = ?", projects.number(tx, project))
    assert row is not None  # its number was just found
    return str(row[0])


def write(tx: Tx, project: Project | None, text: str) -> None:
    """Set the defaults of a project, or without one those of the cluster; `Invalid` if they can be none."""
    text = text.strip() or NOTHING
    effective.defaults(documents.parse_one(text))
    if project is not None:
        tx.run("UPDATE projects SET defaults = ? WHERE project = ?", text, projects.number(tx, project))
        return
    tx.run(
        "INSERT INTO cluster (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        *(_CLUSTER, text),
    )


def under(tx: Tx, project: Project) -> tuple[Document, Document]:
    """What lies under the specifications of a project's pipelines, the cluster's first."""
    found = of_cluster(tx), of_project(tx, project)
    first, second = (effective.defaults(documents.parse_one(text)) for text in found)
    return first, second
