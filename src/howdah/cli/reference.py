"""The page that tells every command, made from their help texts: `python -m howdah.cli.reference`."""

from __future__ import annotations

from collections.abc import Iterator

import click

from howdah.cli.main import main

_INTRODUCTION = """\
# Command line reference

Made from `howdah --help` and the help of every command; do not edit.

Names: `REPO` is `[PROJECT/]NAME`, a commit is `REPO@BRANCH` or `REPO@ID` (also `REPO@master^` for the parent, `^2` or
`~2` for its parent, `.1` for the first), a file is `REPO@COMMIT:/PATH`.

Which store: `--address`, else `$HOWDAH_ADDRESS`, else the active context of `$PACH_CONFIG` or
`~/.pachyderm/config.json`, else `grpc://127.0.0.1:30650`.

For machines, `--raw` prints one JSON document a line: protobuf's JSON form with snake_case names, so 64-bit numbers are
strings and bytes are base64.

Exit codes: 0 done, 1 other failure, 2 wrong request or usage, 3 not found, 4 exists already, 5 not in the state for it,
6 denied, 7 not reachable just now, 8 not offered by this store, 9 stored bytes are damaged, 130 stopped by Ctrl-C.
Errors are one line on standard error.
"""


def render() -> str:
    """The whole page."""
    sections = [_INTRODUCTION]
    for context in _walk(_context(main, None, "howdah")):
        depth = "##" if context.parent is None or isinstance(context.command, click.Group) else "###"
        sections.append(f"{depth} {context.command_path}\n\n```text\n{context.get_help()}\n```\n")
    return "\n".join(sections)


def _walk(context: click.Context) -> Iterator[click.Context]:
    yield context
    if isinstance(context.command, click.Group):
        for name in context.command.list_commands(context):
            command = context.command.get_command(context, name)
            if command is not None:
                yield from _walk(_context(command, context, name))


def _context(command: click.Command, parent: click.Context | None, name: str) -> click.Context:
    settings = {"terminal_width": 100, "max_content_width": 100, **command.context_settings}
    return click.Context(command, parent=parent, info_name=name, **settings)


if __name__ == "__main__":
    click.echo(render(), nl=False)
