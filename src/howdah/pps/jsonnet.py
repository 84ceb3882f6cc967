"""Templates of specifications in jsonnet: rendered in a process of their own, with bounds, that imports nothing.

A template is a program of a stranger's: it may go on for ever, take all memory, and would read the server's files if it
were let. So it runs apart: this module is also the program that does it.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NoReturn

from howdah.errors import Invalid, Unsupported

_SECONDS = 5
_MEMORY = 1 << 30
_OUTPUT = 8 << 20
_LIMIT = 1 << 20
_MISSING = 3


def render(template: str, arguments: Mapping[str, str]) -> str:
    """The JSON that the template makes of the arguments, all of them strings; `Invalid` tells what is wrong with it."""
    if len(template) + sum(map(len, arguments.values())) > _LIMIT:
        raise Invalid(f"template is too large: at most {_LIMIT} characters with its arguments", kind="bad-template")
    task = json.dumps({"template": template, "arguments": dict(arguments)})
    command = [sys.executable, "-I", "-m", __name__]
    try:
        done = subprocess.run(  # noqa: S603 -- our own program
            command, input=task.encode(), capture_output=True, timeout=6 * _SECONDS, check=False, env={}
        )
    except subprocess.TimeoutExpired as error:
        raise Invalid(f"template takes longer than {_SECONDS} seconds", kind="bad-template") from error
    if done.returncode == _MISSING:
        raise Unsupported("jsonnet cannot be read: install howdah[pipelines], or write JSON", kind="missing")
    if done.returncode < 0:
        raise Invalid(f"template takes more than {_SECONDS} seconds, or too much memory", kind="bad-template")
    told = done.stdout.decode(errors="replace")
    if done.returncode:
        raise Invalid(f"template cannot be rendered: {told or 'it takes too much memory'}", kind="bad-template")
    return told


def _refuse(_: str, path: str) -> NoReturn:
    raise RuntimeError(f"{path} cannot be imported: a template stands alone")


def _main() -> int:
    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
    task: dict[str, Any] = json.load(sys.stdin)
    try:
        import rjsonnet  # noqa: PLC0415 -- an optional extra
    except ImportError:
        return _MISSING
    with suppress(ValueError, OSError):  # macOS knows the limit and refuses it
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    try:
        told = rjsonnet.evaluate_snippet(
            "template", task["template"], tla_vars=task["arguments"], import_callback=_refuse, max_stack=200
        )
    except RuntimeError as error:
        sys.stdout.write("\n".join(str(error).splitlines()[:10])[:2000])
        return 1
    if len(told) > _OUTPUT:
        sys.stdout.write(f"it gives more than {_OUTPUT} characters")
        return 1
    sys.stdout.write(told)
    return 0


if __name__ == "__main__":
    raise SystemExit(_main())
