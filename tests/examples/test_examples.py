"""Pachyderm's published examples, end to end on a store with workers."""

from __future__ import annotations

import functools
import http.server
import io
import json
import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from howdah.testing.launched import until
from tests.examples.conftest import EXAMPLES, Example

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="platform: fences are Linux's")


def of(source: str, name: str = "") -> pytest.MarkDecorator:
    """The example in this folder, under this name."""
    return pytest.mark.parametrize("example", [(source, name or source)], indirect=True, ids=[name or source])


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    return tmp_path / "pictures"


@of("opencv")
def test_edges_of_pictures_come_to_one_sheet(example: Example, pictures: Path) -> None:
    example.draw(pictures)
    example("create", "repo", "images")
    example.pipeline("edges.json")
    example.pipeline("montage.json")
    example.put("images", pictures)
    example.done("images")

    edges = example.tree("edges")
    assert sorted(edges) == ["/disc.pgm", "/ring.pgm", "/square.pgm", "/stripes.pgm"]
    with Image.open(io.BytesIO(edges["/square.pgm"])) as square:
        assert (square.size, square.getextrema()) == ((96, 64), (0, 255))
        assert square.getpixel((48, 32)) == 0  # inside, nothing changes
        assert square.getpixel((28, 32)) == 255
    with Image.open(io.BytesIO(example.tree("montage")["/montage.png"])) as sheet:
        assert sheet.size == (400, 136)

    (pictures / "disc.ppm").write_bytes((pictures / "ring.ppm").read_bytes())
    example.put("images", pictures / "disc.ppm")
    job = example.done("images")
    told = example.job("edges", job)
    assert (told.get("data_processed"), told.get("data_skipped")) == ("1", "3")
    assert example.tree("edges")["/disc.pgm"] == edges["/ring.pgm"]


@of("opencv", "templates")
def test_templates_make_the_same_of_any_repo(example: Example, pictures: Path) -> None:
    example.draw(pictures)
    for repo in ("left", "right"):
        example("create", "repo", repo)
        example.pipeline("edges.jsonnet", "--arg", f"suffix={repo}", "--arg", f"src={repo}")
    words = ("--arg", "suffix=both", "--arg", "left=edges-left@master", "--arg", "right=edges-right")
    example.pipeline("montage.jsonnet", *words)
    example.put("left", pictures)
    example.done("left")
    example.put("right", pictures / "disc.ppm")
    example.done("right")

    with Image.open(io.BytesIO(example.tree("montage-both")["/montage.png"])) as sheet:
        assert sheet.size == (400, 136)  # four of the left, one of the right


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[str]:
    """A web server on this machine with two pages."""
    folder = tmp_path / "pages"
    folder.mkdir()
    (folder / "a.html").write_text("<p>Elephants and <b>elephants</b> and a howdah.</p>")
    (folder / "b.html").write_text("<p>A howdah and an elephant.</p>")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@of("word_count")
def test_words_of_fetched_pages_are_counted(example: Example, pages: str, tmp_path: Path) -> None:
    lists = tmp_path / "lists"
    lists.mkdir()
    (lists / "one").write_text(f"{pages}/a.html\n")
    (lists / "two").write_text(f"{pages}/b.html\n{pages}/missing.html\n")
    example("create", "repo", "urls")
    for spec in ("scraper.json", "map.json", "reduce.json"):
        example.pipeline(spec)
    example.put("urls", lists)
    example.done("urls")

    assert sorted(example.tree("scraper")) == ["/one/a.html", "/two/b.html"]
    assert example.tree("map")["/a.html/elephants"] == b"2\n"
    counts = {path: int(content) for path, content in example.tree("reduce").items()}
    assert counts == {"/a": 2, "/an": 1, "/and": 3, "/elephant": 1, "/elephants": 2, "/howdah": 2}


