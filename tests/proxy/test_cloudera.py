"""A simulated Cloudera AI: its variables, an engine that runs the script, its proxy that ends TLS, a browser."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from playwright.sync_api import Browser

from howdah.client import channel, files, repos
from howdah.launch import ports
from howdah.launch.install import Note, Place, requirements_digest, write_note
from howdah.launch.processes import identify
from howdah.names import Commit, File, parse_repo
from howdah.testing.launched import until
from tests.browsers import new_context
from tests.e2e.studio import Studio
from tests.proxy.front import NGINX, Front
from tests.proxy.people import PASSWORD

ROOT = Path(__file__).resolve().parents[2]
OUTSIDE = "127.0.0.2"  # where the platform's proxy holds the application's port
CHOICE = '<Choices name="c" toName="image"><Choice value="Sharp"/></Choices>'
CONFIG = f'<View><Image name="image" value="$image"/>{CHOICE}</View>'
ENGINE = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # as engines have it, whatever started this one
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
done = shell.run_cell(open("{script}").read())
print("The engine goes on:", done.error_in_exec, flush=True)
"""
PLATFORM = """
class Application:
    def __init__(self, name, script, subdomain):
        self.name, self.script, self.subdomain = name, script, subdomain
class Answer:
    applications = [Application("Other", "other.py", "other"), Application("Howdah", "launch.py", "howdah-x7")]
class Client:
    def list_applications(self, project_id, **options):
        assert project_id == "p-1"
        return Answer
def default_client():
    return Client()
"""


@dataclass
class Project:
    """A project's home with Howdah in it, and what the platform tells its engines."""

    home: Path
    port: int

    @property
    def url(self) -> str:
        return f"https://howdah-x7.cml.example.com:{self.port}"

    def environ(self) -> dict[str, str]:
        # Where packages come from, as an administrator tells it; what is in the machine's cache is not fetched again.
        kept = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "UV_", "SSL_", "LANG"))}
        kept.setdefault("UV_CACHE_DIR", str(Path.home() / ".cache" / "uv"))
        kept["PATH"] = ":".join(folder for folder in os.get_exec_path() if not Path(folder, "uv").exists())
        port_names = ("CDSW_APP_PORT", "CDSW_READONLY_PORT", "CDSW_PUBLIC_PORT")
        told = {"CDSW_DOMAIN": f"cml.example.com:{self.port}", "CDSW_ENGINE_ID": "e1", "CDSW_PROJECT_ID": "p-1"}
        ours = {"HOME": str(self.home), "PIP_USER": "1", "PYTHONPATH": str(self.home / "platform")}
        return {**kept, **dict.fromkeys(port_names, str(self.port)), **told, **ours}

    def record(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.home / "label_studio_data" / "instance.json").read_text())
        return found


class Engine:
    """An IPython engine that runs a script's text in the project's home."""

    def __init__(self, project: Project, number: int, script: str = "launch.py") -> None:
        self._printed = project.home / f"printed-{number}.txt"
        with self._printed.open("wb") as printed:
            self.process = subprocess.Popen(
                self.command(script),
                cwd=project.home,
                env=project.environ(),
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
            )

    def command(self, script: str) -> list[str]:
        return [sys.executable, "-c", ENGINE.format(script=script), "-f", "kernel.json"]

    @property
    def printed(self) -> str:
        return self._printed.read_text("utf-8", "replace")

    def wait_for(self, text: str, seconds: float = 120) -> None:
        def there() -> bool:
            assert text in self.printed or self.process.poll() is None, self.printed
            return text in self.printed

        until(there, seconds, text)

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(60)


class Terminal(Engine):
    """A terminal of a session in the project's home."""

    def command(self, script: str) -> list[str]:
        return [sys.executable, script]


