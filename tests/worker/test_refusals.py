"""The remedy fits what refuses fences here."""

from __future__ import annotations

import pytest

from howdah.worker.refusals import remedy


@pytest.mark.parametrize(
    ("settings", "files", "told"),
    [
        ({"kernel/unprivileged_userns_clone": "0"}, set(), "sysctl -w kernel.unprivileged_userns_clone=1"),
        ({"kernel/apparmor_restrict_unprivileged_userns": "1"}, {"/.dockerenv"}, "a profile of AppArmor"),
        ({"user/max_user_namespaces": "0"}, set(), "sysctl -w user.max_user_namespaces=15000"),
        ({"user/max_user_namespaces": "9"}, {"/.dockerenv"}, "--security-opt seccomp=unconfined"),
        ({}, {"/run/.containerenv"}, "--security-opt unmask=ALL"),
        ({}, set(), "allow user namespaces, or run code unfenced (--unfenced)"),
    ],
)
def test_the_remedy_is_that_of_the_setting_which_refuses(settings: dict[str, str], files: set[str], told: str) -> None:
    assert told in remedy(lambda name: settings.get(name, ""), files.__contains__, "linux")


def test_other_systems_have_none() -> None:
    assert remedy(platform="darwin") == "use Linux, or run code unfenced (--unfenced)"