@of("joins")
def test_orders_are_joined_with_their_shops(example: Example, tmp_path: Path) -> None:
    example.draw(tmp_path / "data")
    for repo in ("stores", "purchases", "returns"):
        example("create", "repo", repo)
        example.put(repo, tmp_path / "data" / repo)
    example.pipeline("inner_join.json")
    example.done("inner_join")
    example.pipeline("outer_join.jsonnet", "--arg", "suffix=all")
    example.done("reduce_outer_all")

    assert sorted(example.tree("inner_join")) == [
        "/02108/ORDERW101_STOREID1.txt", "/02108/ORDERW102_STOREID1.txt", "/02108/ORDERW105_STOREID3.txt",
        "/90210/ORDERW103_STOREID2.txt", "/90210/ORDERW104_STOREID2.txt", "/90210/ORDERW106_STOREID5.txt",
    ]  # fmt: skip
    reduced = example.tree("reduce_outer_all")
    assert sorted(reduced) == ["/02108.txt", "/90210.txt", "/94107.txt", "/UNKNOWN.txt"]
    orders = {path: [json.loads(line)["order"] for line in content.splitlines()] for path, content in reduced.items()}
    assert orders == {
        "/02108.txt": ["ORDERW101"], "/90210.txt": ["ORDERW104"], "/94107.txt": [], "/UNKNOWN.txt": ["ORDERW900"],
    }  # fmt: skip


@of("group")
def test_results_are_grouped_by_a_part_of_their_names(example: Example, tmp_path: Path) -> None:
    example.draw(tmp_path / "results")
    example("create", "repo", "labresults")
    for by in ("CLIA", "PAT"):
        example.pipeline("group.jsonnet", "--arg", f"by={by}")
    example.put("labresults", tmp_path / "results")
    example.done("labresults")

    def numbers(repo: str) -> dict[str, list[int]]:
        lines = {path: content.decode().splitlines() for path, content in example.tree(repo).items()}
        return {path: [int(line.split()[1].rstrip(":")) for line in each] for path, each in lines.items()}

    assert numbers("reduce_CLIA") == {"/31.txt": [1, 2, 5], "/32.txt": [3, 4]}
    assert numbers("reduce_PAT") == {"/A.txt": [1, 3, 5], "/B.txt": [2], "/C.txt": [4]}


@of("group", "retail")
def test_revenue_is_grouped_from_three_repos(example: Example, tmp_path: Path) -> None:
    example.draw(tmp_path / "data", "joins")
    for repo in ("stores", "purchases", "returns"):
        example("create", "repo", repo)
        example.put(repo, tmp_path / "data" / repo)
    example.pipeline("revenue.json")
    example.done("group_store_revenue")

    found = {path: int(content) for path, content in example.tree("group_store_revenue").items()}
    assert found == {
        "/STOREID1.txt": 20, "/STOREID2.txt": 30, "/STOREID3.txt": 50, "/STOREID4.txt": 0, "/STOREID5.txt": 60,
        "/STOREID9.txt": 0,
    }  # fmt: skip


@of("labels")
def test_each_commit_of_labels_trains_a_model_and_measures_it(example: Example, tmp_path: Path) -> None:
    example.draw(tmp_path / "made")
    labels = tmp_path / "made/labels"
    later = labels.rename(tmp_path / "later")
    shutil.copytree(later, labels, ignore=shutil.ignore_patterns("[123]?.json"))
    for repo in ("texts", "labels"):
        example("create", "repo", repo)
        example.put(repo, tmp_path / "made" / repo)
    example("pipeline", "add", "split", "--labels", "labels", "--test", "0.4")
    example.pipeline("train.json")
    example.pipeline("predict.json")
    example("pipeline", "add", "evaluate", "--labels", "labels-split", "--predictions", "predict", "--name", "figures")
    example.done("figures")
    few = example.metrics("figures")[0]["metrics"]

    example.put("labels", later)
    example.done("labels")

    assert len(example.tree("predict")) == 60
    found = example.metrics("figures")[0]["metrics"]
    assert few["train.tasks.labeled"] + few["test.tasks.labeled"] == 10
    assert found["train.tasks.predicted"] + found["test.tasks.predicted"] == 40
    assert found["test.mood.accuracy"] > 0.7


