"""Nouns and infos survive the wire, and messages are read as leniently as Pachyderm's clients need."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from howdah.infos import BranchInfo, CommitInfo, FileChange, FileInfo, FileType, Origin, ProjectInfo, RepoInfo, Trigger
from howdah.names import Branch, Commit, File, Project, Repo
from howdah.wire import pfs
from howdah.wire.gen import pfs_pb2

ID = "0123456789ab4cdef0123456789abcde"
IMAGES = Repo(Project("default"), "images")

names = st.text("abcXYZ019_-", min_size=1, max_size=8)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
times = st.none() | st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(timezone.utc))
sizes = st.integers(0, 2**63 - 1)
metadata = st.dictionaries(texts, texts, max_size=3)
projects = st.builds(Project, names)
repos = st.builds(Repo, projects, names, st.sampled_from(["user", "meta", "spec"]))
branches = st.builds(Branch, repos, names)
ancestries = st.sampled_from(["", "^", "^^", "^2", "~3", ".1"])
expressions = st.builds(str.__add__, st.just(ID) | names, ancestries)
commits = st.builds(Commit, repos, expressions)
branch_lists = st.lists(branches, max_size=3).map(tuple)
commit_lists = st.lists(commits, max_size=3).map(tuple)
files = st.builds(File, commits, texts, texts)
file_infos = st.builds(FileInfo, files, st.sampled_from(FileType), sizes, st.binary(), times)
commit_infos = st.builds(
    CommitInfo,
    commit=commits,
    origin=st.sampled_from(Origin),
    description=texts,
    parent=st.none() | commits,
    children=commit_lists,
    started=times,
    finishing=times,
    finished=times,
    error=texts,
    size_upper_bound=sizes,
    size=st.none() | sizes,
    direct_provenance=commit_lists,
    direct_subvenance=commit_lists,
    metadata=metadata,
)
triggers = st.builds(Trigger, names, st.booleans(), texts, texts, sizes, texts)
branch_infos = st.builds(
    BranchInfo,
    branch=branches,
    head=st.none() | commits,
    direct_provenance=branch_lists,
    provenance=branch_lists,
    subvenance=branch_lists,
    metadata=metadata,
    trigger=st.none() | triggers,
    created=times,
    updated=times,
)
repo_infos = st.builds(RepoInfo, repos, texts, times, branch_lists, sizes, st.none() | sizes, metadata)


@given(projects)
def test_project_survives_the_wire(project: Project) -> None:
    assert pfs.project_from_wire(pfs.project_to_wire(project)) == project


@given(repos)
def test_repo_survives_the_wire(repo: Repo) -> None:
    assert pfs.repo_from_wire(pfs.repo_to_wire(repo)) == repo


@given(branches)
def test_branch_survives_the_wire(branch: Branch) -> None:
    assert pfs.branch_from_wire(pfs.branch_to_wire(branch)) == branch


@given(commits)
def test_commit_survives_the_wire(commit: Commit) -> None:
    assert pfs.commit_from_wire(pfs.commit_to_wire(commit)) == commit


@given(files)
def test_file_survives_the_wire(file: File) -> None:
    assert pfs.file_from_wire(pfs.file_to_wire(file)) == file


@given(st.builds(ProjectInfo, projects, texts, times, metadata))
def test_project_info_survives_the_wire(info: ProjectInfo) -> None:
    assert pfs.project_info_from_wire(pfs.project_info_to_wire(info)) == info


@given(repo_infos)
def test_repo_info_survives_the_wire(info: RepoInfo) -> None:
    assert pfs.repo_info_from_wire(pfs.repo_info_to_wire(info)) == info


@given(branch_infos)
def test_branch_info_survives_the_wire(info: BranchInfo) -> None:
    assert pfs.branch_info_from_wire(pfs.branch_info_to_wire(info)) == info


@given(commit_infos)
def test_commit_info_survives_the_wire(info: CommitInfo) -> None:
    assert pfs.commit_info_from_wire(pfs.commit_info_to_wire(info)) == info


@given(file_infos)
def test_file_info_survives_the_wire(info: FileInfo) -> None:
    assert pfs.file_info_from_wire(pfs.file_info_to_wire(info)) == info


@given(st.builds(FileChange, st.none() | file_infos, st.none() | file_infos))
def test_file_change_survives_the_wire(change: FileChange) -> None:
    assert pfs.file_change_from_wire(pfs.file_change_to_wire(change)) == change


def test_repo_without_name_is_unset_though_project_and_type_are_filled() -> None:
    phantom = pfs_pb2.Repo(type="user", project=pfs_pb2.Project(name="default"))

    assert pfs.repo_from_wire(phantom) is None
    assert pfs.branch_from_wire(pfs_pb2.Branch(repo=phantom, name="master")) is None
    assert pfs.commit_from_wire(pfs_pb2.Commit(repo=phantom, id=ID)) is None


def test_empty_project_is_default_and_empty_type_is_user() -> None:
    assert pfs.repo_from_wire(pfs_pb2.Repo(name="images")) == IMAGES


def test_commit_without_repo_takes_the_branchs() -> None:
    branch = pfs.branch_to_wire(Branch(IMAGES, "master"))
    phantom = pfs_pb2.Repo(type="user")

    assert pfs.commit_from_wire(pfs_pb2.Commit(repo=phantom, branch=branch)) == Commit(IMAGES, "master")


@pytest.mark.parametrize(
    ("id", "branch", "meant"),
    [
        (ID, "", ID),
        (ID, "master", ID),
        ("", "master", "master"),
        ("^", "master", "master^"),
        ("~2", "master", "master~2"),
        (".1", "master", "master.1"),
        ("other", "master", "other"),
        ("master^3", "", "master^3"),
    ],
)
def test_commit_is_resolved_from_id_and_branch(id: str, branch: str, meant: str) -> None:
    repo = pfs.repo_to_wire(IMAGES)
    message = pfs_pb2.Commit(repo=repo, id=id, branch=pfs_pb2.Branch(repo=repo, name=branch))

    assert pfs.commit_from_wire(message) == Commit(IMAGES, meant)


@pytest.mark.parametrize("id", ["", "^2"])
def test_commit_with_neither_id_nor_branch_is_unset(id: str) -> None:
    assert pfs.commit_from_wire(pfs_pb2.Commit(repo=pfs.repo_to_wire(IMAGES), id=id)) is None


def test_commit_named_by_id_carries_no_branch() -> None:
    message = pfs.commit_to_wire(Commit(IMAGES, ID))

    assert message.repo.name == "images"
    assert not message.HasField("branch")


def test_commit_named_by_branch_goes_as_pachyderms_own_client_sends_it() -> None:
    message = pfs.commit_to_wire(Commit(IMAGES, "master"))

    assert (message.repo.name, message.id, message.branch.name) == ("images", "", "master")
    assert message.branch.repo == message.repo


def test_time_in_another_zone_arrives_as_the_same_instant_in_utc() -> None:
    time = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=timezone(timedelta(hours=5)))
    stamp = pfs.time_to_wire(time)

    assert stamp is not None
    assert pfs.time_from_wire(stamp) == time
    assert pfs.time_from_wire(stamp).tzinfo is timezone.utc


def test_details_are_sent_only_with_an_exact_size() -> None:
    info = CommitInfo(Commit(IMAGES, ID), size_upper_bound=5)

    assert not pfs.commit_info_to_wire(info).HasField("details")
    assert not pfs.repo_info_to_wire(RepoInfo(IMAGES)).HasField("details")


def test_origin_of_a_later_version_reads_as_user() -> None:
    message = pfs.commit_info_to_wire(CommitInfo(Commit(IMAGES, ID)))
    message.origin.kind = 4  # type: ignore[assignment]

    assert pfs.commit_info_from_wire(message).origin is Origin.USER
