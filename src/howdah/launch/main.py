"""Runs Howdah on one data folder, inside the installation: `python -m howdah.launch.main [options]`.

It chooses the ports, starts the store and Label Studio, tells the one URL when both answer, and watches over them
until Ctrl-C or SIGTERM.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import webbrowser
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from howdah.client import config
from howdah.errors import HowdahError
from howdah.launch import arguments, databases, environment, instance, ports, programs, stores, upgrades
from howdah.launch.arguments import Options
from howdah.launch.instance import AlreadyRunning, Instance
from howdah.launch.loop import Loop
from howdah.launch.paths import DataFolder, replace_file
from howdah.launch.processes import Process, end, identify, is_alive
from howdah.postgres import address
from howdah.postgres.address import Address
from howdah.settings import (
    DEFAULT_HOST,
    DEFAULT_STORE_PORT,
    DEFAULT_WEB_PORT,
    NO_SIGNUP,
    PUBLIC_URL,
    USERNAME,
)

_TRIES = 3
_GRACE = 25.0
_PATIENCE = 120.0
_LOOK_EVERY = 0.2
_SHOWN_LINES = 30


def main(argv: list[str] | None = None) -> int:
    """Run until stopped. 0 when stopped by the user or when an instance already runs on the folder."""
    options = arguments.parse(sys.argv[1:] if argv is None else argv)
    folder = DataFolder(options.data)
    try:
        options = replace(options, public_url=_public_url(options, os.environ))
        folder.make()
    except argparse.ArgumentTypeError as error:
        print(f"error: {PUBLIC_URL.name}: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: the data folder {folder.root} cannot be used: {error}", file=sys.stderr)
        return 1
    try:
        if options.restart:
            _end_running(folder)
        with instance.held(folder):
            return _run(folder, options, os.environ)
    except AlreadyRunning:
        return _report_running(folder)


def _public_url(options: Options, environ: Mapping[str, str]) -> str:
    """The URL at which people reach us, empty if it is the plain one; `ArgumentTypeError` if it cannot be one."""
    told = PUBLIC_URL.read(environ)
    return options.public_url or (arguments.public_url(told) if told else "")


def _run(folder: DataFolder, options: Options, environ: Mapping[str, str]) -> int:
    left = instance.end_leftovers(folder, _GRACE)
    if left:
        print(f"Ended what an earlier launch had left running: {', '.join(left)}", flush=True)
    code = 1
    try:
        outside = stores.chosen(options.store, environ)
        database = databases.chosen(options.database, environ, folder)
        _back_up(folder, options, environ, database)
    except HowdahError as error:
        print(f"error: {error}", file=sys.stderr)
        return code
    environ = {**environ, **databases.settings(database)}
    for _ in range(_TRIES):
        code, port_lost = _run_once(folder, options, environ, outside)
        if not port_lost:
            break
    instance.forget(folder)
    return code


def _back_up(folder: DataFolder, options: Options, environ: Mapping[str, str], database: Address | None) -> None:
    """Before an update changes the data: back it up, unless the user does without."""
    if options.no_backup:
        return
    clean = environment.clean(environ) | databases.settings(database)
    label_studio = programs.label_studio(folder, clean, ("", 0), "")
    upgrades.back_up_before(folder, database, label_studio.environ, partial(print, flush=True))


def _run_once(
    folder: DataFolder, options: Options, environ: Mapping[str, str], outside: stores.Outside | None
) -> tuple[int, bool]:
    """Run on ports that are free now; the exit code, and whether another program has taken one of them meanwhile."""
    web_port = _web_port(options)
    store_port = 0 if outside else _store_port(folder)
    store = outside.address if outside else f"grpc://{DEFAULT_HOST}:{store_port}"
    here = f"http://{ports.url_host(options.host)}:{web_port}"
    myself = identify(os.getpid()) or Process(os.getpid(), "")
    url = options.public_url or here
    clean = environment.clean(environ)
    site = clean | {PUBLIC_URL.name: options.public_url} | ({NO_SIGNUP.name: "true"} if options.no_signup else {})
    own = () if outside else (programs.store(folder, databases.without(clean), store_port),)
    site |= outside.environ() if outside else {}
    all_programs = (*own, programs.label_studio(folder, site, (options.host, web_port), store))
    announced: list[str] = []

    def announce() -> None:
        announced.append(url)
        _note(folder, environ, store, own=outside is None)
        where = f"{url}  (whose proxy must pass requests on to {here})" if url != here else here + _reach(options.host)
        print(_welcome(where, folder, environ), flush=True)
        if options.browser and _has_screen(environ):
            webbrowser.open(url)

    loop = Loop(
        all_programs,
        folder.log("howdah"),
        announce=announce,
        record=lambda children: instance.write(folder, Instance(myself, here, store, children, options.public_url)),
    )
    print(f"Starting on {folder.root} ...", flush=True)
    code = loop.run()
    if code and not announced:
        wanted = [(DEFAULT_HOST, store_port), *([] if options.exact_port else [(options.host, web_port)])]
        if not all(ports.is_free(*address) for address in wanted):
            return code, True
        for program in all_programs:
            _show_end(program.name, loop.output(program.name), program.log)
    return code, False


def _web_port(options: Options) -> int:
    free = partial(ports.is_free, options.host)
    if options.exact_port:
        return options.port  # even if it looks busy: a proxy may hold it at this machine's other addresses
    if options.port == 0:
        return ports.any_free(options.host)
    port = ports.choose(ports.candidates(options.port), free, partial(ports.any_free, options.host))
    if port != options.port:
        print(f"Port {options.port} is busy; using {port}", flush=True)
    return port


def _store_port(folder: DataFolder) -> int:
    """The port that the store had last on this folder, if it is free; else the usual one; else any free one."""
    free = partial(ports.is_free, DEFAULT_HOST)
    wanted = [*_remembered(folder), DEFAULT_STORE_PORT]
    port = ports.choose(wanted, free, partial(ports.any_free, DEFAULT_HOST))
    replace_file(folder.store_port, f"{port}\n")
    return port


def _remembered(folder: DataFolder) -> list[int]:
    try:
        return [int(folder.store_port.read_text(encoding="ascii"))]
    except (FileNotFoundError, ValueError):
        return []


def _note(folder: DataFolder, environ: Mapping[str, str], store: str, *, own: bool) -> None:
    """What is known once everything answers: who uses the folder, and where the store is."""
    upgrades.note(folder, address.chosen("", environ))
    if own:
        _write_context(environ, store)
    else:
        print(f"Labeling on the store at {store}, which runs elsewhere", flush=True)


def _write_context(environ: Mapping[str, str], store: str) -> None:
    """Let the command line and Pachyderm's own clients find the store; their present choice stays theirs."""
    path = stores.config_path(environ)
    try:
        active = config.add_store(path, stores.NAME, store)
    except HowdahError as error:
        print(f"The command line does not know this store: {error}", file=sys.stderr, flush=True)
        return
    if not active:
        print(
            f"The active context in {path} is another; for this store: howdah config set active-context {stores.NAME}"
        )


