"""Pipelines from the command line, on a store. Whether anybody runs their jobs is nothing to these tests."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Howdah


def spec(name: str, repo: str = "images", **more: Any) -> dict[str, Any]:
    return {
        "pipeline": {"name": name},
        "transform": {"cmd": ["sh"], "stdin": [f"cp /pfs/{repo}/* /pfs/out/"]},
        "input": {"pfs": {"repo": repo, "glob": "/*"}},
        **more,
    }


def text(*told: dict[str, Any]) -> bytes:
    return "\n".join(map(json.dumps, told)).encode()


def lines(told: str) -> list[Any]:
    return [json.loads(line) for line in told.splitlines()]


@pytest.fixture
def vision(howdah: Howdah, images: str, project: str) -> Iterator[str]:
    """A project with a repo of images, in which pipelines may be made."""
    yield project
    howdah("delete", "pipeline", "--all", "-f", "--project", project)


def names(howdah: Howdah, project: str, *more: str) -> list[str]:
    done = howdah("list", "pipeline", "--project", project, "--raw", *more)
    assert done.code == 0, done.stderr
    return [each["pipeline"]["name"] for each in lines(done.stdout)]


def test_pipeline_is_created_listed_inspected_and_deleted(either: Howdah, vision: str, tmp_path: Path) -> None:
    (tmp_path / "edges.json").write_bytes(text(spec("edges", description="Finds edges\nand more")))
    assert either("create", "pipeline", "-f", str(tmp_path / "edges.json"), "--project", vision) == (0, b"", "")

    listed = either("list", "pipeline", "--project", vision).stdout.splitlines()
    assert listed[0].split("  ")[0] == "PROJECT"
    assert listed[1].split()[:4] == [vision, "edges", "1", "images:/*"]
    assert listed[1].endswith("Finds edges")
    shown = either("inspect", "pipeline", f"{vision}/edges").stdout.splitlines()
    assert shown[:4] == [f"Project: {vision}", "Pipeline: edges", "Version: 1", "Input: images:/*"]
    assert {'Command: ["sh"]', "Standard input: cp /pfs/images/* /pfs/out/", "Tries: 3"} <= {*shown}
    (raw,) = lines(either("inspect", "pipeline", f"{vision}/edges", "-o", "json").stdout)
    assert raw["pipeline"] == {"name": "edges", "project": {"name": vision}}
    assert raw["details"]["input"]["pfs"]["repo"] == "images"

    assert either("delete", "pipeline", f"{vision}/edges") == (0, b"", "")
    assert either("inspect", "pipeline", f"{vision}/edges") == (
        *(3, b""),
        f'howdah: pipeline "{vision}/edges" not found\n',
    )
    assert either("delete", "pipeline", f"{vision}/edges").code == 3


def test_pipelines_of_one_file_are_made_in_their_order_all_or_none(howdah: Howdah, vision: str) -> None:
    yaml = b"""
pipeline: {name: montage}
transform: {cmd: ["true"]}
input:
  cross:
    - pfs: {repo: edges, glob: /}
    - pfs: {repo: images, glob: /}
