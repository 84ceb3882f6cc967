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
from tests.examples.conftest import Example

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
    told = json.loads(example("inspect", "job", f"{example.project}/edges@{job}", "--raw"))
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
