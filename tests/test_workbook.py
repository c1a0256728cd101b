"""A submission as an Excel workbook, read back whole."""

import zipfile

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from helpers.data.tables import read_table
from helpers.inference.workbook import read_workbook, write_workbook

PAIRS = "ImageId_ClassId,EncodedPixels\n"
MASKS = "ImageId,EncodedPixels,ClassId\n"
LONG = " ".join(f"{start} 1" for start in range(100_001, 130_000, 2))


@pytest.fixture
def round_trip(tmp_path):
    """A function that writes a CSV file as a workbook, checks that it comes back, and gives what was said."""

    def call(text, **limits):
        (tmp_path / "submission.csv").write_text(text, encoding="utf-8", newline="")
        written = write_workbook(tmp_path / "submission.csv", tmp_path / "submission.xlsx", **limits)
        assert_frame_equal(read_workbook(tmp_path / "submission.xlsx"), read_table(tmp_path / "submission.csv"))
        return str(written)

    return call


def sheet_rows(path):
    """What Excel shows: {sheet: rows}."""
    return {sheet.title: list(sheet.iter_rows(values_only=True)) for sheet in openpyxl.load_workbook(path)}


@pytest.mark.parametrize("text", [PAIRS + "a.jpg_1,1 2\na.jpg_2,\n", MASKS + "a.jpg,1 2,1\na.jpg,,2\n", PAIRS, MASKS])
def test_write_workbook_is_read_back(round_trip, tmp_path, text):
    """All cells are text, so that Excel leaves them alone."""
    assert round_trip(text) == f"Written: {tmp_path / 'submission.xlsx'}: {text.count(chr(10)) - 1} rows."
    (rows,) = sheet_rows(tmp_path / "submission.xlsx").values()
    assert rows[0] == tuple(text.splitlines()[0].split(","))
    assert {type(value) for row in rows for value in row} <= {str, type(None)}


def test_write_workbook_of_runs_longer_than_a_cell(round_trip, tmp_path):
    """They go on in further columns, cut between two runs; the message names the rows."""
    said = round_trip(f"{PAIRS}a.jpg_1,{LONG}\na.jpg_2,1 2\nb.jpg_1,\nb.jpg_2,{LONG}\n")
    assert len(LONG) > 4 * 32_767
    assert said.splitlines()[1] == (
        "Longer than a cell holds, and going on in EncodedPixels_2 to EncodedPixels_5: the runs of row 2, 5."
    )
    (rows,) = sheet_rows(tmp_path / "submission.xlsx").values()
    assert rows[0][2:] == ("EncodedPixels_2", "EncodedPixels_3", "EncodedPixels_4", "EncodedPixels_5")
    assert max(len(value) for row in rows for value in row if value) <= 32_767
    assert all(len(value.split()) % 2 == 0 for value in rows[1][1:])
    assert rows[2][1:] == ("1 2", None, None, None, None)


def test_write_workbook_of_masks_with_long_runs(round_trip):
    """The further columns stand behind the format's own."""
    said = round_trip(f"{MASKS}a.jpg,1 2 5 6 8 1,1\nb.jpg,10 2,2\n", longest_cell=8)
    assert said.splitlines()[1].endswith("going on in EncodedPixels_2: the runs of row 2.")


def test_write_workbook_names_a_few_of_many_long_rows(round_trip):
    said = round_trip(PAIRS + "".join(f"a.jpg_{number},1 2 5 6 8 1\n" for number in range(1, 10)), longest_cell=8)
    assert said.endswith("the runs of row 2, 3, 4, 5, 6 and 4 more.")


@pytest.mark.parametrize(("rows", "sheets"), [(3, 1), (4, 2), (6, 2), (7, 3)])
def test_write_workbook_of_more_rows_than_a_sheet_holds(round_trip, tmp_path, rows, sheets):
    """A sheet of 4 rows holds the header and 3 more."""
    said = round_trip(PAIRS + "".join(f"a.jpg_{number},1 2\n" for number in range(1, rows + 1)), most_rows=4)
    assert (f"They go over {sheets} sheets" in said) == (sheets > 1)
    found = sheet_rows(tmp_path / "submission.xlsx")
    assert len(found) == sheets
    assert all(len(part) <= 4 and part[0] == ("ImageId_ClassId", "EncodedPixels") for part in found.values())


