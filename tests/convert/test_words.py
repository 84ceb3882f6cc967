"""Texts, sounds and choices; and all that is data alone."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from howdah.errors import Invalid
from howdah.names import File
from tests.convert.conftest import Export, Shelf, names, parsed
from tests.convert.samples import (
    CHOICES,
    SOUNDS,
    WORDS,
    WORDS_IN_FILES,
    choice,
    sound,
    span,
    task,
    transcript,
    uri,
)

TEXT = "Ann went to Rome ."
CONLL = "-DOCSTART- -X- O\nAnn -X- _ B-PER\nwent -X- _ O\nto -X- _ O\nRome -X- _ B-LOC\n. -X- _ O\n\n"
SPANS = (span(0, 3, "PER"), span(12, 16, "LOC"))


@pytest.fixture
def words(shelf: Shelf) -> File:
    return shelf.labels(task(1, {"text": TEXT}, *SPANS), config=WORDS)


@pytest.mark.parametrize("format", ["conll", "CONLL2003"])
def test_conll_has_a_line_for_each_word(export: Export, words: File, format: str) -> None:
    out, _ = export(words, format)

    assert (out / "result.conll").read_text("utf-8") == CONLL


@pytest.mark.parametrize("media", [True, False])
def test_conll_of_texts_that_are_files_is_made_of_their_words(export: Export, shelf: Shelf, media: bool) -> None:
    texts = shelf.put({"/a.txt": TEXT.encode()})
    labels = shelf.labels(task(1, {"text": uri(texts, "/a.txt")}, *SPANS), config=WORDS_IN_FILES)

    out, _ = export(labels, "conll", media=media)

    assert (out / "result.conll").read_text("utf-8") == CONLL
    assert names(out) == (["media/a.txt"] if media else []) + ["result.conll"]


@pytest.mark.parametrize(("format", "delimiter"), [("csv", ","), ("tsv", "\t")])
def test_tables_have_a_row_for_each_annotation(export: Export, words: File, format: str, delimiter: str) -> None:
    out, _ = export(words, format)

    assert names(out) == [f"result.{format}"]
    with (out / f"result.{format}").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file, delimiter=delimiter)
    assert (row["id"], row["text"], row["annotator"]) == ("1", TEXT, "ann@example.org")
    assert '"PER"' in row["ner"]


def test_json_is_the_tasks_as_they_are(export: Export, shelf: Shelf) -> None:
    made = [task(number, {"text": f"\ud800 ü {number}"}, choice("glad")) for number in (10, 9)]
    made[0]["annotations"][0]["was_cancelled"] = True

    out, report = export(shelf.labels(*made, config=CHOICES), "json")

    assert parsed(out / "result.json") == [made[1], made[0]]
    assert (report.tasks, report.annotations) == (2, 1)


def test_json_min_has_choices_by_name(export: Export, shelf: Shelf) -> None:
    labels = shelf.labels(task(1, {"text": "x"}, choice("glad")), config=CHOICES)

    out, _ = export(labels, "json_min")

    (found,) = parsed(out / "result.json")
    assert (found["text"], found["mood"], found["id"]) == ("x", "glad", 1)


def test_with_media_addresses_become_paths_in_the_export(export: Export, shelf: Shelf) -> None:
    page = shelf.put({"/a.png": b"a", "/b/c.png": b"c"})
    html = f"<img src='{uri(page, '/a.png')}'> <img src='{uri(page, '/b/c.png')}'>"
    labels = shelf.labels(task(1, {"text": html, "more": [uri(page, "/a.png")]}, choice("sad")), config=CHOICES)

    out, _ = export(labels, "json", media=True)

    (found,) = parsed(out / "result.json")
    expected = {"text": "<img src='media/a.png'> <img src='media/b__c.png'>", "more": ["media/a.png"]}
    assert found["data"] == expected
    assert [(out / "media" / name).read_bytes() for name in ("a.png", "b__c.png")] == [b"a", b"c"]


def test_addresses_of_what_does_not_go_along_stay(export: Export, shelf: Shelf) -> None:
    mine, other = shelf.put({"/a.png": b"a"}), shelf.put({"/b.png": b"b"})
    shown = [uri(mine, "/a.png"), uri(other, "/b.png")]
    labels = shelf.labels(task(1, {"text": shown}, choice("sad")), config=CHOICES)

    out, _ = export(labels, "json", media=True, repos=frozenset([mine.repo]))

    assert parsed(out / "result.json")[0]["data"] == {"text": ["media/a.png", shown[1]]}
    assert names(out) == ["media/a.png", "result.json"]


@pytest.mark.parametrize("media", [True, False])
def test_sounds_are_listed_with_their_length_and_text(export: Export, shelf: Shelf, media: bool) -> None:
    sounds = shelf.put({"/x/a b.wav": sound(0.5), "/b.mp3": b"no WAV"})
    labels = shelf.labels(
        task(1, {"audio": uri(sounds, "/x/a b.wav")}, transcript("hello")),
        task(2, {"audio": uri(sounds, "/b.mp3")}, transcript("lost")),
        task(3, {"audio": uri(sounds, "/x/a b.wav")}),
        config=SOUNDS,
    )

    out, report = export(labels, "asr_manifest", media=media)

    line = parsed(out / "manifest.json")
    assert (line["audio_filepath"], line["duration"], line["text"]) == ("audio/x__a b.wav", 0.5, "hello")
    assert names(out) == (["audio/b.mp3", "audio/x__a b.wav"] if media else []) + ["manifest.json"]
    assert report.notes == (
        "1 task without a transcript, left out",
        "1 annotations are not in the manifest: the converter takes WAV files of the store alone",
    )


def test_documents_are_archives_without_the_day(export: Export, shelf: Shelf) -> None:
    config = '<View><Image name="i" value="$image"/><TextArea name="doc" toName="i"/></View>'
    text = '<doclang xmlns="https://www.doclang.ai/ns/v0"><src uri="http://127.0.0.1:1/a.png"/></doclang>'
    page = shelf.put({"/page.png": b"a page"})
    value: dict[str, Any] = {"type": "textarea", "from_name": "doc", "to_name": "i", "value": {"text": [text]}}
    labels = shelf.labels(task(1, {"image": uri(page, "/page.png")}, value), config=config)

    out, _ = export(labels, "doclang", media=True)

    assert names(out) == ["task-1-annotation-10.dclx"]
    with ZipFile(out / "task-1-annotation-10.dclx") as archive:
        assert {info.date_time[0] for info in archive.infolist()} == {1980}
        assert b"a page" in {archive.read(name) for name in archive.namelist()}


def test_a_format_that_does_not_fit_is_answered_with_those_that_do(export: Export, words: File, tmp_path: Path) -> None:
    with pytest.raises(
        Invalid, match="format coco does not fit .*: choose one of conll2003, csv, json, json_min, tsv$"
    ):
        export(words, "coco")
    assert list(tmp_path.iterdir()) == []
