"""What a target's commit says of itself: its description, for people, and its metadata, for scripts. Pure.

The last line of a finished commit's description names the run that made it. A run that was cut off finds out by that
line how far it came.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from howdah.labelstudio.export import KINDS, Tally

_SHOWN = 20
_KEPT = 1000
_MARK = "Sync: "


@dataclass(frozen=True, slots=True)
class Story:
    """All that a commit tells: `users` has ids by e-mail, `sources` the versions shown, as `project/repo@commit`."""

    project: int
    title: str
    tally: Tally
    sources: Sequence[str] = ()
    users: Mapping[str, int] = field(default_factory=dict)
    written: int = 0
    removed: int = 0
    tools: Mapping[str, str] = field(default_factory=dict)


def opening(key: str) -> str:
    """The description of the run's commit while it is open."""
    return f"{_MARK}{key} under way"


def closing(story: Story, key: str) -> str:
    """The description of the run's finished commit."""
    kinds = story.tally.kinds
    first = f"{kinds['new']} new, {kinds['changed']} changed, {kinds['deleted']} deleted annotations"
    if kinds["skipped"]:
        first += f", {kinds['skipped']} skipped"
    by = ", ".join(f"{name} {counts.total()}" for name, counts in sorted(story.tally.people.items()))
    lines = [first, "", f"By: {by or 'nobody'}", f"Project: {story.project} {' '.join(story.title.split())}"]
    lines += [f"Source: {source}" for source in story.sources[:_SHOWN]]
    if len(story.sources) > _SHOWN:
        lines.append(f"Source: … and {len(story.sources) - _SHOWN} more")
    lines.append(f"Files: {story.written} written, {story.removed} removed")
    return "\n".join([*lines, f"{_MARK}{key}"])


def metadata(story: Story) -> dict[str, str]:
    """The metadata of the run's commit; values are numbers, text or JSON."""
    people = [
        {"email": email, "id": story.users.get(email), **{kind: counts[kind] for kind in KINDS}}
        for email, counts in sorted(story.tally.people.items())
    ]
    told = {
        "project": str(story.project),
        "title": story.title,
        **{kind: str(story.tally.kinds[kind]) for kind in KINDS},
        "people": json.dumps(people[:_KEPT], ensure_ascii=False),
        "sources": json.dumps(story.sources[:_KEPT]),
        "files-written": str(story.written),
        "files-removed": str(story.removed),
    }
    return {**told, **story.tools}


def is_open(description: str, key: str) -> bool:
    """Whether this is what the run called its commit when it began it; `key` may be the beginning of keys."""
    return description.startswith(_MARK + key) and description.endswith(" under way")


def is_closed(description: str, key: str) -> bool:
    """Whether the run itself finished the commit that says this."""
    return description.rpartition("\n")[2] == _MARK + key
