"""What happens when another version than the last one is to use a data folder: it is backed up first, by itself.

Only where Label Studio's database or the store's is going to be migrated: nothing else changes what an older version
would find.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from pathlib import Path

from howdah import lastuse
from howdah.backup.make import BACKUPS, Source, is_used, make
from howdah.errors import HowdahError, Unavailable, WrongState
from howdah.launch.paths import DataFolder, replace_file
from howdah.postgres.address import Address

KEPT = 3
_NAME = "before-update-"


def note(folder: DataFolder, database: Address | None) -> None:
    """Record that this version uses the folder now."""
    replace_file(folder.root / lastuse.NAME, lastuse.text(_present(database)))


def back_up_before(
    folder: DataFolder, database: Address | None, environ: Mapping[str, str], say: Callable[[str], None]
) -> Path | None:
    """The backup that was made because the folder was last used by another version; None where none is due.

    `environ` is Label Studio's; `say` is told before it begins, since it may take long. The latest `KEPT` of such
    backups stay. Raises a `HowdahError`: then do not go on.
    """
    last, present = lastuse.read(folder.root), _present(database)
    if last == present or not is_used(folder.root):
        return None
    backups = folder.root / BACKUPS
    try:
        is_same_store = last is None or last.rows == present.rows
        has_rows = database is not None or (folder.root / lastuse.SQLITE).exists()
        pending = _pending(environ) if is_same_store or has_rows else 0
        if pending == lastuse.NEWER:
            raise _newer(folder.root, last, max(backups.glob(f"{_NAME}*.tar"), default=None))
        if is_same_store and not pending:
            return None
        path = backups / f"{_NAME}{datetime.now(timezone.utc):%Y-%m-%dT%H-%M-%S.%f}.tar"
        say(f"Updating what another version left in {folder.root}; backing it up first, to {path}")
        make(Source(folder.root, database), path)
    except WrongState:
        raise
    except (HowdahError, OSError) as error:
        raise Unavailable(
            f"the backup before the update failed: {error}; mend that, or go on without it with --no-backup"
        ) from error
    for old in sorted(backups.glob(f"{_NAME}*.tar"))[:-KEPT]:
        old.unlink()
    return path


def _present(database: Address | None) -> lastuse.LastUse:
    return lastuse.present(str(database) if database else "")


def _newer(root: Path, last: lastuse.LastUse | None, backup: Path | None) -> WrongState:
    which = f"Howdah {last.howdah} with Label Studio {last.label_studio}" if last else "a newer version"
    back = f"howdah restore {backup} --data FOLDER" if backup else f"there is no backup of it in {root / BACKUPS}"
    return WrongState(
        f"data folder {root} was used by {which}, whose tables this version does not know: start that version again, "
        f"or bring back what was there before its update: {back}",
        kind="newer-database",
    )


def _pending(environ: Mapping[str, str]) -> int:
    """0, `PENDING` where there is something to migrate, `NEWER` where this version is too old for the database."""
    command = [sys.executable, "-I", "-X", "utf8", "-m", "howdah.labelstudio.prepare", "--pending"]
    done = subprocess.run(command, env=dict(environ), check=False, capture_output=True, text=True)  # noqa: S603
    if done.returncode not in {0, lastuse.PENDING, lastuse.NEWER}:
        raise Unavailable(f"Label Studio's database could not be looked at:\n{done.stderr.strip()}")
    return done.returncode