---
pipeline: {name: edges}
transform: {cmd: ["true"]}
input: {pfs: {repo: images, glob: "/*"}}
"""
    bad = howdah("create", "pipeline", "-f", "-", "--project", vision, stdin=yaml + b"datumtries: 1")
    assert bad.code == 2
    assert bad.stderr.startswith('howdah: pipeline edges: could not make effective spec: unknown field "datumtries";')
    assert names(howdah, vision) == []

    assert howdah("create", "pipeline", "-f", "-", "--project", vision, stdin=yaml) == (0, b"", "")
    assert sorted(names(howdah, vision)) == ["edges", "montage"]
    sets = lines(howdah("list", "job", "--project", vision, "--raw").stdout)
    assert [len(each["jobs"]) for each in sets] == [2]  # what came together has one id


def test_template_is_rendered_with_its_arguments(howdah: Howdah, vision: str, tmp_path: Path) -> None:
    template = tmp_path / "edges.jsonnet"
    template.write_text(
        'function(name, repo) [{pipeline: {name: name}, transform: {cmd: ["true"]},'
        ' input: {pfs: {repo: repo, glob: "/"}}}]'
    )
    words = ("create", "pipeline", "--jsonnet", str(template), "--project", vision)
    done = howdah(*words, "--arg", "name=edges", "--arg", "repo=images")
    assert (done.code, done.stderr) == (0, "")
    assert names(howdah, vision) == ["edges"]
    missing = howdah(*words, "--arg", "name=edges")
    assert missing.code == 2
    assert "template cannot be rendered" in missing.stderr


@pytest.mark.parametrize(
    ("words", "stdin", "code", "told"),
    [
        ((), b"", 2, "name either a file with -f, or a template with --jsonnet"),
        (("-f", "-", "--jsonnet", "x"), b"", 2, "name either a file with -f, or a template with --jsonnet"),
        (("-f", "-", "--arg", "a=b"), b"", 2, "--arg is for templates"),
        (("--jsonnet", "-", "--arg", "a"), b"", 2, "argument (a) invalid: --arg KEY=VALUE gives a template one"),
        (("-f", "https://example.org/x.json"), b"", 2, "curl URL | howdah ... -f -"),
        (("-f", "/nowhere/x.json"), b"", 3, "file /nowhere/x.json not found"),
        (("-f", "/"), b"", 2, "file / cannot be read: Is a directory"),
        (("-f", "-"), b"\xff", 2, "file - cannot be read: it is no text in UTF-8"),
        (("-f", "-"), b"", 2, "specification cannot be read: it is empty"),
        (("-f", "-"), b"[1]", 2, "specification cannot be read: it must be an object"),
        (("-f", "-"), b"{}", 2, "it must have a name, as pipeline.name"),
        (("-f", "-"), b'{"pipeline": {"name": "x"}}', 2, "pipeline must specify a transform"),
        (("-f", "-"), text(spec("x", "nothing")), 3, "repo default/nothing not found"),
    ],
)
def test_what_makes_no_pipeline_is_refused(
    howdah: Howdah, words: Sequence[str], stdin: bytes, code: int, told: str
) -> None:
    refused = howdah("create", "pipeline", *words, stdin=stdin)
    assert refused.code == code, refused.stderr
    assert told in refused.stderr
    assert refused.stderr.count("\n") == 1


def create(
    howdah: Howdah, project: str, *told: dict[str, Any], verb: str = "create", words: Sequence[str] = ()
) -> None:
    done = howdah(verb, "pipeline", "-f", "-", "--project", project, *words, stdin=text(*told))
    assert done.code == 0, done.stderr


def raw(howdah: Howdah, project: str, name: str) -> Any:
    (told,) = lines(howdah("inspect", "pipeline", f"{project}/{name}", "--raw").stdout)
    return told


def test_update_makes_versions_and_creates_what_is_not_there(howdah: Howdah, vision: str) -> None:
    create(howdah, vision, spec("edges"))
    again = howdah("create", "pipeline", "-f", "-", "--project", vision, stdin=text(spec("edges")))
    assert (again.code, again.stderr) == (4, f'howdah: pipeline "{vision}/edges" already exists\n')
    first = raw(howdah, vision, "edges")

    create(howdah, vision, spec("edges", datumTries=5), spec("count", "edges"), verb="update")
    second = raw(howdah, vision, "edges")
    assert (second["version"], second["details"]["datum_tries"]) == ("2", "5")
    assert second["details"]["salt"] == first["details"]["salt"]
    assert raw(howdah, vision, "edges^1")["version"] == "1"
    assert raw(howdah, vision, "edges^")["version"] == "1"
    assert howdah("inspect", "pipeline", f"{vision}/edges^x").code == 2
    listed = howdah("list", "pipeline", f"{vision}/edges", "--history", "all", "--raw").stdout
    assert [each["version"] for each in lines(listed)] == ["2", "1"]
    assert howdah("list", "pipeline", "--history", "some").code == 2

    create(howdah, vision, spec("edges"), verb="update", words=["--reprocess"])
    assert raw(howdah, vision, "edges")["details"]["salt"] != first["details"]["salt"]
    assert howdah("rerun", "pipeline", f"{vision}/edges").code == 0
    assert raw(howdah, vision, "edges")["version"] == "4"


def test_dry_run_tells_what_would_be_and_does_nothing(howdah: Howdah, vision: str) -> None:
    told = text(spec("edges"), spec("count", "edges"))
    done = howdah("create", "pipeline", "-f", "-", "--project", vision, "--dry-run", stdin=told)
    assert [each["pipeline"] for each in lines(done.stdout)] == [
        {"name": name, "project": {"name": vision}} for name in ("edges", "count")
    ]
    assert [each["datumTries"] for each in lines(done.stdout)] == [3, 3]
    assert names(howdah, vision) == []


def test_pipelines_are_chosen_by_state_and_told_as_they_were_made(howdah: Howdah, vision: str) -> None:
    create(howdah, vision, spec("count", "edges"), spec("edges"))
    assert howdah("stop", "pipeline", f"{vision}/edges") == (0, b"", "")
    assert names(howdah, vision, "--state", "paused") == ["edges"]
    assert names(howdah, vision, "--state", "paused", "--state", "failure") == ["edges"]
    assert "Stopped: yes" in howdah("inspect", "pipeline", f"{vision}/edges").stdout
    assert howdah("start", "pipeline", f"{vision}/edges") == (0, b"", "")
    assert names(howdah, vision, "--state", "paused") == []

    told = howdah("list", "pipeline", "--project", vision, "--spec").bytes
    assert howdah("delete", "pipeline", "--all", "--project", vision).stdout.splitlines() == [
        f"{vision}/count is deleted",
        f"{vision}/edges is deleted",
    ]
    assert howdah("create", "pipeline", "-f", "-", "--project", vision, stdin=told).code == 0
    assert sorted(names(howdah, vision)) == ["count", "edges"]


def test_what_others_follow_is_deleted_only_by_force(howdah: Howdah, vision: str) -> None:
    create(howdah, vision, spec("edges"), spec("count", "edges"))
    refused = howdah("delete", "pipeline", f"{vision}/edges")
    assert refused.code == 5
    assert f"{vision}/count@master" in refused.stderr
    assert howdah("delete", "pipeline", f"{vision}/edges", "--keep-repo").code == 0
    assert howdah("inspect", "repo", f"{vision}/edges").code == 0
    assert howdah("delete", "pipeline", f"{vision}/count", "-f").code == 0
    assert howdah("inspect", "repo", f"{vision}/count").code == 3


@pytest.mark.parametrize("words", [(), ("edges", "--all"), ("edges", "-A"), ("-A",)])
def test_what_to_delete_must_be_clear(howdah: Howdah, words: Sequence[str]) -> None:
    refused = howdah("delete", "pipeline", *words)
    assert (refused.code, refused.stdout) == (2, "")
    assert "name one pipeline, or say --all" in refused.stderr


def test_schedules_tick_when_somebody_says_so(howdah: Howdah, vision: str) -> None:
    tick = {"cron": {"name": "tick", "spec": "@never"}}
    create(howdah, vision, spec("report", input=tick), spec("edges"))
    assert "tick:@never" in howdah("list", "pipeline", "--project", vision).stdout
    assert howdah("run", "cron", f"{vision}/report") == (0, b"", "")
    assert howdah("list", "file", f"{vision}/report_tick@master").stdout.count("Z ") == 1
    refused = howdah("run", "cron", f"{vision}/edges")
    assert "pipeline doesn't have a cron input" in refused.stderr


def test_pipelines_carry_metadata(howdah: Howdah, vision: str) -> None:
    create(howdah, vision, spec("edges"))
    assert howdah("edit", "metadata", "pipeline", f"{vision}/edges", "add", "owner=ada").code == 0
    assert "Metadata: owner=ada" in howdah("inspect", "pipeline", f"{vision}/edges").stdout
    assert howdah("edit", "metadata", "pipeline", f"{vision}/count", "add", "owner=ada").code == 3


def test_pipelines_are_drawn(howdah: Howdah, vision: str) -> None:
    create(howdah, vision, spec("edges"), spec("count", "labels", input={"cron": {"name": "tick", "spec": "@never"}}))
    drawn = howdah("draw", "pipeline", "--project", vision)
    assert drawn.code == 0
    assert all(name in drawn.stdout for name in ("images", "edges", "count", "cron @never"))
    assert howdah("draw", "pipeline", "--project", vision, "--mermaid").stdout.startswith("flowchart TD\n")
    part = howdah("draw", "pipeline", f"{vision}/images", "--project", vision, "--svg").stdout
    assert ">edges<" in part
    assert ">count<" not in part
    missing = howdah("draw", "pipeline", "nothing", "--project", vision)
    assert (missing.code, missing.stderr) == (
        3,
        f"howdah: no pipeline is, or reads, {vision}/nothing: `howdah list pipeline` shows what there is\n",
    )


class Editor:
    """An editor that puts the next of some texts in the place of what it is given, or leaves that as it is."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        program = folder / "editor.py"
        program.write_text(
            "import pathlib, sys\n"
            "file, here = pathlib.Path(sys.argv[1]), pathlib.Path(__file__).parent\n"
            "number = len([*here.glob('seen-*')])\n"
            "(here / f'seen-{number}').write_text(file.read_text())\n"
            "told = here / f'tell-{number}'\n"
            "told.exists() and file.write_text(told.read_text())\n"
            "sys.exit((here / f'fail-{number}').exists())\n"
        )
        monkeypatch.setenv("VISUAL", f"{sys.executable} {program}")
        monkeypatch.setattr(tempfile, "tempdir", str(folder))

    def tell(self, *texts: str) -> None:
        for number, each in enumerate(texts):
            (self._folder / f"tell-{number}").write_text(each)

    def seen(self) -> list[str]:
        return [path.read_text() for path in sorted(self._folder.glob("seen-*"))]


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Editor:
    return Editor(tmp_path, monkeypatch)


