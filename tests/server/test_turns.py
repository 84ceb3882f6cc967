from __future__ import annotations

import subprocess
import sys

_RUN = """
import gc, sys, weakref
from howdah.server import turns

class Call:
    pass

turns.share()
found = []
gc.callbacks.append(lambda phase, info: found.append(info["generation"]))
alive = weakref.WeakSet()
for _ in range(100_000):
    call = Call()
    call.itself, call.data = call, bytes(1000)
    alive.add(call)
print(len(alive) < 20_000, 2 not in found, sys.getswitchinterval() < 0.005)
"""


def test_garbage_is_found_soon_without_a_search_of_everything() -> None:
    done = subprocess.run([sys.executable, "-c", _RUN], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["True", "True", "True"]