def _reach(host: str) -> str:
    """A word on who else may come, where that is not plain from the URL."""
    return "  (and at every address of this machine)" if host in {"0.0.0.0", "::"} else ""  # noqa: S104


def _welcome(where: str, folder: DataFolder, environ: Mapping[str, str]) -> str:
    howdah = Path(sys.prefix) / "bin" / "howdah"
    sign_in = f"sign in as {USERNAME.read(environ)}" if USERNAME.read(environ) else "sign up; the account stays here"
    return f"""
Howdah is ready at {where}

  1. Open it and {sign_in}.
  2. Put a picture into the store:
       {howdah} create repo images
       {howdah} put file images@master:/photo.jpg -f photo.jpg
  3. In a project: Settings > Cloud Storage > Add Source Storage > Pachyderm, repo images@master, then Sync.

  data {folder.root}   logs {folder.logs}   stop with Ctrl-C
"""


def _has_screen(environ: Mapping[str, str]) -> bool:
    """Whether a browser window could appear: never start a text browser in the user's terminal."""
    return sys.stdout.isatty() and (sys.platform == "darwin" or bool({"DISPLAY", "WAYLAND_DISPLAY"} & environ.keys()))


def _show_end(name: str, output: bytes, log: Path) -> None:
    lines = output.decode("utf-8", "replace").splitlines()[-_SHOWN_LINES:]
    print(f"\nThe end of {log} ({name}):", *lines, sep="\n  ", file=sys.stderr, flush=True)


def _end_running(folder: DataFolder) -> None:
    """End the instance that runs on the folder, if one does, and all that it started."""
    running = instance.read(folder)
    if running is None:
        return
    if end(running.launcher, 2 * _GRACE):
        print(f"Ended the instance that ran on {folder.root}", flush=True)
    instance.end_leftovers(folder, _GRACE)


def _report_running(folder: DataFolder) -> int:
    """Wait until the instance that holds the folder answers and tell its URL; 1 if it does not."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        running = instance.read(folder)
        if running is not None and is_alive(running.launcher) and _answers(running.url):
            where = running.public_url or running.url
            print(f"Howdah already runs on {folder.root}\nHowdah is ready at {where}", flush=True)
            return 0
        time.sleep(_LOOK_EVERY)
    print(f"An instance holds {folder.root} but does not answer; end it with: launch.py --restart", file=sys.stderr)
    return 1


def _answers(url: str) -> bool:
    parts = urlsplit(url)
    return programs.http_answers(parts.hostname or DEFAULT_HOST, parts.port or DEFAULT_WEB_PORT)


if __name__ == "__main__":
    sys.exit(main())
