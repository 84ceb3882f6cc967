"""Environments of packages: made once, from wheels alone, and seen by fenced code."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from howdah.errors import Invalid, Unavailable
from howdah.worker import installation
from howdah.worker.packages import Environments
from howdah.worker.slot import Slot
from tests.worker import wheels as wheel
from tests.worker.conftest import place
from tests.worker.runs import run


@pytest.fixture(scope="module")
def uv() -> str:
    found = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.prefix, "bin")))
    assert found is not None, "uv is not here: pip install uv"
    return found


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    """A folder with one wheel."""
    made = tmp_path / "wheels"
    wheel.make(made)
    return made


@pytest.fixture
def environ(wheels: Path, tmp_path: Path) -> dict[str, str]:
    """uv's, without any network."""
    return wheel.environ(tmp_path, wheels)


@pytest.fixture
def folder(open_folder: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    made = open_folder / f"packages-{abs(hash(request.node.name))}"
    made.mkdir(mode=0o755)
    yield made
    shutil.rmtree(made)


def test_code_has_the_packages_of_its_pipeline(folder: Path, uv: str, python: str, environ: dict[str, str]) -> None:
    if sys.platform != "linux":
        pytest.skip("platform: fences are Linux's")
    environments = folder / "environments"
    given = Environments(environments, uv, python, environ).made("howdah-example==1.0\n# said\n")
    where = place(folder)
    where = type(where)(where.folder, covered=where.covered, shown=(environments,), user=where.user)
    with Slot(installation.opened(where, installation.needed())) as slot:
        code = "import howdah_example, sys; print(howdah_example.GREETING, sys.prefix)"
        ran = run(slot, ["python", "-c", code], environment=given)
        assert ran.lines == [f"hello {given['VIRTUAL_ENV']}"]
        assert run(slot, ["howdah", "--version"], environment=given).code == 0
        ran = run(slot, ["sh", "-c", "echo x > $VIRTUAL_ENV/bin/x"], environment=given)
        assert ran.lines[0].endswith("Read-only file system")


def test_an_environment_is_made_once_and_then_needs_nothing(
    folder: Path, uv: str, python: str, environ: dict[str, str], wheels: Path
) -> None:
    environments = Environments(folder, uv, python, environ)
    with ThreadPoolExecutor(3) as pool:
        first, *others = pool.map(environments.made, ["howdah-example", "howdah-example\n", "# x\n\n howdah-example"])
    assert others == [first, first]
    shutil.rmtree(wheels)
    again = Environments(folder, "no-uv", python, {})
    assert again.made("howdah-example") == first
    with pytest.raises(Unavailable, match="uv cannot be started"):
        again.made("howdah-example==1.0")


def test_what_was_made_by_halves_is_made_anew(folder: Path, uv: str, python: str, environ: dict[str, str]) -> None:
    with pytest.raises(Invalid, match="the packages of the pipeline cannot be installed: .*no-such-package"):
        Environments(folder, uv, python, environ).made("no-such-package")
    environments = Environments(folder, uv, python, environ)
    made = Path(environments.made("howdah-example")["VIRTUAL_ENV"])
    (made / "howdah-ready").unlink()
    (made / "bin/python").unlink()
    environments.made("howdah-example")
    assert (made / "bin/python").exists()


def test_what_nobody_wants_or_uses_any_more_goes(folder: Path, uv: str, python: str, environ: dict[str, str]) -> None:
    environments = Environments(folder, uv, python, environ)
    wanted, used, gone = (f"howdah-example{version}" for version in ("", "==1.0", ">=0.9"))
    places = [Path(environments.made(each)["VIRTUAL_ENV"]) for each in (wanted, used, gone)]
    with pytest.raises(Invalid):
        environments.made("no-such-package")
    with environments.used(used) as given:
        environments.keep([wanted, "-e ."])
        assert [place.exists() for place in places] == [True, True, False]
        assert Path(given["VIRTUAL_ENV"], "bin/python").exists()
    environments.keep([wanted])
    assert {path.name.partition(".")[0] for path in folder.iterdir()} == {places[0].name}
    with environments.used(gone) as given:
        assert Path(given["VIRTUAL_ENV"], "bin/python").exists()


def test_environments_come_and_go_while_they_are_used(
    folder: Path, uv: str, python: str, environ: dict[str, str]
) -> None:
    environments = Environments(folder, uv, python, environ)

    def use(_: int) -> bool:
        with environments.used("howdah-example") as given:
            environments.keep([])
            return Path(given["VIRTUAL_ENV"], "bin/python").exists()

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(use, range(12)))
    environments.keep([])
    assert not [*folder.iterdir()]


@pytest.mark.parametrize("line", ["--no-binary :all:", "-e .", "-r /etc/passwd", "./here", "/srv/x.whl", "a \\"])
def test_what_is_no_requirement_is_refused(folder: Path, line: str) -> None:
    with pytest.raises(Invalid, match="^requirement "):
        Environments(folder, "no-uv", "no-python", {}).made(f"howdah-example\n{line}\n")
    assert not [*folder.iterdir()]


def test_nothing_is_built_from_sources(
    folder: Path, uv: str, python: str, environ: dict[str, str], wheels: Path
) -> None:
    mark = folder / "was-run"
    source = folder / "source"
    source.mkdir()
    (source / "setup.py").write_text(
        f"open({str(mark)!r}, 'w'); import setuptools; setuptools.setup(name='evil', version='1')"
    )
    shutil.make_archive(str(wheels / "evil-1.0"), "gztar", folder, "source")
    for wanted in ("evil", f"evil @ file://{source}", f"evil @ file://{wheels}/evil-1.0.tar.gz"):
        with pytest.raises(Invalid, match="cannot be installed"):
            Environments(folder, uv, python, environ).made(wanted)
    assert not mark.exists()
