"""Whether code can be fenced in on this machine: found out by doing it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from howdah.worker import layout, refusals, users
from howdah.worker.fence.limits import Limits
from howdah.worker.slot import Place, Slot

_SECONDS = 10.0
_NAME = "trial"


def fence() -> None:
    """Run a shell that does nothing, fenced in; raises `Refused` where that does not go."""
    with tempfile.TemporaryDirectory() as made, Slot(Place(Path(made), user=users.of_slot(0))) as slot:
        layout.make(Path(made, _NAME), slot.place.user)
        layout.give(Path(made, _NAME), [])
        limits = Limits(seconds=_SECONDS, reserve=0)
        ended = slot.run(_NAME, ["/bin/sh", "-c", ":"], {}, limits=limits, tell=lambda _: None)
    if (ended.how, ended.code) != ("exited", 0):
        raise refusals.error(ended.why)
