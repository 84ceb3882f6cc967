from __future__ import annotations

import re
from pathlib import Path

import pytest

from howdah import settings
from howdah.launch.arguments import _parser
from howdah.settings import Setting

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/howto/run-on-a-laptop.md").read_text("utf-8")


@pytest.mark.parametrize("setting", settings.SETTINGS, ids=lambda setting: setting.name)
def test_every_setting_is_documented_as_it_is(setting: Setting) -> None:
    default = f" `{setting.default}` " if setting.default else " "
    assert f"| `{setting.name}` |{default}| {setting.help}" in PAGE


def test_every_option_is_documented() -> None:
    options = set(re.findall(r"--[a-z-]+", _parser().format_help())) - {"--help"}
    assert options == set(re.findall(r"^\| `(--[a-z-]+)", PAGE, re.MULTILINE))


@pytest.mark.parametrize(
    "page",
    [
        "README.md",
        "CONTRIBUTING.md",
        "docs/howto/run-on-a-laptop.md",
        "docs/howto/behind-a-proxy.md",
        "docs/howto/cloudera-ai.md",
        "docs/howto/docker.md",
        "docs/howto/postgresql.md",
        "docs/howto/back-up.md",
        "docs/howto/keep-tidy.md",
    ],
)
def test_links_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link]
    assert not [link for link in links if link and not (ROOT / page).parent.joinpath(link).exists()]


@pytest.mark.parametrize(
    ("text", "read"), [("1", True), ("TRUE", True), ("on", True), ("0", False), ("no", False), ("", True)]
)
def test_switches_read_as_people_write_them(text: str, read: bool) -> None:  # noqa: FBT001
    assert settings.TRUST_PROXY.read_bool({settings.TRUST_PROXY.name: text}) is read
