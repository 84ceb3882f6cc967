"""Sound, film, text and time series are labeled as pictures are: put, synced, shown, annotated, committed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Response, expect

from tests.e2e import samples
from tests.e2e.conftest import CommandLine
from tests.e2e.studio import Studio

pytestmark = pytest.mark.xdist_group("media")

_SEEK = """place => new Promise(done => {
    const video = document.querySelector('video');
    video.addEventListener('seeked', () => done(video.currentTime), {once: true});
    video.currentTime = place;
})"""

# Whether the lower half of a canvas, where no scale or clock is, shows something: a share of it has colour.
_DRAWN = """selector => [...document.querySelectorAll(selector)].some(canvas => {
    const {width, height} = canvas, half = Math.floor(height / 2);
    if (!half) return false;
    const pixels = canvas.getContext('2d').getImageData(0, half, width, height - half).data;
    const paper = pixels.slice(0, 4).join();
    let drawn = 0;
    for (let at = 0; at < pixels.length; at += 4) drawn += pixels.slice(at, at + 4).join() !== paper;
    return drawn > pixels.length / 4 / 20;
})"""


def open_first(  # noqa: PLR0913, PLR0917
    studio: Studio, command: CommandLine, kind: str, config: str, file: Path, shows: str = "", **fields: bool
) -> dict[str, Any]:
    """Put a file into a repo, make a project of it, Sync, open the task; the task.

    `shows` is another repo whose files the task shows.
    """
    command("create", "repo", kind)
    command("put", "file", f"{kind}@master:/takes/{file.name}", "-f", str(file))
    studio.set_up_project(f"Project {kind}", config)
    studio.set_up_storage("Source", "Files", f"{kind}@master", **fields)
    if shows:
        studio.set_up_storage("Source", "Shown", shows)
    studio.open_storages()
    studio.sync("Files")
    (task,) = studio.tasks()
    studio.open_task(task["id"])
    return task


def count_bytes(page: Page) -> list[int]:
    """The sizes of all that the page receives from now on, as it comes."""
    found: list[int] = []
    session = page.context.new_cdp_session(page)
    session.on("Network.dataReceived", lambda event: found.append(event["dataLength"]))
    session.send("Network.enable")
    return found


def submitted(studio: Studio, command: CommandLine, kind: str, task: dict[str, Any]) -> dict[str, Any]:
    """Submit what is on the screen, add a target, Sync; the only region of the task's file in the target."""
    expect(studio.page.get_by_text("Labeled regions will appear here")).to_have_count(0)
    studio.picture(f"media-{kind}")
    studio.submit()
    studio.set_up_storage("Target", "Labels", f"{kind}-labels@master")
    studio.open_storages()
    studio.sync("Labels")
    labeled = json.loads(command("get", "file", f"{kind}-labels@master:/{task['id']}.json"))
    assert labeled["data"] == task["data"]
    (annotation,) = labeled["annotations"]
    (region,) = annotation["result"]
    assert not studio.errors
    assert not studio.elsewhere
    found: dict[str, Any] = region["value"]
    return found


def test_sound_is_decoded_and_an_event_on_its_waveform_labeled(
    studio: Studio, command: CommandLine, tmp_path: Path
) -> None:
    file = samples.sound(tmp_path / "siren.mp3")
    task = open_first(studio, command, "sound", studio.template("Sound Event Detection"), file)
    page = studio.page
    page.wait_for_function("[...document.querySelectorAll('audio')].some(a => a.readyState == 4 && a.duration > 19)")
    page.wait_for_function(_DRAWN, arg="canvas")
    page.get_by_text("Event A").first.click()
    studio.drag(page.locator("canvas").first, (0.25, 0.5), (0.5, 0.5))

    event = submitted(studio, command, "sound", task)
    assert event["labels"] == ["Event A"]
    assert event["start"] == pytest.approx(5, abs=1)
    assert event["end"] == pytest.approx(10, abs=1)


def test_film_is_shown_from_any_place_and_something_in_it_boxed(
    studio: Studio, command: CommandLine, tmp_path: Path
) -> None:
    parts: list[Response] = []
    studio.page.on("response", lambda answer: parts.append(answer) if "fileuri=" in answer.url else None)
    file = samples.film(tmp_path / "card.mp4")
    task = open_first(studio, command, "film", studio.template("Video Object Tracking"), file)
    page = studio.page
    frame = page.locator(".lsf-frames-control")
    expect(frame).to_have_text("1 of 1500")  # only now does the screen follow the film
    parts.clear()
    counted = count_bytes(page)
    assert page.evaluate(_SEEK, 50) == 50
    assert 0 < sum(counted) < file.stat().st_size / 4, "a seek reads from the place on, and nothing before it"
    assert parts, "the whole film was read ahead: it is too small to show that seeking works"
    assert {part.status for part in parts} == {206}
    middle = file.stat().st_size // 2
    starts = [int(part.headers["content-range"].removeprefix("bytes ").split("-")[0]) for part in parts]
    assert any(start > middle for start in starts), starts

    page.wait_for_function(_DRAWN, arg=".lsf-video-canvas__view canvas")
    expect(frame).to_have_text("1250 of 1500")
    page.get_by_text("Man", exact=True).first.click()
    studio.drag(page.locator(".konvajs-content canvas").first, (0.35, 0.45), (0.6, 0.55))
    box = submitted(studio, command, "film", task)
    assert box["labels"] == ["Man"]
    assert [moment["frame"] for moment in box["sequence"]] == [1250]


