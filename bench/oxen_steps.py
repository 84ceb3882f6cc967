"""oxen's steps for bench.peers: it is a library here, in an environment of its own, which has none of Howdah.

Each writes its seconds, of the wall's clock and the processor's, without those of loading the library.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def _measured(place: Path, action: Callable[[], object]) -> None:
    used, started = time.process_time(), time.perf_counter()
    action()
    seconds = time.perf_counter() - started
    (place / "seconds").write_text(f"{seconds} {time.process_time() - used}")


def _put(repo: Any) -> None:
    repo.add("data")
    repo.commit("put")
    os.sync()


def _small(repo: Any, place: Path, count: int) -> None:
    for number in range(count):
        (place / f"{number}.json").write_text(f"{number:08d}" * 128)
        repo.add(f"{number}.json")
        repo.commit("small")
        os.sync()


def main() -> None:
    """One step: `oxen_steps.py STEP PLACE [COUNT]`."""
    import oxen  # type: ignore[import-not-found]  # noqa: PLC0415 -- the peer

    step, place = sys.argv[1], Path(sys.argv[2])
    if step == "ready":
        oxen.user.config_user("bench", "bench@example.com")
        oxen.Repo(str(place)).init()
        return
    repo = oxen.Repo(str(place))
    if step == "put":
        _measured(place, lambda: _put(repo))
    else:
        _measured(place, lambda: _small(repo, place, int(sys.argv[3])))


if __name__ == "__main__":
    main()
