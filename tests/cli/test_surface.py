"""What holds for the whole command line: help, laziness, addresses, interruption, terminals, the reference page."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import click
import pytest

from howdah.cli import output, reference
from howdah.cli.get import inside
from howdah.cli.lazy import Command, LazyGroup
from howdah.cli.main import main
from howdah.errors import Invalid
from tests.cli.conftest import HOWDAH, SECONDS, Howdah

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 5, 1, tzinfo=timezone.utc)


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


ALL = dict(commands(main))


def test_help_loads_neither_grpc_nor_protobuf() -> None:
    code = (
        "import sys; from click.testing import CliRunner; from howdah.cli.main import main;"
        "assert CliRunner().invoke(main, ['--help']).exit_code == 0;"
        "print([name for name in sys.modules if name.split('.')[0] in ('grpc', 'google', 'tqdm')])"
    )

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b"[]\n"


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_command_has_help_with_an_example_of_itself(plain: Howdah, path: tuple[str, ...]) -> None:
    command = ALL[path]
    shown = plain(*path, "--help")

    assert shown.code == 0
    assert isinstance(command, Command)
    assert command.examples
    assert all(" ".join(("howdah", *path)) in example for example in command.examples)
    assert all(example in shown.stdout for example in command.examples)


def test_groups_help_tells_what_each_command_says_of_itself() -> None:
    groups = [main, *(command for command in main.commands.values() if isinstance(command, LazyGroup))]
    for group in groups:
        assert isinstance(group, LazyGroup)
        for entry in group.entries.values():
            assert entry.load().get_short_help_str(200) == entry.help


def test_reference_page_is_current() -> None:
    page = (ROOT / "docs" / "reference" / "cli.md").read_text("utf-8")

    assert page == reference.render(), "python -m howdah.cli.reference > docs/reference/cli.md"


def test_store_that_does_not_answer_is_named_with_the_remedy(plain: Howdah) -> None:
    refused = plain("list", "repo", "--address", "127.0.0.1:1")

    assert refused.code == 7
    assert refused.stderr.startswith("howdah: store at grpc://127.0.0.1:1 does not answer (Connection refused)")
    assert "howdah serve" in refused.stderr


def test_address_that_cannot_be_right_is_refused(plain: Howdah) -> None:
    refused = plain("list", "repo", "--address", "ftp://x")

    assert (refused.code, refused.stderr) == (
        2,
        "howdah: address (ftp://x) invalid: expected grpc://HOST:PORT or grpcs://HOST:PORT\n",
    )


def test_active_context_chooses_store_and_project(
    plain: Howdah, address: str, images: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HOWDAH_ADDRESS")
    project, _, repo = images.partition("/")
    assert plain("config", "set", "context", "here", "--address", address, "--project", project).code == 0

    assert plain("inspect", "repo", repo).stdout.startswith(f"Project: {project}\n")


def test_an_active_context_that_is_gone_is_told_rather_than_replaced(plain: Howdah, home: Path) -> None:
    plain("config", "set", "context", "one", "--address", "grpc://127.0.0.1:1")
    config = home / ".pachyderm" / "config.json"
    config.write_text(config.read_text().replace('"active_context": "one"', '"active_context": "gone"'))

    refused = plain("list", "repo")

    assert refused.code == 3
    assert "context gone, the active one, is not in" in refused.stderr


def test_contexts_are_added_listed_chosen_and_deleted(plain: Howdah) -> None:
    plain("config", "set", "context", "one", "--address", "grpc://127.0.0.1:1")
    plain("config", "set", "context", "two", "--address", "grpc://127.0.0.1:2")

    assert plain("config", "get", "active-context").stdout == "one\n"
    assert plain("config", "set", "active-context", "two").code == 0
    assert [line.split() for line in plain("config", "list", "context").stdout.splitlines()[1:]] == [
        ["one", "grpc://127.0.0.1:1"],
        ["*", "two", "grpc://127.0.0.1:2"],
    ]
    assert plain("config", "delete", "context", "two").code == 5
    assert plain("config", "delete", "context", "one").code == 0
    assert plain("config", "get", "context", "one").code == 3


def test_context_is_replaced_only_on_demand(plain: Howdah) -> None:
    plain("config", "set", "context", "one", "--address", "grpc://127.0.0.1:1")

    assert plain("config", "set", "context", "one", "--address", "grpc://127.0.0.1:2").code == 4
    assert plain("config", "set", "context", "one", "--address", "grpc://127.0.0.1:2", "--overwrite").code == 0
    assert plain("config", "get", "context", "one").stdout == '{"pachd_address": "grpc://127.0.0.1:2"}\n'


def test_token_is_read_from_standard_input_and_shown_only_on_demand(plain: Howdah) -> None:
    plain("config", "set", "context", "c", "--address", "grpc://127.0.0.1:1", "--token", "-", stdin=b"secret\n")

    assert "secret" not in plain("config", "get", "context", "c").stdout
    assert "secret" not in plain("config", "list", "context", "--raw").stdout
    assert "secret" in plain("config", "get", "context", "c", "--show-token").stdout


def test_configuration_file_may_be_elsewhere(plain: Howdah, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACH_CONFIG", str(tmp_path / "other.json"))
    plain("config", "set", "context", "c", "--address", "grpc://127.0.0.1:1")

    assert (tmp_path / "other.json").exists()


def test_wrong_usage_exits_with_2(plain: Howdah) -> None:
    assert plain("create", "repo").code == 2
    assert plain("frobnicate").code == 2


def test_ctrl_c_ends_a_subscription_with_130(howdah: Howdah, images: str) -> None:
    howdah("put", "file", f"{images}@master:/a", stdin=b"x")
    command = [HOWDAH, "subscribe", "commit", f"{images}@master"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert images.encode() in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=SECONDS)

    assert process.returncode == 130
    assert b"Traceback" not in errors


def test_reader_that_goes_away_ends_the_command_quietly(howdah: Howdah, images: str) -> None:
    howdah("put", "file", f"{images}@master:/a", stdin=os.urandom(4_000_000))
    command = [HOWDAH, "get", "file", f"{images}@master:/a"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert len(process.stdout.read(10)) == 10
        process.stdout.close()
        errors = process.stderr.read()
        assert process.wait(SECONDS) != 0

    assert errors == b""


def test_progress_is_shown_on_a_terminal_only(howdah: Howdah, images: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(os.urandom(2_000_000))
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
    command = [HOWDAH, "put", "file", f"{images}@master", "-f", str(tmp_path / "a")]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=theirs, timeout=SECONDS, check=False)
    os.close(theirs)
    shown = os.read(ours, 100_000)
    os.close(ours)

    assert (done.returncode, done.stdout) == (0, b"")
    assert b"100%" in shown
    assert howdah("put", "file", f"{images}@master", "-f", str(tmp_path / "a")).stderr == ""


@pytest.mark.parametrize("path", ["/../x", "/a/../../x", "/a/./b", "/a\0b"])
def test_path_that_leads_out_of_the_folder_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(Invalid, match="leads out of"):
        inside(tmp_path, path)


@pytest.mark.parametrize(
    ("count", "text"),
    [(None, "-"), (0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (5 * 1024**3, "5.0 GiB"), (2**63, "8192.0 PiB")],
)
def test_size_is_told_in_its_largest_unit(count: int | None, text: str) -> None:
    assert output.size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "just now"), (0, "just now"), (1, "1 second ago"), (180, "3 minutes ago"), (86400 * 800, "2 years ago")],
)
def test_age_is_told_in_its_largest_unit(seconds: int, text: str) -> None:
    assert output.age(NOW - timedelta(seconds=seconds), NOW) == text


def test_names_cannot_steer_the_terminal() -> None:
    assert output.plain("a\x1b[31m\nü") == "a\\x1b[31m\\nü"


def test_long_lists_keep_their_columns(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_table(["N", "X"], ([str(i), "x"] for i in range(1200)))
    lines = capsys.readouterr().out.splitlines()

    assert len(lines) == 1201
    assert (lines[1], lines[1200]) == ("0    x", "1199  x")
