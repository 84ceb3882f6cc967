"""Work that goes on beside its caller's."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future


def beside(work: Callable[[], None], name: str) -> Future[None]:
    """Do the work in a thread of its own, which keeps no process from ending; its error is raised by the result."""
    done: Future[None] = Future()

    def run() -> None:
        try:
            work()
            done.set_result(None)
        except BaseException as error:  # noqa: BLE001 -- raised where the result is asked for
            done.set_exception(error)

    threading.Thread(target=run, name=name, daemon=True).start()
    return done
