"""Installs Howdah in a Cloudera AI session and ends: what takes long at the first start is done before it."""

import os
import sys

ROOT = os.getcwd()  # a session starts in the project's home, and its engine does not tell where this file lies
sys.path.insert(0, os.path.join(ROOT, "src"))

from howdah.launch import engine  # noqa: E402  (only now can it be found)

place = engine.install(ROOT)
print(f"* Howdah is installed in {place.venv}; the application can start")