def test_text_is_read_and_a_name_in_it_marked(studio: Studio, command: CommandLine, tmp_path: Path) -> None:
    config = studio.template("Named Entity Recognition").replace('value="$text"', 'value="$text" valueType="url"')
    task = open_first(studio, command, "text", config, samples.story(tmp_path / "story.txt"))
    page = studio.page
    expect(page.get_by_text("They spoke of 東京 and engines.")).to_be_visible()
    page.get_by_text("PER", exact=True).first.click()
    page.get_by_text("Ada met Grace in Zürich.").dblclick(position={"x": 5, "y": 5})

    assert submitted(studio, command, "text", task) == {"start": 0, "end": 3, "labels": ["PER"]}


def test_time_series_is_drawn_and_a_stretch_of_it_labeled(studio: Studio, command: CommandLine, tmp_path: Path) -> None:
    file = samples.series(tmp_path / "run.csv")
    task = open_first(studio, command, "series", studio.template("Activity Recognition"), file)
    page = studio.page
    curve = ".htx-timeseries-channel svg path"
    page.wait_for_function(f"[...document.querySelectorAll('{curve}')].some(p => p.getAttribute('d')?.length > 500)")
    page.get_by_text("Walk", exact=True).first.click()
    studio.drag(page.locator(".htx-timeseries-channel svg").first, (0.3, 0.5), (0.6, 0.5))

    stretch = submitted(studio, command, "series", task)
    assert stretch["timeserieslabels"] == ["Walk"]
    assert "2026-01-01 12:00:00" < stretch["start"] < stretch["end"] < "2026-01-01 12:00:13"


def test_a_web_page_is_shown_and_a_name_in_it_marked(studio: Studio, command: CommandLine, tmp_path: Path) -> None:
    config = """<View><HyperTextLabels name="label" toName="page"><Label value="Person"/></HyperTextLabels>
    <HyperText name="page" value="$page" valueType="url" inline="true"/></View>"""
    task = open_first(studio, command, "html", config, samples.article(tmp_path / "news.html"))
    page = studio.page
    expect(page.get_by_role("heading", name="News")).to_be_visible()
    page.get_by_text("Person", exact=True).first.click()
    page.get_by_text("Ada met Grace in Zürich.").dblclick(position={"x": 5, "y": 5})

    name = submitted(studio, command, "html", task)
    assert name["hypertextlabels"] == ["Person"]
    assert (name["startOffset"], name["endOffset"]) == (0, 3)


def test_a_document_of_pictures_is_paged_and_something_on_its_second_page_boxed(
    studio: Studio, command: CommandLine, photographs: Path, tmp_path: Path
) -> None:
    command("create", "repo", "scans")
    names = ["page.png", "text.png"]
    for name in names:
        command("put", "file", f"scans@master:/{name}", "-f", str(photographs / name))
    addresses = [f"pfs://default/scans@master:/{name}" for name in names]
    (tmp_path / "document.json").write_text(json.dumps({"data": {"pages": addresses}}), "utf-8")
    config = """<View><RectangleLabels name="label" toName="page"><Label value="Word"/></RectangleLabels>
    <Image name="page" valueList="$pages"/></View>"""
    task = open_first(
        studio, command, "paged", config, tmp_path / "document.json", shows="scans@master", use_blob_urls=False
    )
    page = studio.page
    shown = "width => [...document.images].some(i => i.src.startsWith('blob:') && i.naturalWidth == width)"
    page.wait_for_function(shown, arg=384)
    page.locator(".lsf-pagination__btn_arrow-right").first.click()
    expect(page.locator(".lsf-pagination__page-indicator")).to_have_text(re.compile(r"2\s*of 2"))
    page.wait_for_function(shown, arg=448)
    page.get_by_text("Word", exact=True).first.click()
    studio.drag(page.locator("img[src^='blob:']").first, (0.2, 0.2), (0.5, 0.6))

    assert submitted(studio, command, "paged", task)["rectanglelabels"] == ["Word"]
