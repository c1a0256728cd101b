"""Files that a process opens, noted by itself."""

import subprocess
import sys

import pytest

from helpers.opened import VARIABLE, note_opened_files, noting, read_notes

OPENS = """
import io, os, sys, zipfile
from pathlib import Path
import numpy as np
from helpers.files import write_json, write_text
from helpers.opened import note_opened_files
from helpers.results import Results, read_results
folder = Path(sys.argv[1])
open(folder / "before.txt").close()
note_opened_files()
note_opened_files()
os.chdir(folder)
open("read.txt").close()
np.fromfile("array.bin")
zipfile.ZipFile("kept.zip").close()
os.close(os.open("low.bin", os.O_RDONLY))
os.close(os.open("made.bin", os.O_CREAT | os.O_WRONLY))
open(os.dup(1), "w").close()
write_text(folder / "moved.txt", "x")
with open("appended.txt", "a") as file: file.write("x")
with open("amended.txt", "r+") as file: file.write("x")
open(folder.parent / "outside.txt").close()
Results(folder / "results.json", "01_eda").record("n", 1, "a", "b", "c")
"""


def run_noting(tmp_path, source):
    folder = tmp_path / "inside"
    folder.mkdir()
    for name in ("before.txt", "read.txt", "array.bin", "low.bin", "appended.txt", "amended.txt"):
        (folder / name).touch()
    (folder / "kept.zip").write_bytes(b"PK\5\6" + bytes(18))
    (tmp_path / "outside.txt").touch()
    notes = tmp_path / "notes"
    with noting(notes, [folder]):
        subprocess.run([sys.executable, "-c", source, str(folder)], check=True, capture_output=True)
    noted = read_notes(notes)
    return (
        folder,
        {kind: {path.name for path in paths if path.parent == folder} for kind, paths in noted.items()},
        noted,
    )


def test_what_is_noted(tmp_path):
    """By whatever way it is opened, in the places asked for; not what was opened before."""
    folder, names, noted = run_noting(tmp_path, OPENS)
    assert {"read.txt", "array.bin", "kept.zip", "low.bin"} <= names["read"]
    assert {"made.bin", "moved.txt", "appended.txt", "amended.txt", "results.json"} <= names["written"]
    assert not {"before.txt", "outside.txt"} & (names["read"] | names["written"])
    assert all(path.is_relative_to(folder) for paths in noted.values() for path in paths)
    assert names["results"] == set()  # it only added a number of its own


def test_reading_what_others_recorded_is_told(tmp_path):
    _, names, _ = run_noting(tmp_path, OPENS + "read_results(folder / 'results.json')\n")
    assert names["results"] == {"results.json"}
    (tmp_path / "b").mkdir()
    own = OPENS + "Results(folder / 'results.json', '01_eda').value('n')\n"
    assert run_noting(tmp_path / "b", own)[1]["results"] == set()
    (tmp_path / "c").mkdir()
    other = OPENS + "Results(folder / 'results.json', '02').value('01_eda.n')\n"
    assert run_noting(tmp_path / "c", other)[1]["results"] == {"results.json"}


def test_asking_for_a_file_is_noted_whether_or_not_it_is_there(tmp_path):
    asks = "from helpers.opened import is_there\nassert is_there('read.txt') and not is_there('none.txt')\n"
    _, names, _ = run_noting(tmp_path, OPENS + asks)
    assert names["asked"] == {"read.txt", "none.txt"} and "none.txt" not in names["read"]


def test_by_hand_nothing_is_noted(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(sys, "addaudithook", lambda hook: pytest.fail("listens"))
    note_opened_files()


def test_read_notes_of_none_and_of_a_torn_line(tmp_path):
    assert read_notes(tmp_path / "notes") == {kind: set() for kind in ("read", "written", "results", "asked")}
    (tmp_path / "notes").write_text('["/x"]\n["read", "/x/a"]\n["written", "/x')
    noted = read_notes(tmp_path / "notes")
    assert [str(path) for path in noted["read"]] == ["/x/a"] and not noted["written"]
