import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers import files
from helpers.files import (
    read_json,
    replace_folder,
    restore_folder,
    write_csv,
    write_json,
    write_text,
    written_beside,
)


def names(folder):
    """Everything in a folder, hidden files too."""
    return sorted(path.name for path in folder.iterdir())


def folder_of(path, text):
    """Make a folder that holds one file with `text`."""
    path.mkdir()
    (path / "page.html").write_text(text)
    return path


class Killed(BaseException):
    """Stands for a kill: no `except` of the code under test may catch it."""


def test_written_beside_makes_missing_folders(tmp_path):
    with written_beside(tmp_path / "new" / "deep" / "note.txt") as beside:
        beside.write_text("steel")
    assert names(tmp_path / "new" / "deep") == ["note.txt"]
    assert (tmp_path / "new" / "deep" / "note.txt").read_text() == "steel"


def test_written_beside_keeps_the_suffixes(tmp_path):
    with written_beside(tmp_path / "weights.tar.gz") as beside:
        beside.touch()
        assert beside.parent == tmp_path
        assert beside.suffixes == [".tar", ".gz"]


def test_written_beside_shows_the_old_content_until_the_end(tmp_path):
    path = tmp_path / "note.txt"
    path.write_text("old")
    with written_beside(path) as beside:
        beside.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, Killed])
def test_written_beside_after_an_exception(tmp_path, error):
    path = tmp_path / "note.txt"
    path.write_text("old")
    with pytest.raises(error), written_beside(path) as beside:
        beside.write_text("half")
        raise error
    assert names(tmp_path) == ["note.txt"]
    assert path.read_text() == "old"


def test_written_beside_of_a_block_that_writes_nothing(tmp_path):
    (tmp_path / "note.txt").write_text("old")
    with pytest.raises(FileNotFoundError), written_beside(tmp_path / "note.txt"):
        pass
    assert (tmp_path / "note.txt").read_text() == "old"


def test_written_beside_where_a_folder_stands(tmp_path):
    (tmp_path / "note.txt").mkdir()
    with pytest.raises(OSError, match=r"note\.txt"), written_beside(tmp_path / "note.txt") as beside:
        beside.write_text("new")
    assert names(tmp_path) == ["note.txt"]


def test_write_text_is_utf_8_wherever_it_runs(tmp_path):
    write_text(tmp_path / "note.txt", "Tôle 鋼\n")
    assert (tmp_path / "note.txt").read_bytes() == "Tôle 鋼\n".encode()


def test_write_csv_that_fails_leaves_the_old_file(tmp_path):
    write_csv(tmp_path / "table.csv", pd.DataFrame({"a": [1]}), index=False)
    with pytest.raises(TypeError):
        write_csv(tmp_path / "table.csv", pd.DataFrame({"a": [2]}), no_such_argument=1)
    assert names(tmp_path) == ["table.csv"]
    assert (tmp_path / "table.csv").read_text() == "a\n1\n"


# value, what JSON holds
PLAIN = [
    (float("nan"), None),
    (float("inf"), None),
    (np.float32("-inf"), None),
    ({"a": [1.5, (float("nan"),)]}, {"a": [1.5, [None]]}),  # at any depth
    (np.array([[1.0, np.nan]]), [[1.0, None]]),
    (np.int64(7), 7),
    (np.bool_(True), True),
    (True, True),  # and not 1
    ({1: "pits", np.int64(2): "cracks"}, {"1": "pits", "2": "cracks"}),
    (Path("runs") / "demo", str(Path("runs") / "demo")),
    ("NaN", "NaN"),  # a text stays a text
    (None, None),
    ({}, {}),
]


@pytest.mark.parametrize(("value", "expected"), PLAIN)
def test_write_json_of_what_json_does_not_know(tmp_path, value, expected):
    write_json(tmp_path / "value.json", value)
    found = json.loads((tmp_path / "value.json").read_text())
    assert found == expected
    assert type(found) is type(expected)


def test_write_json_that_fails_leaves_the_old_file(tmp_path):
    write_json(tmp_path / "value.json", 1)
    with pytest.raises(TypeError):
        write_json(tmp_path / "value.json", {"a": object()})
    assert names(tmp_path) == ["value.json"]
    assert read_json(tmp_path / "value.json") == 1


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text('aé鋼\n"<'),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(value=JSON_VALUES)
def test_read_json_gives_back_what_write_json_wrote(tmp_path_factory, value):
    path = tmp_path_factory.getbasetemp() / "value.json"
    write_json(path, value)
    assert read_json(path) == value


