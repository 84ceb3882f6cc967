#!/usr/bin/env python3
"""Installs Howdah beside this file and runs it: `python3 launch.py`, or `python3 launch.py test` for its tests.

Only this file is read by Pythons that are too old; hence the check before any other import, in words that every
Python understands. The rest is in src/howdah/launch/.
"""

import sys

if sys.version_info < (3, 10):  # noqa: UP036
    sys.exit("Howdah needs Python 3.10 or newer, and this is %d.%d. Try: python3.12 launch.py" % sys.version_info[:2])  # noqa: UP031

import builtins
import os

if os.name != "posix":
    sys.exit("Howdah runs on Linux and macOS; on Windows, run it inside WSL.")

# An engine may run this text without telling where it lies, and then the arguments are the engine's own.
IS_FILE = "__file__" in globals()
IN_ENGINE = not IS_FILE or hasattr(builtins, "__IPYTHON__")
ARGUMENTS = sys.argv[1:] if IS_FILE else []

# The project's folder is known by what is in it.
KNOWN = os.path.join("src", "howdah", "launch", "entry.py")
PLACES = ([os.path.dirname(os.path.abspath(__file__))] if IS_FILE else []) + [os.getcwd(), os.path.expanduser("~")]
ROOT = next((place for place in PLACES if os.path.isfile(os.path.join(place, KNOWN))), "")
if not ROOT:
    raise RuntimeError("Howdah's files are not found: run launch.py in the project's folder")
sys.path.insert(0, os.path.join(ROOT, "src"))

from howdah.launch import engine  # noqa: E402  (only now can it be found)
from howdah.launch.entry import main  # noqa: E402

if __name__ == "__main__":
    if IN_ENGINE:
        engine.run(ROOT, ARGUMENTS)
    elif os.environ.get("CDSW_APP_PORT") and ARGUMENTS[:1] not in (["test"], ["bundle"]):
        sys.exit(engine.start(ROOT, ARGUMENTS))
    else:
        sys.exit(main(ROOT, ARGUMENTS))