def test_edited_text_that_is_refused_comes_back_with_the_reason(howdah: Howdah, vision: str, editor: Editor) -> None:
    create(howdah, vision, spec("edges"))
    changed = spec("edges", description="Better")
    editor.tell(
        "{",
        json.dumps(changed | {"nothing": 1}),
        json.dumps(changed | {"pipeline": {"name": "x"}}),
        "// so\n" + json.dumps(changed),
    )
    assert howdah("edit", "pipeline", f"{vision}/edges") == (0, b"", "")

    first, second, third, fourth = editor.seen()
    assert json.loads(first)["transform"] == changed["transform"]
    assert "\n  " in first
    assert second.startswith("// Refused; close the editor without a change to give it up.\n//\n// specification")
    assert second.endswith("\n{\n")
    assert '// could not make effective spec: unknown field "nothing"' in third
    assert f"// pipeline {vision}/edges cannot be renamed to {vision}/x: create another one" in fourth
    told = raw(howdah, vision, "edges")
    assert (told["version"], told["details"]["description"]) == ("2", "Better")


def test_edit_without_a_change_changes_nothing(howdah: Howdah, vision: str, editor: Editor) -> None:
    create(howdah, vision, spec("edges"))
    done = howdah("edit", "pipeline", f"{vision}/edges")
    assert (done.code, done.stderr) == (0, f"howdah: pipeline {vision}/edges is as it was: nothing was changed\n")
    assert raw(howdah, vision, "edges")["version"] == "1"


