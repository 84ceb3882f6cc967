"""How those who work in one server share its interpreter: one runs at a time, and the others wait for their turn.

A small read takes a few turns. While a large commit is put together each of them would wait five milliseconds, and now
and then a tenth of a second and more: that is how long the search for garbage takes among all the objects that a large
commit consists of. It takes a quarter of such a commit's time, too, and there is nothing to be found.
"""

from __future__ import annotations

import gc
import sys

_TURN = 0.0002  # seconds
_FULL_SEARCH = 1000


def share() -> None:
    """Let this process, a server with all modules loaded, give turns often and search its oldest objects seldom.

    What was made a short while ago is searched as ever: a failed call's traceback goes soon, and its bytes with it.
    """
    sys.setswitchinterval(_TURN)
    gc.collect()
    gc.freeze()
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, _FULL_SEARCH)
