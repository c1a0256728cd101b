"""Marks: kept, changed, and exported without formulas."""

import csv
import io
import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pytest

from helpers.dashboard.marks import LONGEST_NOTE, Marks, harmless


@pytest.fixture
def marks(tmp_path):
    return Marks(tmp_path / "home" / "marks.sqlite")


def test_marks_persist_change_and_go(marks):
    assert marks.table().empty and marks.note("train", "a.jpg") is None and not marks.path.exists()
    marks.put("train", "a.jpg", "edge?")
    marks.put("test", "a.jpg")
    marks.put("train", "a.jpg", "edge, or a scratch?")
    again = Marks(marks.path)
    assert again.note("train", "a.jpg") == "edge, or a scratch?" and again.note("test", "a.jpg") == ""
    assert len(again.table()) == 2
    again.remove("train", "a.jpg")
    again.remove("train", "nowhere.jpg")
    assert marks.table()["part"].tolist() == ["test"]


def test_marks_are_written_ahead(marks):
    marks.put("train", "a.jpg")
    with sqlite3.connect(marks.path) as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    database.close()


def test_many_threads_lose_no_mark(marks):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: marks.put("train", f"{number}.jpg", str(number)), range(60)))
    assert sorted(map(int, marks.table()["note"])) == list(range(60))


def test_a_note_without_end_is_refused(marks):
    marks.put("train", "a.jpg", "x" * LONGEST_NOTE)
    with pytest.raises(ValueError, match="2,001 characters; expected 2,000 at most. Shorten it."):
        marks.put("train", "a.jpg", "x" * (LONGEST_NOTE + 1))


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://x")'])
def test_export_writes_no_formula(marks, text):
    marks.put("train", text, text)
    (row,) = csv.DictReader(io.StringIO(marks.export(), newline=""))
    assert row["image_id"] == row["note"] == f"'{text}"


@pytest.mark.parametrize("text", ["", "a=b", "0001.jpg", "two\nlines, and a comma", '"quoted"'])
def test_export_leaves_other_texts_as_they_are(marks, text):
    assert harmless(text) == text
    marks.put("train", "a.jpg", text)
    (row,) = csv.DictReader(io.StringIO(marks.export(), newline=""))
    assert row["note"] == text
