"""What last used a data folder: which versions, and where Label Studio's database is. Kept in the folder."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

from howdah import __version__

NAME = "last-use.json"
SQLITE = "label-studio/label_studio.sqlite3"
"""Label Studio's database, if it is in the folder."""
PENDING = 3
"""Exit code of `howdah.labelstudio.prepare --pending` where there is something to migrate."""
NEWER = 4
"""Its exit code where a newer version has migrated the database."""


@dataclass(frozen=True, slots=True)
class LastUse:
    """`migrations` names the newest of our own to Label Studio's database, `rows` the newest to the store's;
    `database` is an address without secrets, empty for SQLite.
    """

    howdah: str
    label_studio: str
    migrations: str
    rows: str
    database: str


def present(database: str) -> LastUse:
    """What the present installation would leave behind."""
    try:
        host = metadata.version("label-studio")
    except metadata.PackageNotFoundError:
        host = "unknown"
    return LastUse(__version__, host, _newest("labelstudio/migrations"), _newest("db/migrations"), database)


def _newest(folder: str) -> str:
    return max((file.stem for file in Path(__file__).parent.joinpath(folder).glob("0*")), default="")


def read(data: Path) -> LastUse | None:
    """What the folder tells; None if it tells nothing that can be read."""
    try:
        found = json.loads((data / NAME).read_text("utf-8"))
        return LastUse(**{name: str(found[name]) for name in LastUse.__dataclass_fields__})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def text(use: LastUse) -> str:
    """The content of the file."""
    return json.dumps(asdict(use), indent=1) + "\n"
