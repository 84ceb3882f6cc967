"""The Dockerfile's rules, and its very steps carried out in bare root folders; then what comes out is run."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from howdah.testing.launched import get, until
from howdah.testing.servers import StoreServer
from tests.deploy.dockerfile import Builder, Stage, Step, parse
from tests.deploy.labels import USER, label, labels_in_store, labels_in_studio

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "deploy/Dockerfile").read_text("utf-8")
STEPS = parse(TEXT)


def _last(word: str) -> Step:
    return [step for step in STEPS if step.word == word][-1]


def test_base_is_pinned_and_slim() -> None:
    assert re.fullmatch(r"PYTHON_IMAGE=python:3\.1[0-3]\.\d+-slim-[a-z]+", _last("ARG").rest)
    assert {step.rest.split()[0] for step in STEPS if step.word == "FROM"} == {"${PYTHON_IMAGE}"}


def test_packages_are_pinned_and_come_before_the_source() -> None:
    installs = [step.rest for step in STEPS if step.word == "RUN" and "pip install" in step.rest]
    assert all("-c constraints.txt" in rest or "--no-deps" in rest for rest in installs)
    assert all("-b constraints.txt" in rest for rest in installs if "/uv pip" in rest)
    order = [step.rest for step in STEPS]
    assert order.index(next(rest for rest in installs if "pyproject.toml" in rest)) < order.index("src src")


def test_container_runs_as_a_user_with_its_data_on_a_volume() -> None:
    assert _last("USER").rest == "1000:1000"
    assert json.loads(_last("VOLUME").rest) == ["/data"]
    assert _last("EXPOSE").rest == "8080"
    assert STEPS.index(_last("USER")) > STEPS.index(_last("RUN"))
    command = json.loads(_last("ENTRYPOINT").rest)
    assert command[command.index("--data") + 1] == "/data"


@pytest.mark.parametrize("word", ["fuse", "SYS_ADMIN", "privileged", "curl", "ADD ", "sudo", ":latest"])
def test_nothing_that_a_plain_container_lacks_or_should_not_have(word: str) -> None:
    for name in ("Dockerfile", "compose.yaml"):
        assert word not in (ROOT / "deploy" / name).read_text("utf-8")


def test_what_is_copied_is_let_through_to_the_engine() -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    own = [step for step in STEPS if step.word == "COPY" and "from" not in step.options]
    copied = {name for step in own for name in step.rest.split()[:-1]}
    assert copied == kept
    assert all((ROOT / name).exists() for name in copied)


def test_compose_file_runs_the_same_container_with_less_rights() -> None:
    yaml: Any = pytest.importorskip("yaml")
    told = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text("utf-8"))
    service = told["services"]["howdah"]
    assert (ROOT / "deploy" / service["build"]["context"] / service["build"]["dockerfile"]).exists()
    assert service["ports"] == ["127.0.0.1:8080:8080"]
    assert [name.partition(":")[2] for name in service["volumes"]] == json.loads(_last("VOLUME").rest)
    assert service["cap_drop"] == ["ALL"]
    assert set(told["volumes"]) == {name.partition(":")[0] for name in service["volumes"]}


@pytest.fixture(scope="module")
def image(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """What the Dockerfile makes."""
    cache = Path(os.environ.get("UV_CACHE_DIR") or Path.home() / ".cache" / "uv")
    cache.mkdir(parents=True, exist_ok=True)
    return Builder(ROOT, base, tmp_path_factory.mktemp("image"), cache).build(TEXT)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Container:
    """The image, run; `url` as soon as it is told, and `printed` for all that it tells."""

    def __init__(self, image: Stage, printed: Path, port: int, binds: dict[Path, str]) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._file = printed
        options = ["--host", "127.0.0.1", "--port", str(port)]  # a container has an address of its own, this has not
        command = image.inside([*image.entrypoint, *options], USER, binds)
        with printed.open("wb") as out:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)

    @property
    def printed(self) -> str:
        return self._file.read_text("utf-8", "replace")

    def ready(self) -> None:
        """Return when it says so."""

        def told() -> bool:
            assert self._process.poll() is None or "ready at" in self.printed, self.printed
            return "ready at" in self.printed

        until(told, 120, "the URL")

    def stop(self) -> int:
        """Ask its process 1 to end, as `docker stop` does; the exit code."""
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        for child in children:
            os.kill(int(child), signal.SIGTERM)
        return self._process.wait(60)


@contextmanager
def _container(image: Stage, printed: Path, port: int, binds: dict[Path, str]) -> Iterator[Container]:
    container = Container(image, printed, port, binds)
    try:
        yield container
    finally:
        if container._process.poll() is None:
            container.stop()


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    """An empty folder as an engine makes it for a new volume: with the owner and mode that the image tells."""
    folder = tmp_path / "volume"
    folder.mkdir()
    os.chown(folder, 1000, 1000)
    folder.chmod(0o777)
    return folder


@pytest.mark.timeout(900)
def test_container_answers_is_healthy_and_keeps_its_data(image: Stage, volume: Path, tmp_path: Path) -> None:
    task = 0
    for turn in ("first", "second"):
        port = _free_port()
        with _container(image, tmp_path / turn, port, {volume: "/data"}) as container:
            container.ready()
            assert get(f"{container.url}/user/login/").status == 200
            check = [word.replace(":8080/", f":{port}/") for word in image.healthcheck]
            subprocess.run(image.inside(check, {}, {}), check=True)
            assert "config.json cannot" not in container.printed
            store = json.loads((volume / "instance.json").read_text())["store"]
            task = task or label(container.url, store)
            assert labels_in_studio(container.url, task) == labels_in_store(store, task) == {"choices": ["Yes"]}
            assert container.stop() == 0
        assert {path.stat().st_uid for path in volume.rglob("*")} == {1000}
        assert not (volume / "instance.json").exists()
        assert "stopped" in (volume / "logs/howdah.log").read_text().splitlines()[-1]
    assert subprocess.run(image.inside(check, {}, {}), check=False, capture_output=True).returncode == 1


@pytest.mark.timeout(900)
def test_mounted_configuration_leads_to_that_cluster(image: Stage, volume: Path, tmp_path: Path) -> None:
    mounted = image.root / "root/.pachyderm/config.json"
    mounted.touch()  # an engine makes the place that it mounts on
    with StoreServer(tmp_path / "cluster") as cluster:
        config = tmp_path / "config.json"
        contexts = {"cluster": {"pachd_address": cluster.address}}
        config.write_text(json.dumps({"v2": {"active_context": "cluster", "contexts": contexts}}))
        os.chown(config, 1000, 1000)
        config.chmod(0o600)
        binds = {volume: "/data", config: "/root/.pachyderm/config.json:ro"}
        with _container(image, tmp_path / "printed", _free_port(), binds) as container:
            container.ready()
            assert f"Labeling on the store at {cluster.address}" in container.printed
            assert json.loads((volume / "instance.json").read_text())["children"].keys() == {"label-studio"}
            assert labels_in_store(cluster.address, label(container.url, cluster.address)) == {"choices": ["Yes"]}
        os.chown(config, 4321, 4321)
        with _container(image, tmp_path / "refused", _free_port(), binds) as container:
            assert container._process.wait(60) == 1
            assert "add to docker run: --user 4321" in container.printed
    mounted.unlink()
