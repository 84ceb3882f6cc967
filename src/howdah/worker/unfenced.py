"""Without a fence there is one `/pfs` for all: a link that an administrator makes once, and that leads from run to run.

So one datum at a time can be worked on. Its code can read and change whatever the worker's user can: for code of one's
own, where the kernel allows no fence.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from howdah.errors import Invalid, Unavailable, unusable
from howdah.worker.slot import Place

NOTICE = "code runs without a fence: it can read and change whatever the worker's user can"
_LINK = "pfs"


def lead(place: Place, folder: Path) -> None:
    """Have `/pfs` be that of the run's folder; raises `Unavailable` where nobody has made the link."""
    if place.number:
        raise Invalid("without a fence there is one slot: start one worker", kind="unfenced")
    link, new = place.folder / _LINK, place.folder / f".new-{_LINK}"
    try:
        new.unlink(missing_ok=True)
        new.symlink_to(folder / "pfs", target_is_directory=True)
        os.replace(new, link)
    except OSError as error:
        raise unusable(str(link), error) from error
    if not place.pfs.exists() or not place.pfs.samefile(folder / "pfs"):
        raise Unavailable(f"{place.pfs} does not lead to {link}: {remedy(place.pfs, link)}", kind="unfenced")


def remedy(pfs: Path, link: Path, platform: str = sys.platform) -> str:
    """How an administrator makes the link."""
    if platform == "darwin":  # whose root is read-only
        return (
            f"put this line into /etc/synthetic.conf, the gap being a tab, and restart: {str(pfs)[1:]}\t{str(link)[1:]}"
        )
    return f"sudo ln -sfn {link} {pfs}"
