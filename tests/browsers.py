"""The browser of all tests: one a module, because a process can drive only one at a time."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext

# Debian's Chromium, told not to call anybody: the network of a test machine is closed. Its own services are asked for
# all the same (updates, autofill), so every name is refused without a lookup, but for this machine's; and any
# `*.example.com` is this machine's outer side.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
    "--host-resolver-rules=MAP *.example.com 127.0.0.2, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)

# How long a test waits for what a page should come to show, in milliseconds: far longer than a loaded machine takes.
PATIENCE = 90_000

# The host's dialogs wait for the end of an unfolding that never begins if the browser painted nothing between two of
# their steps, as happens on a loaded machine: then a dialog covers itself for good. This tells them that it has ended.
_UNFOLD = """setInterval(() => {
    for (const dialog of document.querySelectorAll('.lsf-appear, .lsf-disappear'))
        if (!dialog.getAnimations({subtree: true}).length) dialog.dispatchEvent(new Event('transitionend'));
}, 500)"""


def new_context(browser: Browser, **options: Any) -> BrowserContext:
    """A person's own cookies and windows, patient with a loaded machine."""
    context = browser.new_context(viewport={"width": 1280, "height": 860}, **options)
    context.set_default_timeout(PATIENCE)
    context.add_init_script(_UNFOLD)
    return context


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A headless Chromium. It ends with the module: while it is driven, its event loop is this thread's.

    Django refuses to work in a thread with one, and its tests may be next in this process.
    """
    from playwright.sync_api import expect, sync_playwright  # noqa: PLC0415  (most workers' first tests need no browser)

    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("Chromium is not installed: `python3 launch.py test` installs it or says how")
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def photographs() -> Path:
    """A folder of real photographs in the public domain, as a well-known package installs them."""
    return Path(str(resources.files("skimage") / "data"))
