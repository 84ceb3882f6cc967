"""Under which name of a task's data a file goes: the object tag of the labeling configuration that can show it.

With one such name there is nothing to choose, and the host's own placeholder stays, which follows the configuration.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from howdah.labelstudio import kinds

_FITTING = (
    ("image/", ("Image",)),
    ("video/", ("Video",)),
    ("audio/", ("Audio", "AudioPlus")),
    ("application/pdf", ("Pdf", "PDF")),
    ("text/html", ("HyperText", "Text")),
    ("text/csv", ("TimeSeries", "Table", "Text")),
    ("text/tab-separated-values", ("TimeSeries", "Table", "Text")),
    ("application/json", ("TimeSeries", "Paragraphs", "Chat", "Dialog", "Table", "List")),
    ("text/", ("Text", "Paragraphs", "HyperText")),
)


class Chooser:
    """Chooses a name for each file and keeps count of how: `counts` by name of the data and how its type was told."""

    def __init__(self, types: Mapping[str, str], undefined: str) -> None:
        """`types` are the configuration's names with their tags; `undefined` stands for "whichever there is"."""
        self._types = {name: tag for name, tag in types.items() if "[" not in name}
        self._undefined = undefined
        self.counts: Counter[str] = Counter()

    @property
    def is_needed(self) -> bool:
        """Whether there is anything to choose."""
        return len(self._types) > 1

    def name_for(self, path: str, first: Callable[[], bytes]) -> str:
        """The name for the file at `path`; `first` reads its first bytes, where its own name tells nothing."""
        if not self.is_needed:
            return self._undefined
        kind, how = kinds.of_name(path), "name"
        if kind is None:
            kind, how = kinds.of_content(first()), "content"
        chosen = self._fitting(kind)
        if chosen is None:
            chosen, how = self._undefined, "default"
        self.counts[f"{chosen} by {how}"] += 1
        return chosen

    def _fitting(self, kind: str) -> str | None:
        tags = next((tags for start, tags in _FITTING if kind.startswith(start)), ())
        return next((name for tag in tags for name, own in self._types.items() if own == tag), None)
