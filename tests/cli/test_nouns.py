"""Projects, repos, branches and commits from the command line, through both skins."""

from __future__ import annotations

import json
from typing import Any

from tests.cli.conftest import Howdah


def lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


def test_project_is_created_listed_inspected_and_deleted(either: Howdah, project: str) -> None:
    name = f"{project}x"
    assert either("create", "project", name, "-d", "Camera traps") == (0, b"", "")
    assert "Camera traps" in either("list", "project").stdout
    assert either("inspect", "project", name).stdout.startswith(f"Project: {name}\n")
    assert either("delete", "project", name) == (0, b"", "")
    assert either("inspect", "project", name).code == 3


def test_repo_is_created_listed_inspected_and_deleted(either: Howdah, project: str) -> None:
    assert either("create", "repo", "photos", "--project", project, "-d", "To label") == (0, b"", "")
    listed = either("list", "repo", "--project", project).stdout.splitlines()
    assert listed[0].split() == ["PROJECT", "REPO", "CREATED", "SIZE", "DESCRIPTION"]
    assert listed[1].split()[:2] == [project, "photos"]
    (raw,) = lines(either("inspect", "repo", f"{project}/photos", "--raw").stdout)
    assert raw["repo"] == {"name": "photos", "type": "user", "project": {"name": project}}
    assert either("delete", "repo", f"{project}/photos") == (0, b"", "")
    assert either("list", "repo", "--project", project, "--raw") == (0, b"", "")


def test_errors_are_one_line_with_noun_and_exit_code_of_the_category(either: Howdah, images: str) -> None:
    exists = either("create", "repo", images)
    missing = either("inspect", "repo", f"{images}2")
    bad = either("create", "repo", "a b")

    assert exists == (4, b"", f"howdah: repo {images} already exists\n")
    assert (missing.code, missing.stderr) == (3, f"howdah: repo {images}2 not found\n")
    assert (bad.code, bad.stderr.count("\n")) == (2, 1)


def test_repos_of_all_projects_are_listed_on_demand(howdah: Howdah, images: str) -> None:
    assert images in [f"{i['repo']['project']['name']}/{i['repo']['name']}" for i in all_repos(howdah)]
    assert images.partition("/")[2] not in howdah("list", "repo", "--project", "default").stdout


def all_repos(howdah: Howdah) -> list[Any]:
    return lines(howdah("list", "repo", "-A", "--raw").stdout)


def test_description_is_changed_by_update(howdah: Howdah, images: str) -> None:
    assert howdah("create", "repo", images, "-d", "new", "--update").code == 0
    assert "Description: new" in howdah("inspect", "repo", images).stdout


def test_project_with_repos_is_kept_unless_forced(howdah: Howdah, images: str, project: str) -> None:
    kept = howdah("delete", "project", project)

    assert kept.code == 5
    assert images in kept.stderr


def test_branch_begins_with_an_empty_commit(howdah: Howdah, images: str) -> None:
    assert howdah("create", "branch", f"{images}@master").code == 0
    (branch,) = lines(howdah("list", "branch", images, "--raw").stdout)
    (commit,) = lines(howdah("list", "commit", images, "--raw").stdout)

    assert branch["head"]["id"] == commit["commit"]["id"]
    assert (commit["origin"]["kind"], commit["size_bytes_upper_bound"]) == ("AUTO", "0")


def test_branch_is_moved_inspected_and_deleted(howdah: Howdah, images: str) -> None:
    for text in (b"one", b"two"):
        assert howdah("put", "file", f"{images}@master:/a", stdin=text).code == 0
    assert howdah("create", "branch", f"{images}@old", "--head", "master^").code == 0
    assert howdah("get", "file", f"{images}@old:/a").bytes == b"one"
    assert howdah("create", "branch", f"{images}@old", "--head", f"{images}@master").code == 0
    assert howdah("get", "file", f"{images}@old:/a").bytes == b"two"
    assert howdah("inspect", "branch", f"{images}@old").stdout.startswith("Branch: old\nHead: ")
    assert howdah("delete", "branch", f"{images}@old").code == 0
    assert howdah("inspect", "branch", f"{images}@old").code == 3


def test_commit_is_started_written_finished_and_shown(either: Howdah, images: str) -> None:
    started = either("start", "commit", f"{images}@master", "-m", "Second season").stdout.strip()
    assert either("put", "file", f"{images}@{started}:/a", stdin=b"hi").code == 0
    assert "Finished: -" in either("inspect", "commit", f"{images}@master").stdout
    assert either("start", "commit", f"{images}@master").code == 5
    assert either("finish", "commit", f"{images}@{started}") == (0, b"", "")
    shown = either("wait", "commit", f"{images}@{started}").stdout
    assert "Description: Second season" in shown
    assert "Size: 2 B" in shown


def test_commits_are_listed_newest_first_and_bounded(howdah: Howdah, images: str) -> None:
    for text in (b"1", b"2", b"3"):
        howdah("put", "file", f"{images}@master:/a", stdin=text)
    ids = [line["commit"]["id"] for line in lines(howdah("list", "commit", images, "--raw").stdout)]
    some = howdah("list", "commit", f"{images}@master", "-n", "2", "--raw").stdout
    since = howdah("list", "commit", f"{images}@master", "--from", ids[2], "--raw").stdout

    assert len(ids) == 3
    assert [line["commit"]["id"] for line in lines(some)] == ids[:2]
    assert [line["commit"]["id"] for line in lines(since)] == ids[:2]


def test_newest_commit_is_deleted_and_an_older_one_is_not(howdah: Howdah, images: str) -> None:
    for name in "ab":
        howdah("put", "file", f"{images}@master:/{name}", stdin=b"x")
    refused = howdah("delete", "commit", f"{images}@master^")
    assert refused.code == 5
    assert "has children" in refused.stderr

    assert howdah("delete", "commit", f"{images}@master").code == 0
    left = howdah("list", "file", f"{images}@master").stdout
    assert "/a" in left
    assert "/b" not in left


def test_times_are_ages_or_in_full(howdah: Howdah, images: str) -> None:
    howdah("put", "file", f"{images}@master:/a", stdin=b"x")

    assert "just now" in howdah("list", "commit", images).stdout or " ago" in howdah("list", "commit", images).stdout
    assert "Z" in howdah("list", "commit", images, "--full-timestamps").stdout.splitlines()[1]


def test_version_tells_program_and_store(either: Howdah, address: str) -> None:
    (document,) = lines(either("version", "--raw").stdout)

    assert address in either("version").stdout
    assert (document["store"]["major"], document["store"]["minor"]) == (2, 12)
    assert either("version", "--client-only").stdout.count("\n") == 2


def test_a_list_shows_a_descriptions_first_line_and_inspect_all_of_it(howdah: Howdah, images: str) -> None:
    howdah("start", "commit", f"{images}@master", "-m", "2 new\n\nBy: ada")
    howdah("finish", "commit", f"{images}@master")
    assert "2 new" in howdah("list", "commit", images).stdout
    assert "By" not in howdah("list", "commit", images).stdout
    assert "Description: 2 new\n\n  By: ada\n" in howdah("inspect", "commit", f"{images}@master").stdout
