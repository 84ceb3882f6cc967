"""A server that is killed again and again under a crowd: nothing that was acknowledged is lost, nothing is half there.

`HOWDAH_KILLS=500 HOWDAH_SEED=… pytest tests/faults/test_storm.py` storms longer, or again as it did (`just storm`).
"""

from __future__ import annotations

import copy
import os
import random
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

from howdah.client import channel, repos, upkeep
from howdah.client.channel import Connection
from howdah.testing.servers import StoreServer
from tests.faults.storm import BATCH, SHARED, Cleaner, Member, Sight, State, possible, shared_line

KILLS = int(os.environ.get("HOWDAH_KILLS", "60"))
SEED = int(os.environ.get("HOWDAH_SEED", "0")) or random.randrange(1, 1 << 32)
MEMBERS = 4
STARTS = 0.1  # of the kills come while the server starts
LOOK_AT_ALL = 10  # kills
_PATIENCE = 60


def die_starting(data: Path, chance: random.Random) -> None:
    """Start a server and kill it before or just after it is ready."""
    command = [sys.executable, "-m", "howdah.cli.main", "serve", "--data", str(data), "--port", "0"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    threading.Event().wait(chance.uniform(0.05, 0.25))  # not a wait for anything: the moment is what varies
    process.kill()
    process.wait(_PATIENCE)


def storm(server: StoreServer, states: dict[int, State], chance: random.Random) -> list[Member]:
    """Let the crowd work until the server is killed in the midst of it."""
    members = [Member(server.address, at, random.Random(chance.random()), states[at]) for at in states]
    cleaner = Cleaner(server.address)
    threads: tuple[Member | Cleaner, ...] = (*members, cleaner)
    for thread in threads:
        thread.start()
    threading.Event().wait(chance.uniform(0.005, 0.3))  # not a wait for anything either
    ended = [thread.name for thread in threads if not thread.is_alive()]
    server.kill()
    for thread in threads:
        thread.join(_PATIENCE)
        assert not thread.is_alive(), f"{thread.name} still waits for a server that is gone"
    for thread in threads:
        if thread.fault is not None:
            raise thread.fault
    assert not ended, f"{ended} were told that the store cannot be had, while it could"
    return members


def settle(conn: Connection, members: list[Member], states: dict[int, State], *, is_all: bool) -> None:
    """Compare what is there with what may be, and go on from there."""
    sight = Sight(conn)
    for member in members:
        if not is_all:
            sight.know(states[member.number])
        told = [*member.done, f"in the midst of {member.doing and member.doing.name}"]
        seen = sight.see(member.number, member.state.filesets)
        may_be = possible(member, seen)
        assert any(seen == each for each in may_be), f"after {told}:\nseen {seen}\nmay be {may_be}"
        states[member.number] = seen
    line, held = shared_line(conn)
    assert held == BATCH * line


@pytest.mark.timeout(300 + KILLS * 5)
def test_a_server_that_is_killed_at_random_moments_under_a_crowd_loses_nothing(tmp_path: Path) -> None:
    print(f"HOWDAH_SEED={SEED} HOWDAH_KILLS={KILLS}")  # shown by a failure
    chance = random.Random(SEED)
    states = {at: State() for at in range(MEMBERS)}
    members: list[Member] = []
    done = Counter[str]()
    for kill in range(KILLS):
        if not kill or chance.random() < STARTS:
            die_starting(tmp_path / "data", chance)
            continue
        with StoreServer(tmp_path / "data") as server:
            is_all = kill % LOOK_AT_ALL == 0
            with channel.connect(server.address) as conn:
                settle(conn, members, states, is_all=is_all)
                if is_all:
                    assert [*upkeep.fsck(conn)] == []
                    repos.delete(conn, SHARED, force=True)
                    for state in states.values():
                        state.batches.clear()
                repos.create(conn, SHARED, update=True)
            members = storm(server, {at: copy.deepcopy(state) for at, state in states.items()}, chance)
        done.update(name for member in members for name in member.done)
    with StoreServer(tmp_path / "data") as server, channel.connect(server.address) as conn:
        settle(conn, members, states, is_all=True)
        assert [*upkeep.fsck(conn)] == []
        upkeep.collect_garbage(conn)
        assert [*upkeep.fsck(conn)] == []
    assert len([*(tmp_path / "data" / "bytes" / "tmp").iterdir()]) == 0
    assert sum(done.values()) >= KILLS
    print(done.most_common())
