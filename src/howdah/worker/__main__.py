"""The process of a worker. The store starts it, tells it a token by its standard input, and takes it along."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import threading
from pathlib import Path

from howdah.errors import HowdahError
from howdah.worker.attending import Worker, attend


def main() -> None:
    """Read the command line and attend."""
    parser = argparse.ArgumentParser(prog="howdah.worker", description=__doc__)
    parser.add_argument("--address", required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--slots", type=int, required=True)
    parser.add_argument("--engine", required=True)
    parser.add_argument("--unfenced", action="store_true")
    told = parser.parse_args()
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s %(message)s")
    token = sys.stdin.readline().strip()
    running = threading.Semaphore(told.slots)
    worker = Worker(
        told.address,
        token,
        told.data.resolve(),
        told.slots,
        unfenced=told.unfenced,
        environ=dict(os.environ),
        running=running,
        engine=told.engine,
    )
    try:
        attend(worker)
    except HowdahError as error:  # another store is where the one was that started it, say
        logging.getLogger("howdah.worker").warning("the worker ends: %s", error.message)


if __name__ == "__main__":
    main()