class FarStudio(Studio):
    """A browser at a name that only the browser knows."""

    def ask(self, path: str, data: dict[str, Any] | None = None) -> Any:
        ask = """async ([url, data]) => {
            const token = (document.cookie.match(/csrftoken=([^;]+)/) || [])[1] || "";
            const headers = {"X-CSRFToken": token, "Content-Type": "application/json"};
            const answer = await fetch(url, data === null ? {} : {method: "POST", headers, body: JSON.stringify(data)});
            return [answer.status, await answer.text()];
        }"""
        status, text = self.page.evaluate(ask, [self.url + path, data])
        assert status < 300, f"{path}: {status} {text}"
        return json.loads(text)

    def tasks(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask(f"/api/tasks?project={self.project}&resolve_uri=false")["tasks"]
        return found


@contextmanager
def _platform(home: Path) -> Iterator[Project]:
    """The project, with the platform's proxy in front of its application's port."""
    if NGINX is None:
        pytest.skip("nginx is not installed: `python3 launch.py test` installs it or says how")
    if sys.platform != "linux":
        pytest.skip("platform: the loopback network of Linux has more than one address")
    (home / "platform").mkdir()
    (home / "platform" / "cmlapi.py").write_text(PLATFORM)
    found = Project(home, ports.any_free(OUTSIDE))
    name, folder = "howdah-x7.cml.example.com", home.with_name("nginx")
    with Front(folder, "nginx.conf", name, (OUTSIDE, found.port), f"http://127.0.0.1:{found.port}"):
        yield found


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A project with Howdah installed already."""
    home = tmp_path / "cdsw"
    home.mkdir()
    for name in ("launch.py", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, home / name)
    (home / "src").symlink_to(ROOT / "src")
    _install(Place(home))
    with _platform(home) as found:
        yield found


@pytest.fixture
def prototype(tmp_path: Path) -> Iterator[Project]:
    """A project as it is when somebody has just made it of this repository, before any of its tasks has run."""
    home = tmp_path / "cdsw"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(home)], check=True)
    with _platform(home) as found:
        yield found


def _tasks(home: Path) -> list[str]:
    """The scripts that the platform runs, in order: the session's that installs, and the application's."""
    return [task["script"] for task in yaml.safe_load((home / ".project-metadata.yaml").read_text())["tasks"]]


def _install(place: Place) -> None:
    """What an earlier installation has left: here it leads to the Python that runs this test."""
    place.python.parent.mkdir(parents=True)
    place.python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    place.python.chmod(0o755)
    (place.venv / "share").symlink_to(Path(sys.prefix) / "share")
    write_note(place, Note(str(place.root), requirements_digest(place.root), ("labelstudio",)))


def _label(studio: Studio, store: str) -> int:
    """Sync a source, label its one task, sync the target; the task."""
    with channel.connect(store) as connection:
        for name in ("images", "labels"):
            repos.create(connection, parse_repo(name))
        with files.modify(connection, Commit(parse_repo("images"), "master")) as changes:
            changes.put("/a.png", (ROOT / "docs/images/walkthrough-01-signup.png").read_bytes())
    studio.set_up_project("On the platform", CONFIG)
    for kind, repo in (("Source", "images"), ("Target", "labels")):
        studio.set_up_storage(kind, repo, f"{repo}@master")
    studio.open_storages()
    studio.sync("images")
    (task,) = studio.tasks()
    studio.open_task(task["id"])
    studio.choose("Sharp")
    studio.submit()
    studio.open_storages()
    studio.sync("labels")
    return int(task["id"])


@pytest.mark.timeout(900)
def test_prototype_installs_itself_serves_the_public_name_and_all_is_there_after_a_restart(
    prototype: Project, chromium: Browser, tmp_path: Path
) -> None:
    assert metadata.version("ipython")
    project = prototype
    install, application = _tasks(project.home)
    with Engine(project, 0, install) as session:
        session.wait_for("The engine goes on: None", 600)
        assert "Installing" in session.printed
        assert "the application can start" in session.printed
    with Engine(project, 1, application) as engine:
        engine.wait_for(f"Howdah is ready at {project.url} ")
        assert "Installing" not in engine.printed
        assert not (project.home / ".local").exists()  # where PIP_USER would have put packages
        record = project.record()
        assert record["url"] == f"http://127.0.0.1:{project.port}"
        studio = FarStudio(new_context(chromium, ignore_https_errors=True).new_page(), project.url, tmp_path)
        studio.sign_up("ada@example.com", PASSWORD)
        task = _label(studio, record["store"])
        engine.process.send_signal(signal.SIGINT)
        engine.wait_for("The engine goes on: None")
        assert engine.process.wait(60) == 0
        assert not [child for child in record["children"].values() if identify(child["pid"])]
    with Engine(project, 2, application) as engine:
        engine.wait_for("Howdah is ready at")
        page = new_context(chromium, ignore_https_errors=True).new_page()
        page.goto(f"{project.url}/user/login/")
        page.fill("input[name=email]", "ada@example.com")
        page.fill("input[name=password]", PASSWORD)
        page.click("button[type=submit]")
        page.wait_for_url(lambda url: "/user/" not in url)
        again = FarStudio(page, project.url, tmp_path)
        assert again.ask(f"/api/tasks/{task}")["annotations"][0]["result"][0]["value"] == {"choices": ["Sharp"]}
        with channel.connect(project.record()["store"]) as connection:
            assert b"".join(files.get(connection, File(Commit(parse_repo("labels"), "master"), f"/{task}.json")))


def test_session_ends_the_instance_that_a_killed_engine_has_left_and_takes_files(project: Project) -> None:
    with Engine(project, 1) as first:
        first.wait_for("Howdah is ready at")
        left = project.record()
    with Terminal(project, 2) as second:
        second.wait_for(f"Howdah is ready at {project.url} ")
        assert project.record()["url"] == left["url"]
        assert not [child for child in left["children"].values() if identify(child["pid"])]
        howdah = Path(sys.prefix) / "bin" / "howdah"
        for words in (["create", "repo", "images"], ["put", "file", "images@master", "-r", "-f", "platform"]):
            subprocess.run([howdah, *words], check=True, cwd=project.home, env=project.environ())


def test_failure_is_an_exception_of_the_engine(project: Project) -> None:
    (project.home / "label_studio_data").write_text("a file, not a folder")
    with Engine(project, 1) as engine:
        assert engine.process.wait(60) == 0
        assert "cannot be used" in engine.printed
        assert "The engine goes on: Howdah ended with exit code 1" in engine.printed
