"""The file system as dictionaries: what a store must agree with, whatever happens to it.

It knows no bytes on disk, no trees, no crash; it is as plain as it can be, so that it can be believed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

Files = dict[str, bytes]


@dataclass
class ModelCommit:
    """A commit: its files, and where it came from."""

    files: Files
    parent: str | None
    is_open: bool = True
    has_error: bool = False


@dataclass
class ModelRepo:
    """One repo: commits by id, branches by name."""

    commits: dict[str, ModelCommit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)

    def base(self, branch: str) -> Files:
        """The files that a new commit on the branch begins with."""
        return self.beginning(self.branches.get(branch))

    def beginning(self, parent: str | None) -> Files:
        """The files that a commit behind this parent begins with: those of the nearest without an error."""
        while parent is not None and self.commits[parent].has_error:
            parent = self.commits[parent].parent
        return dict(self.commits[parent].files) if parent is not None else {}

    def add(self, branch: str, id: str, files: Files, *, is_open: bool) -> None:
        """A new commit at the branch's head."""
        self.commits[id] = ModelCommit(files, self.branches.get(branch), is_open)
        self.branches[branch] = id

    def children(self, id: str) -> list[ModelCommit]:
        """The commits whose parent this one is."""
        return [commit for commit in self.commits.values() if commit.parent == id]

    def remove(self, id: str) -> list[str]:
        """Take a commit out; its children follow its parent. Returns the branches that are left without a head."""
        gone = self.commits.pop(id)
        for commit in self.children(id):
            commit.parent = gone.parent
        headless = []
        for branch, head in self.branches.items():
            if head == id and gone.parent is not None:
                self.branches[branch] = gone.parent
            elif head == id:
                headless.append(branch)
        return headless

    def head(self, branch: str) -> ModelCommit:
        """The branch's newest commit."""
        return self.commits[self.branches[branch]]


def put(files: Files, path: str, data: bytes) -> None:
    """Append to a file, which begins empty."""
    files[path] = files.get(path, b"") + data


def delete(files: Files, path: str) -> None:
    """Remove a file, or with a trailing slash a directory."""
    for name in [name for name in files if name == path or (path.endswith("/") and name.startswith(path))]:
        del files[name]


def copy(files: Files, source: Files, path: str, target: str) -> None:
    """Copy a file, or else a directory, of `source` over what is at `target`."""
    for name, data in source.items():
        if name == path or (path not in source and name.startswith(path + "/")):
            files[target + name[len(path) :]] = data


def directories(files: Files) -> set[str]:
    """Every directory, with its slash; the root is always one."""
    return {"/"} | {path[: at + 1] for path in files for at, sign in enumerate(path) if sign == "/"}


def collides(files: Files) -> bool:
    """Whether some path is both a file and a directory."""
    return any(path + "/" in directories(files) for path in files)
