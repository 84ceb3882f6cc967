"""Quantities as Kubernetes writes them: `512Mi`, `1.5G`, `2e9`.

Their form is told at kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity.
"""

from __future__ import annotations

import re
from fractions import Fraction

from howdah.errors import Code, Invalid

_FORM = re.compile(r"(?P<number>[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?P<unit>[a-zA-Z]{0,2}|[eE][+-]?[0-9]{1,3})\Z")
_UNITS = {"": Fraction(1), "m": Fraction(1, 1000), "k": Fraction(1000)} | {
    unit: Fraction(base**power)
    for power, letter in enumerate("KMGTPE", 1)
    for unit, base in ((letter, 1000), (f"{letter}i", 1024))
    if unit != "K"
}


def read(text: str, noun: str) -> int:
    """The whole number that it stands for, rounded up; 0 for none. `Invalid` names the noun."""
    if not text.strip():
        return 0
    match = _FORM.match(text.strip())
    unit = match["unit"] if match is not None else "?"
    factor = _UNITS.get(unit)
    if factor is None and unit[:1] in {"e", "E"} and len(unit) > 1:
        factor = Fraction(10) ** int(unit[1:])
    if match is None or factor is None:
        raise Invalid(
            f"{noun} ({text}) invalid: write a quantity, like 512Mi or 2G", kind="bad-spec", code=Code.UNKNOWN
        )
    return -int(-(Fraction(match["number"]) * factor) // 1)