def test_edit_that_is_given_up_keeps_what_was_written(
    howdah: Howdah, vision: str, editor: Editor, tmp_path: Path
) -> None:
    create(howdah, vision, spec("edges"))
    editor.tell('{"mine": 1}')
    done = howdah("edit", "pipeline", f"{vision}/edges", "--reprocess")
    assert done.code == 2
    kept = done.stderr.rpartition("what you wrote is kept in ")[2].strip()
    assert Path(kept).parent == tmp_path
    assert Path(kept).read_text() == '{"mine": 1}'
    assert raw(howdah, vision, "edges")["version"] == "1"


def test_editor_that_fails_is_told_and_loses_nothing(
    howdah: Howdah, vision: str, editor: Editor, tmp_path: Path
) -> None:
    create(howdah, vision, spec("edges"))
    absent = howdah("edit", "pipeline", f"{vision}/edges", "--editor", "/nowhere/vi")
    assert absent.code == 2
    assert absent.stderr.startswith("howdah: /nowhere/vi: Editing failed")
    assert "name another editor with --editor" in absent.stderr

    (tmp_path / "fail-1").touch()
    editor.tell('{"mine": 1}')
    failed = howdah("edit", "pipeline", f"{vision}/edges")
    assert failed.code == 2
    assert Path(failed.stderr.rpartition("what you wrote is kept in ")[2].strip()).read_text() == '{"mine": 1}'


