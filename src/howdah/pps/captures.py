r"""What the groups of a glob took of a path: by that, inputs are joined and grouped.

A glob's groups are its parentheses, with or without one of `@ * + ?` before them, numbered as they open. Where a path
can be read in several ways, the first group takes the most it can, as with Pachyderm. `$1` or `${1}` in a text stands
for what the first group took, `$$` for a dollar sign.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from howdah.errors import Code, Invalid
from howdah.pfs import glob

_PATIENCE = 2.0  # seconds for one path; most take microseconds
_REFERENCE = re.compile(r"\$(?:(\$)|([0-9]{1,3})|\{([0-9]{1,3})\})")


def expander(pattern: str, template: str) -> Callable[[str], str]:
    """What makes of a path that the glob `pattern` matches the text that `template` stands for."""
    import regex  # noqa: PLC0415 -- only joins and groups need it

    parts = _split(template)
    if all(isinstance(part, str) for part in parts):
        same = "".join(str(part) for part in parts)
        return lambda _: same
    found = regex.compile(glob.capturing(pattern), regex.DOTALL)

    def expand(path: str) -> str:
        try:
            match = found.fullmatch(path.rstrip("/"), timeout=_PATIENCE)
        except TimeoutError:
            raise _invalid(f"glob ({pattern[:80]}) invalid: its groups take too long: use fewer wildcards") from None
        groups = match.groups(default="") if match is not None else ()
        return "".join(part if isinstance(part, str) else groups[part - 1] if groups else "" for part in parts)

    return expand


def check(pattern: str, template: str, field: str) -> None:
    """`Invalid` if the template stands for a group that the glob does not have."""
    groups = re.compile(glob.capturing(pattern)).groups if template else 0
    for part in _split(template):
        if isinstance(part, int) and not 0 < part <= groups:
            raise _invalid(
                f"{field} ({template}) invalid: glob ({pattern}) has no group {part}: put one in parentheses"
            )


def _split(template: str) -> list[str | int]:
    parts: list[str | int] = []
    at = 0
    for match in _REFERENCE.finditer(template):
        parts += [template[at : match.start()], "$" if match[1] else int(match[2] or match[3])]
        at = match.end()
    return [*parts, template[at:]]


def _invalid(text: str) -> Invalid:
    return Invalid(text, kind="bad-input", code=Code.UNKNOWN)
