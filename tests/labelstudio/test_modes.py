"""Files of tasks, pairs, data keys and a branch of predictions."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from django.db import OperationalError
from tasks.models import Annotation, Prediction, Task

from howdah.client import commits
from howdah.labelstudio import modes
from howdah.labelstudio.adding import Adder
from howdah.labelstudio.models import (
    DrawnOn,
    PachydermImportStorage,
    PachydermImportStorageLink,
    SourceState,
)
from howdah.names import parse_branch
from tests.labelstudio.conftest import BOX, IMAGES, Shelf, Site
from tests.labelstudio.test_mirror import counts, task_of

MANY = """<View><Text name="t" value="$words"/><Image name="image" value="$picture"/>
<Audio name="a" value="$sound"/><RectangleLabels name="label" toName="image"><Label value="Cat"/></RectangleLabels>
</View>"""


def data(site: Site) -> list[dict[str, Any]]:
    """The data of live tasks, by key and row."""
    links = PachydermImportStorageLink.objects.filter(task__project=site.project, removed="", past=False)
    return [link.task.data for link in links.order_by("key", "row_index").select_related("task")]


def encoded(*tasks: Any) -> bytes:
    return json.dumps(list(tasks) if len(tasks) != 1 else tasks[0]).encode()


def prediction(label: str = "Cat", **fields: Any) -> dict[str, Any]:
    return {"result": [BOX | {"value": BOX["value"] | {"rectanglelabels": [label]}}], **fields}  # type: ignore[operator]


def versions(task: int) -> list[tuple[str, str]]:
    """The label and the model version of each prediction of a task."""
    return [
        (found.result[0]["value"]["rectanglelabels"][0], found.model_version)
        for found in Prediction.objects.filter(task=task).order_by("pk")
    ]


def test_what_tasks_refer_to_is_pinned(new_site: Callable[..., Site], shelf: Shelf) -> None:
    site = new_site(shelf.address, MANY)
    other = shelf.repo(**{"b.jpg": b"b"})
    repo = shelf.repo()
    tasks = encoded(
        {"data": {"picture": "x.jpg", "words": "x.jpg"}},
        {"data": {"picture": "/in/y.jpg", "sound": ["../top.mp3", "in/y.jpg", "missing.mp3"]}},
        {"data": {"picture": f"pfs://default/{other}@master:/b.jpg", "words": "https://x/y.jpg"}},
    )
    commit = shelf.put(repo, {"in/tasks.json": tasks, "in/x.jpg": b"x", "in/y.jpg": b"y", "top.mp3": b"t"})

    site.sync(site.source(repo, use_blob_urls=False, regex_filter=r".*\.json"))

    head = shelf.history(other)[0].commit.id
    at = f"pfs://default/{repo}@{commit}:"
    assert data(site) == [
        {"picture": f"{at}/in/x.jpg", "words": "x.jpg"},
        {"picture": f"{at}/in/y.jpg", "sound": [f"{at}/top.mp3", f"{at}/in/y.jpg", "missing.mp3"]},
        {"picture": f"pfs://default/{other}@{head}:/b.jpg", "words": "https://x/y.jpg"},
    ]


def test_rows_of_an_edited_file_are_matched_by_their_place(site: Site, shelf: Shelf) -> None:
    repo = shelf.repo()
    rows = [{"image": f"/{n}.jpg"} for n in range(4)]
    first = shelf.put(repo, {"t.json": encoded(*rows)})
    source = site.source(repo, use_blob_urls=False)
    site.sync(source)
    tasks = list(Task.objects.filter(project=site.project).order_by("pk"))
    drawn = [site.annotate(task.pk) for task in tasks[:2]]

    shelf.put(repo, {"t.json": encoded({"image": "/new.jpg"}, *rows[1:3])})
    synced = site.sync(source)

    assert counts(synced) == {"edited": 1, "removed": 1, "existed": 3}
    assert data(site) == [{"image": "/new.jpg"}, *rows[1:3]]
    assert task_of(site, "/t.json", archived=True) == tasks[3].pk
    assert list(DrawnOn.objects.filter(annotation__in=drawn).values_list("annotation", "commit")) == [(drawn[0], first)]

    shelf.put(repo, {"t.json": encoded(*rows, {"image": "/4.jpg", "id": 4})})
    synced = site.sync(source)

    assert counts(synced) == {"edited": 1, "restored": 1, "added": 1, "existed": 4}
    assert Task.objects.filter(project=site.project).count() == 5
    site.project.refresh_from_db()
    assert site.project.summary.all_data_columns["id"] == 1


def test_new_predictions_in_a_file_of_tasks_are_added(site: Site, shelf: Shelf) -> None:
    tasks = [{"data": {"image": f"/{n}.jpg"}, "predictions": [prediction(model_version="v1")]} for n in range(2)]
    repo = shelf.repo(**{"t.json": encoded(*tasks)})
    source = site.source(repo, use_blob_urls=False)
    site.sync(source)
    tasks[0]["predictions"] = [prediction(model_version="v1"), prediction("Dog", model_version="v2")]
    shelf.put(repo, {"t.json": encoded(*tasks)})

    synced = site.sync(source)

    assert counts(synced) == {"predictions": 1, "existed": 2}
    first = Task.objects.filter(project=site.project).order_by("pk").first()
    assert first is not None
    assert (versions(first.pk), first.total_predictions) == ([("Cat", "v1"), ("Dog", "v2")], 2)


def test_a_large_file_of_tasks_is_completed_after_a_cut(
    site: Site, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(modes, "_TOGETHER", 3)
    rows = [{"image": f"/{n}.jpg"} for n in range(8)]
    source = site.source(shelf.repo(**{"t.json": encoded(*rows)}), use_blob_urls=False)
    add, calls = Adder.add, iter(range(2))

    def cut(adder: Adder, objects: Any) -> None:
        if next(calls, None) is None:
            raise OperationalError("cut off")
        add(adder, objects)

    with monkeypatch.context() as cutting:
        cutting.setattr(Adder, "add", cut)
        assert site.sync(source)["status"] == "failed"
    assert data(site) == rows[:6]

    synced = site.sync(source)

    assert counts(synced) == {"added": 2, "existed": 6}
    assert data(site) == rows
    assert len(set(PachydermImportStorageLink.objects.filter(storage=source["id"]).values_list("digest"))) == 1
    site.sync(source)
    assert len(data(site)) == 8


def test_one_task_stays_one_task_in_a_list_or_not(site: Site, shelf: Shelf) -> None:
    repo = shelf.repo(**{"t.json": b'{"image": "/1.jpg"}'})
    source = site.source(repo, use_blob_urls=False)
    site.sync(source)
    shelf.put(repo, {"t.json": b'[{"image": "/2.jpg"}]'})
    site.sync(source)
    assert [task.data for task in Task.objects.filter(project=site.project)] == [{"image": "/2.jpg"}]


def test_json_lines_and_parquet_hold_tasks(site: Site, shelf: Shelf) -> None:
    table = pyarrow.table({
        "data": [json.dumps({"image": f"/{n}.jpg"}) for n in range(3)],
        "predictions": [json.dumps([prediction(score=0.5)]), None, None],
    })  # fmt: skip
    plain = pyarrow.table({"image": ["/p.jpg"], "year": [2026]})
    files = {"a.parquet": _parquet(table), "b.parquet": _parquet(plain), "c.parquet": b"PAR1 and no more"}
    lines = b'{"image": "/l1.jpg"}\n\n{"image": "/l2.jpg"}\n'

    synced = site.sync(site.source(shelf.repo(**files, **{"l.jsonl": lines}), use_blob_urls=False))

    assert data(site) == [
        *({"image": f"/{n}.jpg"} for n in range(3)), {"image": "/p.jpg", "year": 2026},
        {"image": "/l1.jpg"}, {"image": "/l2.jpg"},
    ]  # fmt: skip
    assert Prediction.objects.get(project=site.project).score == 0.5
    assert synced["traceback"].startswith("/c.parquet: is no Parquet file that can be read")


def _parquet(table: Any) -> bytes:
    out = io.BytesIO()
    pyarrow.parquet.write_table(table, out, row_group_size=2)  # type: ignore[no-untyped-call]
    return out.getvalue()


@pytest.mark.parametrize("bad", [{"result": [1]}, 7])
def test_an_invalid_prediction_is_told_and_the_rest_is_taken(site: Site, shelf: Shelf, bad: Any) -> None:
    tasks = [
        {"data": {"image": f"/{n}.jpg"}, "predictions": [each]}
        for n, each in enumerate([prediction(), bad, prediction()])
    ]

    synced = site.sync(site.source(shelf.repo(**{"t.json": encoded(*tasks)}), use_blob_urls=False))

    assert (synced["last_sync_count"], len(data(site))) == (2, 2)
    assert synced["traceback"].startswith("/t.json item 1: ")


def test_a_file_goes_to_the_tag_that_shows_it(new_site: Callable[..., Site], shelf: Shelf) -> None:
    site = new_site(shelf.address, MANY)
    content = {"a.jpg": b"x", "b": b"\x89PNG\r\n\x1a\n", "c.mp3": b"x", "d.txt": b"x", "e.bin": b"\0"}

    synced = site.sync(site.source(shelf.repo(**content)))

    assert [next(iter(each)) for each in data(site)] == ["picture", "picture", "sound", "words", "$undefined$"]
    assert synced["meta"]["data_keys"]["picture by content"] == 1


def test_json_beside_a_file_is_its_prediction(site: Site, shelf: Shelf) -> None:
    repo = shelf.repo()
    first = shelf.put(repo, {
        "a.jpg": b"a", "a.json": encoded(prediction(score=0.5)), "b.jpg": b"b", "b.jpg.json": encoded(prediction()),
        "lonely.json": encoded(prediction()), "c.jpg": b"c", "c.json": b"{",
    })  # fmt: skip
    source = site.source(repo, pairs=True)

    synced = site.sync(source)

    assert [link.key for link in PachydermImportStorageLink.objects.filter(task__project=site.project)] == [
        "/a.jpg", "/b.jpg", "/c.jpg"
    ]  # fmt: skip
    assert counts(synced) == {"added": 3, "predictions": 2}
    assert [line.partition(": ")[0] for line in synced["traceback"].splitlines()] == ["/c.json", "/lonely.json"]
    task = task_of(site, "/a.jpg")
    assert versions(task) == [("Cat", first)]

    shelf.put(repo, {}, delete=("/lonely.json", "/c.json"))
    site.sync(source)
    third = shelf.put(repo, {"a.json": encoded(prediction("Dog")), "d.jpg": b"d"})
    synced = site.sync(source)

    assert versions(task) == [("Cat", first), ("Dog", third)]
    assert counts(synced) == {"added": 1, "existed": 3, "predictions": 1}
    assert Task.objects.get(pk=task).total_predictions == 2


def test_a_branch_of_predictions_starts_people_off(site: Site, shelf: Shelf) -> None:
    images = shelf.repo(**{"x/a.jpg": b"a", "b.jpg": b"b", "c.jpg": b"c"})
    model = shelf.repo()
    about = {"meta": {"howdah": {"source": {"path": "/c.jpg"}}}, "data": {}, "predictions": [prediction()]}
    first = shelf.put(model, {
        "x/a.jpg.json": encoded(prediction(score=0.25)), "3.json": encoded(about),
        "2.json": encoded({"data": {"image": f"pfs://default/{images}@master:/b.jpg"}, "predictions": [prediction()]}),
    })  # fmt: skip
    source = site.source(images, pach_predictions=model)

    synced = site.sync(source)

    assert counts(synced) == {"added": 3, "predictions": 3}
    a, b = task_of(site, "/x/a.jpg"), task_of(site, "/b.jpg")
    assert versions(a) == versions(b) == [("Cat", first)]
    shown = site.send("GET", f"/api/projects/{site.project.id}/next")
    assert [found["model_version"] for found in shown["predictions"]] == [first]

    second = shelf.put(model, {"x/a.jpg.json": encoded(prediction("Dog")), "nobody.jpg.json": encoded(prediction())})
    synced = site.sync(source)

    assert versions(a) == [("Cat", first), ("Dog", second)]
    assert versions(b) == [("Cat", first)]
    assert synced["traceback"] == "/nobody.jpg.json: is about no file that is a task here"
    assert SourceState.objects.get(storage=source["id"]).predictions == f"?{second}"
    # b has none of the second commit: the first one's is still the branch's.
    site.annotate(a)
    for task in (a, b):
        found = Task.objects.get(pk=task).get_predictions_for_prelabeling()
        assert [each.model_version for each in found] == [second if task == a else first]

    assert counts(site.sync(source)) == {"existed": 3}
    assert Prediction.objects.filter(project=site.project).count() == 4

    shelf.put(model, {}, delete=("/nobody.jpg.json",))
    site.sync(source)
    third = shelf.put(model, {"b.jpg.json": encoded(prediction("Dog"))})
    assert counts(site.sync(source)) == {"predictions": 1, "existed": 3}
    assert versions(b) == [("Cat", first), ("Dog", third)]


def test_a_branch_of_predictions_may_be_there_later(site: Site, shelf: Shelf) -> None:
    images, model = shelf.repo(**{"a.jpg": b"a"}), shelf.repo()
    told = site.send(
        "POST", "/api/storages/pachyderm", site.fields(images, pach_predictions=f"{model}@none"), expect=400
    )
    assert "branch none not found" in json.dumps(told)
    shelf.put(model, {})
    source = site.source(images, pach_predictions=model)
    PachydermImportStorage.objects.filter(pk=source["id"]).update(pach_predictions=f"{model}@later")

    synced = site.sync(source)

    assert (synced["status"], len(data(site))) == ("completed_with_errors", 1)
    assert f"branch later not found in repo default/{model}" in synced["traceback"]
    commits.start(shelf.conn, parse_branch(f"{model}@later"))
    assert "has no finished commit yet" in site.sync(source)["traceback"]


def test_predictions_and_annotations_within_tasks_are_taken(site: Site, shelf: Shelf) -> None:
    task = {
        "data": {"image": "/1.jpg"},
        "predictions": [prediction(model_version="v1")],
        "annotations": [{"result": [BOX]}],
    }
    repo = shelf.repo(**{"t.json": encoded(task)})
    source = site.source(repo, use_blob_urls=False)
    site.sync(source)

    shelf.put(repo, {"t.json": encoded(task | {"data": {"image": "/2.jpg"}})})
    site.sync(source)

    assert data(site) == [{"image": "/2.jpg"}]
    assert Annotation.objects.filter(project=site.project).count() == 1
    assert Prediction.objects.filter(project=site.project).count() == 1


@pytest.mark.parametrize("config", [IMAGES, "<View></View>"])
def test_a_config_without_tags_takes_every_name(new_site: Callable[..., Site], shelf: Shelf, config: str) -> None:
    site = new_site(shelf.address, config)
    commit = shelf.put(repo := shelf.repo(), {"t.json": b'{"image": "x.jpg"}', "x.jpg": b"x"})
    site.sync(site.source(repo, use_blob_urls=False, regex_filter="t"))
    assert data(site) == [{"image": f"pfs://default/{repo}@{commit}:/x.jpg"}]
