"""A pattern as a machine that is in several states at once (Thompson, 1968): it never backtracks.

Where it comes to from some states by a character is worked out once and remembered, so that most paths cost no more
than a look-up for each character. The rest is counted, and a machine that has worked too hard is `Exhausted`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

_KEPT = 1000  # sets of states that are remembered at once
_STRENGTH = 10_000_000  # looks at nodes, of which a second has a few millions


class Exhausted(Exception):  # noqa: N818 -- no error: whoever made the pattern tells it
    """The machine has worked as much as any may; it takes nothing more."""


class Part(Protocol):
    """A piece of a pattern."""

    def build(self, machine: Machine, then: int) -> int:
        """Add the piece to a machine, to be followed by the node `then`; returns the node it begins with."""


class Sign(NamedTuple):
    """A node that takes one character."""

    sign: re.Pattern[str]
    then: int


class Fork(NamedTuple):
    """A node that goes on in several ways at once; in none at all, it is an end."""

    then: tuple[int, ...]


class Except(NamedTuple):
    """A node that takes what the machine from `begin` to `end` does not take, up to the next slash."""

    begin: int
    end: int
    then: int


class _Inside(NamedTuple):
    """A state: at the `Except` node, whose inner machine is in these states."""

    node: int
    states: frozenset[int | _Inside]


_States = frozenset["int | _Inside"]


class Machine:
    """For one thread at a time."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self.nodes: list[Sign | Fork | Except] = []
        self._effort = 0
        self._end = self.add(Fork(()))
        self._begin = self._reach([self.build(parts, self._end)])
        self._forget()

    def add(self, node: Sign | Fork | Except) -> int:
        """Add a node; returns its number."""
        self.nodes.append(node)
        return len(self.nodes) - 1

    def build(self, parts: Sequence[Part], then: int) -> int:
        """Add pieces that follow each other."""
        for part in reversed(parts):
            then = part.build(self, then)
        return then

    def takes(self, path: str) -> bool:
        """Whether the whole path matches; raises `Exhausted`."""
        at = self._number(self._begin)
        for sign in path:
            then = self._table[at].get(sign)
            if then is None:
                then = self._go(at, sign)
            at = then
            if not self._sets[at]:
                return False
        return self._end in self._sets[at]

    def _go(self, at: int, sign: str) -> int:
        """Work out where a set of states comes to by a character; the numbers of both may be new ones."""
        before = self._sets[at]
        after = self._step(before, sign)
        if len(self._sets) >= _KEPT:
            self._forget()
        then = self._number(after)
        self._table[self._number(before)][sign] = then
        return then

    def _number(self, states: _States) -> int:
        number = self._numbers.setdefault(states, len(self._sets))
        if number == len(self._sets):
            self._sets.append(states)
            self._table.append({})
        return number

    def _forget(self) -> None:
        self._sets: list[_States] = []
        self._table: list[dict[str, int]] = []
        self._numbers: dict[_States, int] = {}

    def _work(self, looks: int) -> None:
        self._effort += looks
        if self._effort > _STRENGTH:
            raise Exhausted

    def _reach(self, numbers: Iterable[int]) -> _States:
        """The states that the machine is in when it has come to these nodes."""
        found: set[int | _Inside] = set()
        seen = set(numbers)
        left = list(seen)
        while left:
            number = left.pop()
            node = self.nodes[number]
            then: tuple[int, ...] = ()
            if isinstance(node, Except):
                inside = self._reach([node.begin])
                found.add(_Inside(number, inside))
                then = () if node.end in inside else (node.then,)
            elif isinstance(node, Fork) and node.then:
                then = node.then
            else:
                found.add(number)
            new = set(then) - seen
            left += new
            seen |= new
            self._work(1 + len(then))
        return frozenset(found)

    def _step(self, states: _States, sign: str) -> _States:
        """The states after one more character."""
        self._work(len(states))
        found: set[int | _Inside] = set()
        then: list[int] = []
        for state in states:
            node = self.nodes[state.node if isinstance(state, _Inside) else state]
            if isinstance(state, _Inside) and isinstance(node, Except) and sign != "/":
                inside = self._step(state.states, sign)
                found.add(_Inside(state.node, inside))
                if node.end not in inside:
                    then.append(node.then)
            elif isinstance(node, Sign) and node.sign.match(sign):
                then.append(node.then)
        return self._reach(then) | found
