"""The process of a worker; the store starts it, and it ends with the store."""

from __future__ import annotations

import argparse
import logging
import os
from pathlib import Path

from howdah.worker.attending import Worker, attend

_TOKEN = "HOWDAH_WORKER_TOKEN"  # noqa: S105 -- the name of a variable


def main() -> None:
    """Read the command line and attend."""
    parser = argparse.ArgumentParser(prog="howdah.worker", description=__doc__)
    parser.add_argument("--address", required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--slots", type=int, required=True)
    parser.add_argument("--unfenced", action="store_true")
    told = parser.parse_args()
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s %(message)s")
    environ = dict(os.environ)
    token = environ.pop(_TOKEN, "")
    attend(Worker(told.address, token, told.data.resolve(), told.slots, told.unfenced, environ))


if __name__ == "__main__":
    main()