def test_read_json_with_a_byte_order_mark(tmp_path):
    (tmp_path / "classes.json").write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert read_json(tmp_path / "classes.json") == {"a": 1}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b'{"a": 1',  # cut off
        b'{"a": 1}\n{"b": 2}',  # two values
        b'{"a": "\xff"}',  # not UTF-8
        b"\x00\x00\x00\x00",  # what a crash of the machine leaves
        b"[" * 100_000,  # nested past what the parser can hold
    ],
)
def test_read_json_of_something_else(tmp_path, data):
    (tmp_path / "run.json").write_bytes(data)
    with pytest.raises(ValueError, match=r"run\.json: this is no JSON \(.*\)\. Mend it, or delete the file"):
        read_json(tmp_path / "run.json")


def test_read_json_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"run\.json"):
        read_json(tmp_path / "run.json")


def test_replace_folder_where_there_is_none(tmp_path):
    replace_folder(folder_of(tmp_path / "new", "second"), tmp_path / "report")
    assert names(tmp_path) == ["report"]
    assert (tmp_path / "report" / "page.html").read_text() == "second"


def test_replace_folder_takes_all_of_the_old_one_away(tmp_path):
    folder_of(tmp_path / "report", "first")
    (tmp_path / "report" / "stale.html").touch()
    replace_folder(folder_of(tmp_path / "new", "second"), tmp_path / "report")
    assert names(tmp_path) == ["report"]
    assert names(tmp_path / "report") == ["page.html"]
    assert (tmp_path / "report" / "page.html").read_text() == "second"


def test_replace_folder_without_a_new_one_leaves_the_old_one(tmp_path):
    folder_of(tmp_path / "report", "first")
    with pytest.raises(FileNotFoundError):
        replace_folder(tmp_path / "missing", tmp_path / "report")
    assert names(tmp_path) == ["report"]
    assert (tmp_path / "report" / "page.html").read_text() == "first"


@pytest.fixture
def killed_between_the_moves(tmp_path, monkeypatch):
    """A folder whose replacing was killed after its first move."""
    folder_of(tmp_path / "report", "first")
    folder_of(tmp_path / "new", "second")
    moves = []

    def replace_once(source, target):
        if moves:
            raise Killed
        moves.append(source)
        os.rename(source, target)

    monkeypatch.setattr(files.os, "replace", replace_once)
    with pytest.raises(Killed):
        replace_folder(tmp_path / "new", tmp_path / "report")
    monkeypatch.undo()
    assert not (tmp_path / "report").exists()
    return tmp_path


def test_restore_folder_after_a_kill_between_the_moves(killed_between_the_moves):
    folder = killed_between_the_moves
    restore_folder(folder / "report")
    assert names(folder) == ["new", "report"]
    assert (folder / "report" / "page.html").read_text() == "first"


def test_replace_folder_after_a_kill_between_the_moves(killed_between_the_moves):
    folder = killed_between_the_moves
    replace_folder(folder / "new", folder / "report")
    assert names(folder) == ["report"]
    assert (folder / "report" / "page.html").read_text() == "second"


def test_replace_folder_that_fails_after_a_kill_still_has_the_old_one(killed_between_the_moves):
    folder = killed_between_the_moves
    with pytest.raises(FileNotFoundError):
        replace_folder(folder / "missing", folder / "report")
    assert (folder / "report" / "page.html").read_text() == "first"


def test_restore_folder_after_a_kill_while_the_old_one_was_deleted(tmp_path):
    folder_of(tmp_path / "report", "second")
    folder_of(tmp_path / ".old-report", "half of the first")
    restore_folder(tmp_path / "report")
    assert names(tmp_path) == ["report"]
    assert (tmp_path / "report" / "page.html").read_text() == "second"


def test_restore_folder_with_nothing_to_do(tmp_path):
    folder_of(tmp_path / "report", "first")
    folder_of(tmp_path / ".old-other", "of another report")
    restore_folder(tmp_path / "report")
    restore_folder(tmp_path / "never")
    assert names(tmp_path) == [".old-other", "report"]