@of("shuffle")
def test_files_of_two_repos_are_sorted_without_their_bytes(example: Example, tmp_path: Path) -> None:
    content = {"fruits/apple.jpeg": b"an apple", "fruits/mango.jpeg": b"a mango", "pricing/apple.json": b'{"price": 1}'}
    for path, data in content.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(data)
    for repo in ("fruits", "pricing"):
        example("create", "repo", repo)
        example.put(repo, tmp_path / repo)
    example.pipeline("shuffle.json")
    job = example.done("shuffle")

    assert example.tree("shuffle") == {
        "/apple/cost.json": b'{"price": 1}', "/apple/img.jpeg": b"an apple", "/mango/img.jpeg": b"a mango",
    }  # fmt: skip
    told = example.job("shuffle", job)
    assert (told["data_total"], told["stats"]["download_bytes"]) == ("3", "0")


@of("err_cmd")
def test_a_datum_that_fails_may_be_mended_and_is_left_out(example: Example, tmp_path: Path) -> None:
    example("create", "repo", "input")
    example.pipeline("error_test.json")
    counts = []
    for name in ("file1", "file2"):
        (tmp_path / name).write_text(name)
        example.put("input", tmp_path / name)
        told = example.job("error_test", example.done("input"))
        counts.append([int(told.get(f"data_{count}", 0)) for count in ("processed", "skipped", "recovered", "total")])
    assert counts == [[1, 0, 0, 1], [0, 1, 1, 2]]
    assert example.tree("error_test") == {"/file1": b"file1"}

    (tmp_path / "file3").write_text("file3")
    example.put("input", tmp_path / "file3")
    told = example.job("error_test", example.done("input", code=5))
    assert (told["state"], told["data_failed"]) == ("JOB_FAILURE", "1")


@of("deferred_processing")
def test_what_is_deferred_is_worked_on_when_its_branch_is_moved(example: Example, pictures: Path) -> None:
    for script in ("edges.py", "montage.py"):
        shutil.copy(EXAMPLES / "opencv" / script, example.folder)
    example.draw(pictures, "opencv")
    example("create", "repo", "images")
    example.pipeline("edges_dp.json")
    example.pipeline("montage_dp.json")
    example.put("images", pictures)
    example.done("images")
    assert example.tree("montage_dp") == {}

    example("create", "branch", "edges_dp@master", "--head", "dev")
    example.done("montage_dp")
    assert sorted(example.tree("montage_dp")) == ["/montage.png"]


@of("spout")
def test_messages_of_a_spout_are_worked_on_as_they_come(example: Example) -> None:
    for spec in ("spout.json", "processor.json", "reducer.json"):
        example.pipeline(spec)
    try:
        until(lambda: example.tree("reducer").get("/2K.txt", b"").count(b"\n") == 2, what="all messages")
        assert example.tree("reducer") == {"/1K.txt": b"700\n", "/2K.txt": b"1400\n2100\n"}
    finally:
        example("delete", "pipeline", "--all", "-f")


@of("cron")
def test_a_schedule_that_comes_is_logged(example: Example, tmp_path: Path) -> None:
    (tmp_path / "one.png").write_bytes(b"one")
    example("create", "repo", "images")
    example.put("images", tmp_path / "one.png")
    example.pipeline("tick.json")

    def last() -> list[bytes]:
        example("run", "cron", "log")
        example.done("log_tick")
        return example.tree("log")["/last"].split()

    first = last()
    assert first[1:] == [b"1"]
    until(lambda: last()[0] > first[0], what="a later second")
    assert len(example.tree("log_tick")) == 1  # it overwrites

    example.put("images", example.folder / "tick.json")
    example.done("images")
    assert example.tree("log")["/last"].split()[1:] == [b"2"]


@of("housing_prices")
def test_a_model_is_trained_and_its_metrics_are_listed(example: Example, tmp_path: Path) -> None:
    example.draw(tmp_path / "flats.csv")
    example("create", "repo", "housing_data")
    example.pipeline("split.json")
    example.pipeline("regression.json")
    example.put("housing_data", tmp_path / "flats.csv")
    example.done("housing_data")

    assert sorted(example.tree("regression")) == ["/flats/metrics.json", "/flats/model.json"]
    model = json.loads(example.tree("regression")["/flats/model.json"])
    assert model["RM"] == pytest.approx(5, abs=0.5)
    assert model["LSTAT"] == pytest.approx(-0.6, abs=0.05)
    (listed,) = example.metrics("regression")
    assert listed["metrics"]["flats.r2"] > 0.9
