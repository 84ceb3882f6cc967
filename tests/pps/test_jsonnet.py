from __future__ import annotations

import json

import pytest

from howdah.errors import Invalid
from howdah.pps import jsonnet


def test_a_template_is_rendered_with_its_arguments() -> None:
    template = 'function(name, suffix="x") [{ pipeline: { name: name + "-" + suffix } }]'

    assert json.loads(jsonnet.render(template, {"name": "edges"})) == [{"pipeline": {"name": "edges-x"}}]
    assert json.loads(jsonnet.render(template, {"name": "é", "suffix": "2"})) == [{"pipeline": {"name": "é-2"}}]


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("{a: 1", "syntax error"),
        ("function(name) name", "other is not defined"),
        ('{a: error "my words"}', "my words"),
        ('importstr "/etc/passwd"', "cannot be imported"),
        ("local f(n) = f(n + 1) + 1; f(1)", "stack overflow"),
        (
            "local f(n) = if n < 0 then n else f(n + 1) tailstrict; f(1)",
            "more than 5 seconds|longer than|too much memory",
        ),
        ('std.length(std.repeat("x", 3000000000))', "too much memory|cannot be rendered"),
        ('["long" for i in std.range(1, 1000000)]', "more than 8388608 characters"),
        ("x" * (1 << 20) + "y", "too large"),
    ],
)
def test_a_template_that_cannot_be_rendered_is_refused(template: str, why: str) -> None:
    with pytest.raises(Invalid, match=f"template .*({why})"):
        jsonnet.render(template, {"other": "x"} if "name" in template else {})
