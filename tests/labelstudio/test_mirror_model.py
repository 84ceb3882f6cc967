"""Any history of a branch, any policy, synced at any commit and cut off anywhere: the project mirrors the branch."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tasks.models import Annotation, Task

from howdah.labelstudio import importing
from howdah.labelstudio.models import DrawnOn, PachydermImportStorage, PachydermImportStorageLink
from howdah.labelstudio.progress import Outcome
from tests.labelstudio.conftest import BOX, Shelf, Site

PATHS = ["/a", "/a.b", "/a/b", "/b", "/b/c", "/c"]
COMMITS = st.dictionaries(st.sampled_from(PATHS), st.sampled_from(["", "1", "2", "3"]), min_size=1, max_size=6)
STEPS = st.one_of(
    st.tuples(st.just("commit"), COMMITS),
    st.tuples(st.just("sync"), st.integers(0, 9)),
    st.tuples(st.just("cut off"), st.integers(0, 9), st.integers(1, 60)),
    st.tuples(st.just("annotate"), st.integers(0, 5)),
    st.tuples(st.just("delete a task"), st.integers(0, 5)),
)
POLICIES = st.tuples(st.sampled_from(["move", "new", "leave"]), st.sampled_from(["archive", "delete", "leave"]))


class CutOffError(Exception):
    """What ends a Sync in the middle."""


class Model:
    """What was committed, who drew what, and a Sync that is run at once."""

    def __init__(self, site: Site, shelf: Shelf, policies: tuple[str, str]) -> None:
        self.site, self.shelf = site, shelf
        self.repo = shelf.repo()
        self.trees: list[dict[str, str]] = [{}]
        self.ids = [shelf.put(self.repo, {})]
        self.drawn: dict[int, tuple[int, str]] = {}
        self.on_edit, self.on_remove = policies
        self.storage = PachydermImportStorage.objects.create(
            project=site.project, pach_repo=self.repo, pachd_address=site.address, on_edit=policies[0],
            on_remove=policies[1],
        )  # fmt: skip

    def links(self, **wanted: Any) -> Any:
        return PachydermImportStorageLink.objects.filter(storage=self.storage, **wanted).order_by("pk")

    def commit(self, changes: dict[str, str]) -> None:
        """Empty content removes the file, and a file takes the place of a folder and the other way round."""
        tree = dict(self.trees[-1])
        for path, content in changes.items():
            clashing = [each for each in tree if each.startswith(f"{path}/") or path.startswith(f"{each}/")]
            for each in [*clashing, path]:
                tree.pop(each, None)
            if content:
                tree[path] = content
        before = self.trees[-1]
        gone = tuple(path for path in before if path not in tree)
        if gone:
            self.ids.append(self.shelf.put(self.repo, {}, delete=gone))
            self.trees.append({path: text for path, text in before.items() if path in tree})
        self.ids.append(self.shelf.put(self.repo, {path: text.encode() for path, text in tree.items()}))
        self.trees.append(tree)

    def sync(self, back: int, after: int | None = None) -> Outcome | None:
        """Sync to so many commits before the head; cut off `after` so many statements of SQL."""
        at = max(len(self.ids) - 1 - back, 0)
        self.storage.pach_commit = self.ids[at]
        self.storage.save()
        with nullcontext() if after is None else connection.execute_wrapper(_cutter(after)):
            try:
                outcome = importing.run(PachydermImportStorage.objects.get(pk=self.storage.pk), Still())  # type: ignore[arg-type]
            except CutOffError:
                return None
        self.check(self.trees[at])
        return outcome

    def annotate(self, number: int) -> None:
        links = list(self.links())
        if links:
            link = links[number % len(links)]
            annotation = Annotation.objects.create(
                task_id=link.task_id,
                project=self.site.project,
                completed_by=self.site.user,
                result=[BOX],
                lead_time=0.0,
            )
            self.drawn[annotation.pk] = (link.task_id, link.digest)

    def delete_a_task(self, number: int) -> None:
        links = [link for link in self.links() if not Annotation.objects.filter(task=link.task_id).exists()]
        if links:
            Task.objects.get(pk=links[number % len(links)].task_id).delete()

    def check(self, tree: dict[str, str]) -> None:
        """What a Sync leaves when it came to its end."""
        self.check_labels()
        live = list(self.links(past=False, removed=""))
        assert {link.key for link in live} == tree.keys()
        for link in live:
            is_newest = link.digest == digest(tree[link.key])
            assert is_newest or self.on_edit == "leave"
            assert (link.newer == "") is is_newest
            assert not link.archived
        for link in self.links().exclude(removed=""):
            assert link.archived is (self.on_remove != "leave")
            assert self.on_remove != "delete" or Annotation.objects.filter(task=link.task_id).exists()
        assert self.on_edit == "new" or not self.links(past=True).exists()

    def check_labels(self) -> None:
        """What holds at any time: tasks show what their links say, annotations tell what they were drawn on."""
        for link in self.links().select_related("task"):
            assert list(link.task.data.values()) == [f"pfs://default/{self.repo}@{link.commit}:{link.key}"]
        shown = {link.task_id: link.digest for link in self.links()}
        notes = dict(DrawnOn.objects.filter(annotation__in=self.drawn).values_list("annotation_id", "digest"))
        found = dict(Annotation.objects.filter(pk__in=self.drawn).values_list("pk", "task_id"))
        assert found == {key: task for key, (task, _) in self.drawn.items()}
        for key, (task, seen) in self.drawn.items():
            assert notes.get(key, shown[task]) == seen


class Still:
    """The progress of a run that nobody watches."""

    def step(self, count: int, **notes: Any) -> None:
        """Nothing."""

    def found(self, total: int) -> None:
        """Nothing."""


def _cutter(after: int) -> Callable[..., Any]:
    left = iter(range(after))

    def execute(run: Any, sql: str, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001  (Django calls it so)
        if next(left, None) is None:
            raise CutOffError
        return run(sql, params, many, context)

    return execute


_digests: dict[str, str] = {}


def digest(content: str) -> str:
    """The digest that the store gives to this content."""
    return _digests[content]


@pytest.fixture
def contents(shelf: Shelf) -> None:
    from howdah.client import files  # noqa: PLC0415
    from howdah.names import Commit, File, parse_repo  # noqa: PLC0415

    repo = shelf.repo(**{text: text.encode() for text in "123"})
    for info in files.list(shelf.conn, File(Commit(parse_repo(repo), "master"), "/")):
        _digests[info.file.path[1:]] = info.digest.hex()


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(POLICIES, COMMITS, st.lists(STEPS, max_size=12))
def test_the_project_mirrors_the_branch_whatever_happens(
    new_site: Callable[..., Site],
    shelf: Shelf,
    contents: None,
    policies: tuple[str, str],
    first: dict[str, str],
    steps: list[tuple[Any, ...]],
) -> None:
    model = Model(new_site(shelf.address), shelf, policies)
    model.commit(first)
    model.sync(0)
    for what, *words in steps:
        act: dict[str, Callable[..., Any]] = {
            "commit": model.commit,
            "sync": model.sync,
            "cut off": model.sync,
            "annotate": model.annotate,
            "delete a task": model.delete_a_task,
        }
        act[what](*words)
        model.check_labels()
    model.sync(0)
    tasks = list(model.links().values())

    again = model.sync(0)

    assert again is not None
    assert {name: count for name, count in again.counts.items() if count and name not in ("existed", "left")} == {}
    assert list(model.links().values()) == tasks


def test_what_a_sync_did_before_it_was_cut_off_is_not_forgotten(
    new_site: Callable[..., Site], shelf: Shelf, contents: None
) -> None:
    model = Model(new_site(shelf.address), shelf, ("move", "archive"))
    model.commit({path: "1" for path in ("/a", "/b", "/c")})
    model.sync(0)
    model.commit({"/a": "2", "/b": "", "/c": ""})
    after = 1
    while model.links(digest=digest("1"), removed="").count() == 3:
        model.sync(0, after)
        after += 1

    # What differs from the commit of the last whole Sync is nothing now.
    model.commit({path: "1" for path in ("/a", "/b", "/c")})
    model.sync(0)
