"""Small files in memory, at paths of their own, for one run."""

from __future__ import annotations

import pytest

from tests.worker.conftest import Runner


@pytest.mark.parametrize("folder", ["/secrets", "/etc/of/mine", "/etc/ssl", "/var/run/secrets", "/root/.aws", "/tmp/x"])
def test_files_are_there_for_one_run_and_cannot_be_changed(fence: Runner, folder: str) -> None:
    script = (
        f"cat {folder}/a; echo; stat -c %a {folder}/a; rm -f {folder}/a 2> /dev/null || echo stays;"
        " test -s /etc/passwd && test -d /usr/bin && echo there; touch /new /etc/new 2> /dev/null || echo closed"
    )
    ran = fence.sh(script, files={f"{folder}/a": "word"})

    assert (ran.how, ran.lines) == ("exited", ["word", "400", "stays", "there", "closed"])
    assert fence.sh(f"cat {folder}/a 2> /dev/null || echo gone").lines == ["gone"]


@pytest.mark.parametrize("folder", ["/pfs/x", "/proc", "/run", "/", "/var/run"])
def test_what_code_needs_is_not_hidden(fence: Runner, folder: str) -> None:
    ran = fence.sh("true", files={f"{folder.rstrip('/')}/a": "word"})

    assert ran.how == "unable"
    assert "it would hide what code needs" in ran.why
