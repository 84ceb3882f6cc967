"""The server's processes: one behind the site (see `howdah.labelstudio.behind`), the others answer requests.

Gunicorn starts them all alike, and anew when one dies. Which one is behind is decided by a lock on a file that they
inherit: whoever gets it keeps it until its end.
"""

from __future__ import annotations

import fcntl
import os
import tempfile

from gunicorn.workers.gthread import ThreadWorker

_NICE = 10  # a Sync takes the processor that those who answer people leave
_LOOK = 1.0  # seconds between two signs of life
_role = tempfile.TemporaryFile()  # noqa: SIM115  (open as long as the process: closing it would give up the lock)


class Worker(ThreadWorker):
    """A process with threads that answers requests, or the one that does the Syncs."""

    def run(self) -> None:
        """Work until told to stop."""
        if self._is_behind():
            self._work_behind()
        else:
            super().run()

    @staticmethod
    def _is_behind() -> bool:
        try:
            fcntl.lockf(_role, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def _work_behind(self) -> None:
        # The site's models are there once the application is loaded.
        from howdah.labelstudio import behind, runs, watching  # noqa: PLC0415

        os.nice(_NICE)
        watching.start()
        while self.alive and os.getppid() == self.ppid:
            self.notify()
            handed = behind.take(_LOOK)
            if handed is None:
                continue
            if handed.run:
                runs.carry_on(handed)
            else:
                handed.end.close()
                watching.look()