@pytest.mark.parametrize("image_id", ["=1+2", "=SUM(A1)", "#N/A", " a ", "größe", "1e5", "007", "TRUE", "two\nlines"])
def test_write_workbook_keeps_text_that_excel_would_change(round_trip, tmp_path, image_id):
    round_trip(f'{MASKS}"{image_id}",#N/A,1\n')
    sheet = openpyxl.load_workbook(tmp_path / "submission.xlsx").worksheets[0]
    assert {cell.data_type for cell in sheet[2]} <= {"s", "inlineStr"}


RUNS = st.lists(st.tuples(st.integers(1, 10**6), st.integers(1, 99)), max_size=30)
NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn", "Co"]), min_size=1, max_size=8)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(NAMES, RUNS), max_size=6), st.integers(10, 40), st.integers(2, 5))
def test_write_workbook_round_trip(tmp_path_factory, rows, longest_cell, most_rows):
    """Any names and runs, with cells and sheets of any size."""
    folder = tmp_path_factory.mktemp("workbook")
    lines = [
        '"{}_1",{}\n'.format(name.replace('"', '""'), " ".join(f"{start} {length}" for start, length in runs))
        for name, runs in rows
    ]
    (folder / "s.csv").write_text(PAIRS + "".join(lines), encoding="utf-8", newline="")
    written = write_workbook(folder / "s.csv", folder / "s.xlsx", longest_cell=longest_cell, most_rows=most_rows)
    assert_frame_equal(read_workbook(folder / "s.xlsx"), read_table(folder / "s.csv"))
    assert written.rows == len(rows)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (PAIRS + "a.jpg_1,1 2\nb.jpg_1," + "x" * 40_000 + "\n", "row 3: the 40,000 characters of EncodedPixels"),
        (
            PAIRS + "a.jpg_1," + "1  2 " * 10_000 + "\n",
            "row 2: the 50,000 characters of EncodedPixels .* no plain runs",
        ),
        (PAIRS + "a" * 40_000 + "_1,\n", "row 2: ImageId_ClassId has 40,002 characters; a cell holds 32,767"),
        (PAIRS + "a\x01_1,\n", r"row 2: a cell holds the character '\\x01'"),
        (PAIRS + "a_1,1 2\x02\n", r"row 2: a cell holds the character '\\x02'"),
        ("ImageId,ClassId,EncodedPixels\n", "row 1: found the columns ImageId, ClassId, EncodedPixels; expected"),
    ],
)
def test_write_workbook_of_what_it_can_not_hold(tmp_path, text, words):
    """The message names file and row; nothing is written."""
    (tmp_path / "submission.csv").write_text(text)
    with pytest.raises(ValueError, match=rf"submission\.csv: {words}"):
        write_workbook(tmp_path / "submission.csv", tmp_path / "submission.xlsx")
    assert [path.name for path in tmp_path.iterdir()] == ["submission.csv"]


def test_read_workbook_that_is_none(tmp_path):
    path = tmp_path / "submission.xlsx"
    with pytest.raises(FileNotFoundError, match=r"submission\.xlsx is not there; expected an Excel workbook"):
        read_workbook(path)
    with pytest.raises(IsADirectoryError, match="is a folder; expected an Excel workbook"):
        read_workbook(tmp_path)
    path.write_text(PAIRS)
    with pytest.raises(ValueError, match=r"submission\.xlsx: this is no Excel workbook"):
        read_workbook(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("note.txt", "x" * 1000)
    with pytest.raises(ValueError, match=r"submission\.xlsx: this is no sound Excel workbook"):
        read_workbook(path)
    with pytest.raises(ValueError, match=r"submission\.xlsx: unpacked it has 0 MB"):
        read_workbook(path, most_unpacked=999)


@pytest.mark.parametrize(
    ("sheets", "words"),
    [
        ([["id", "x"]], "sheet 'part 1': found the columns id, x; expected ImageId_ClassId,EncodedPixels or"),
        ([[]], "sheet 'part 1': found the columns ; expected"),
        ([PAIRS.strip().split(","), MASKS.strip().split(",")], "its sheets differ in their columns"),
    ],
)
def test_read_workbook_of_other_sheets(tmp_path, sheets, words):
    workbook = openpyxl.Workbook(write_only=True)
    for number, header in enumerate(sheets, start=1):
        workbook.create_sheet(f"part {number}").append(header)
    workbook.save(tmp_path / "submission.xlsx")
    with pytest.raises(ValueError, match=rf"submission\.xlsx: {words}"):
        read_workbook(tmp_path / "submission.xlsx")