def test_pipelines_wait_in_a_transaction(
    howdah: Howdah, vision: str, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HOWDAH_ADDRESS")
    howdah("config", "set", "context", "here", "--address", address, "--project", vision)
    id = howdah("start", "transaction").stdout.strip()
    told = text(spec("count", "edges"), spec("edges"))
    assert howdah("create", "pipeline", "-f", "-", stdin=told) == (0, b"", "")
    assert "create pipeline v2, create pipeline v2" in howdah("inspect", "transaction").stdout
    assert names(howdah, vision) == []
    assert howdah("finish", "transaction").code == 0
    assert [each["job"]["id"] for each in lines(howdah("list", "job", "-x", "--raw").stdout)] == [id, id]


def test_lists_show_as_much_of_a_long_input_as_there_is_room_for(howdah: Howdah, vision: str) -> None:
    inputs = [{"pfs": {"repo": "images", "glob": f"/{number}/*", "name": f"i{number}"}} for number in range(9)]
    create(howdah, vision, spec("edges", input={"union": inputs}))
    whole = f"({' ∪ '.join(f'images:/{number}/*' for number in range(9))})"
    assert f"{whole[:60]}…  " in howdah("list", "pipeline", "--project", vision).stdout
    assert f"Input: {whole}\n" in howdah("inspect", "pipeline", f"{vision}/edges").stdout


def test_datums_are_told_before_there_is_a_pipeline(howdah: Howdah, vision: str) -> None:
    for name in ("1.png", "2.png"):
        howdah("put", "file", f"{vision}/images@master:/{name}", stdin=b"x")
    words = ("list", "datum", "-f", "-", "--project", vision)
    listed = howdah(*words, stdin=text(spec("edges"))).stdout.splitlines()
    assert listed[0].split() == ["DATUM", "SIZE", "FILES"]
    assert sorted(line.split()[3] for line in listed[1:]) == ["images:/1.png", "images:/2.png"]
    crossed = spec("edges", input={"cross": [{"pfs": {"repo": "images", "glob": "/*", "name": each}} for each in "ab"]})
    assert len(lines(howdah(*words, "--raw", stdin=text(crossed)).stdout)) == 4
    assert len(lines(howdah(*words, "--raw", "-n", "3", stdin=text(crossed)).stdout)) == 3
    other = spec("edges", pipeline={"name": "edges", "project": {"name": vision}})
    assert len(lines(howdah("list", "datum", "-f", "-", "--raw", stdin=text(other)).stdout)) == 2
    assert "specification has no input" in howdah(*words, stdin=b'{"pipeline": {"name": "x"}}').stderr


def test_secrets_are_kept_without_being_told_again(either: Howdah, vision: str) -> None:
    name = f"password-{vision}"
    yaml = f"metadata: {{name: {name}}}\nstringData: {{word: howdy}}\n"
    assert either("create", "secret", "-f", "-", stdin=yaml.encode()) == (0, b"", "")
    assert either("inspect", "secret", name).stdout.splitlines()[:2] == [f"Secret: {name}", "Type: Opaque"]
    assert name in [each["secret"]["name"] for each in lines(either("list", "secret", "--raw").stdout)]
    assert "howdy" not in either("inspect", "secret", name, "--raw").stdout
    again = either("create", "secret", "-f", "-", stdin=yaml.encode())
    assert (again.code, again.stderr) == (4, f'howdah: secret "{name}" already exists: delete it first\n')
    assert either("delete", "secret", name) == (0, b"", "")
    assert either("delete", "secret", name).code == 3
    assert "metadata.name must name it" in either("create", "secret", "-f", "-", stdin=b"metadata: {}").stderr


def test_defaults_lie_under_what_pipelines_say(howdah: Howdah, vision: str) -> None:
    create(howdah, vision, spec("edges"), spec("count", datumTries=2))
    here = ("--project", vision)
    assert json.loads(howdah("inspect", "defaults", *here).stdout) == {}
    yaml = b"createPipelineRequest: {datumTries: 5}"
    tried = howdah("update", "defaults", "-f", "-", "--dry-run", *here, stdin=yaml)
    assert tried == (0, f"{vision}/edges would be updated\n".encode(), "")
    assert json.loads(howdah("inspect", "defaults", *here).stdout) == {}
    assert howdah("update", "defaults", "-f", "-", *here, stdin=yaml) == (0, b"", "")
    assert json.loads(howdah("inspect", "defaults", *here).stdout) == {"createPipelineRequest": {"datumTries": 5}}
    assert raw(howdah, vision, "edges")["details"]["datum_tries"] == "3"
    assert howdah("update", "defaults", "-f", "-", "--reprocess", *here, stdin=yaml).stdout == (
        f"{vision}/edges is updated\n"
    )
    assert raw(howdah, vision, "edges")["details"]["datum_tries"] == "5"
    assert howdah("delete", "defaults", "--regenerate", *here).stdout == f"{vision}/edges is updated\n"
    assert raw(howdah, vision, "edges")["details"]["datum_tries"] == "3"
    wrong = howdah("update", "defaults", "-f", "-", *here, stdin=b"datumTries: 5")
    assert wrong.code == 2
    assert "datumTries" in wrong.stderr


def test_defaults_of_the_cluster_are_told(howdah: Howdah) -> None:
    tried = howdah("update", "defaults", "--cluster", "--dry-run", "-f", "-", stdin=b'{"createPipelineRequest": {}}')
    assert tried.code == 0
    assert json.loads(howdah("inspect", "defaults", "--cluster").stdout) == {}


def test_all_repos_are_deleted_after_the_pipelines_that_write_some(either: Howdah, vision: str, tmp_path: Path) -> None:
    (tmp_path / "edges.json").write_bytes(text(spec("edges")))
    assert either("create", "pipeline", "-f", str(tmp_path / "edges.json"), "--project", vision).code == 0
    refused = either("delete", "repo", "--all", "--project", vision)
    assert refused.code == 5
    assert f"delete the pipeline instead: `howdah delete pipeline {vision}/edges`" in refused.stderr
    assert either("delete", "pipeline", f"{vision}/edges").code == 0
    assert either("delete", "repo", "--all", "--project", vision) == (0, f"{vision}/images is deleted\n".encode(), "")
    assert either("delete", "repo", "--all", "images").code == 2
