"""A step of the whole graph: one writing transaction, whose new commits share one id and so are one commit set."""

from __future__ import annotations

from dataclasses import dataclass, field

from howdah.db.database import Tx
from howdah.errors import WrongState
from howdah.infos import Origin
from howdah.pfs.rows import read_pointer
from howdah.store.tree import Tree


@dataclass(slots=True)
class Step:
    """What verbs that make commits or move branches work in.

    `moved` are the branches that got another head: when the step ends, what is downstream of them follows.
    `finished` are the commits with which triggers may fire then (see `graph.step`, which makes and ends one).
    """

    tx: Tx
    now: int
    id: str
    moved: set[int] = field(default_factory=set)
    finished: set[int] = field(default_factory=set)
    _repos: set[int] = field(default_factory=set)

    def add_commit(  # noqa: PLR0913 -- a commit's columns
        self,
        repo: int,
        parent: int | None,
        tree: Tree,
        *,
        origin: Origin,
        description: str = "",
        is_finished: bool = False,
    ) -> int:
        """Insert a commit of this step, open or finished from the start; its number. At most one in each repo."""
        if repo in self._repos:
            name = self.tx.one("SELECT name FROM repos WHERE repo = ?", repo)
            raise WrongState(
                f"inconsistent dependencies: repo {name[0] if name else repo} can have only one commit in commit set"
                f" {self.id}; use two transactions",
                kind="two-commits",
            )
        self._repos.add(repo)
        end = self.now if is_finished else None
        return self.tx.insert(
            "INSERT INTO commits (repo, id, parent, origin, description, started, finishing, finished, tree, files,"
            " size) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            *(repo, self.id, parent, int(origin), description, self.now, end, end, tree.root, tree.files, tree.size),
        )

    def point(self, repo: int, name: str, head: int) -> int:
        """Let the branch, new or not, point to the commit with the number `head`; the branch's number."""
        found = read_pointer(self.tx, repo, name)
        if found is None:
            branch = self.tx.insert(
                "INSERT INTO branches (repo, name, head, created, updated) VALUES (?, ?, ?, ?, ?)",
                *(repo, name, head, self.now, self.now),
            )
        else:
            branch = found.branch
            if found.head == head:
                return branch
            self.tx.run("UPDATE branches SET head = ?, updated = ? WHERE branch = ?", head, self.now, branch)
        self.moved.add(branch)
        return branch
