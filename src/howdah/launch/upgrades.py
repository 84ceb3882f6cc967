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
from howdah.errors import HowdahError, Unavailable
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
    try:
        if (last is None or last.rows == present.rows) and not _is_pending(environ):
            return None
        backups = folder.root / BACKUPS
        path = backups / f"{_NAME}{datetime.now(timezone.utc):%Y-%m-%dT%H-%M-%S.%f}.tar"
        say(f"Updating what another version left in {folder.root}; backing it up first, to {path}")
        make(Source(folder.root, database), path)
    except (HowdahError, OSError) as error:
        raise Unavailable(
            f"the backup before the update failed: {error}; mend that, or go on without it with --no-backup"
        ) from error
    for old in sorted(backups.glob(f"{_NAME}*.tar"))[:-KEPT]:
        old.unlink()
    return path


def _present(database: Address | None) -> lastuse.LastUse:
    return lastuse.present(str(database) if database else "")


def _is_pending(environ: Mapping[str, str]) -> bool:
    """Whether Label Studio's database has had other migrations than it would have now."""
    command = [sys.executable, "-I", "-X", "utf8", "-m", "howdah.labelstudio.prepare", "--pending"]
    done = subprocess.run(command, env=dict(environ), check=False, capture_output=True, text=True)  # noqa: S603
    if done.returncode not in {0, lastuse.PENDING}:
        raise Unavailable(f"Label Studio's database could not be looked at:\n{done.stderr.strip()}")
    return done.returncode == lastuse.PENDING
