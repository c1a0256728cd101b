"""A submission as an Excel workbook, and back, with nothing lost to Excel's limits."""

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

import openpyxl
import openpyxl.cell
import pandas as pd

from helpers.data.problems import shorten
from helpers.data.tables import read_table
from helpers.files import written_beside
from helpers.inference.submission import (
    EXPECTED_COLUMNS,
    FORMATS,
    LONGEST_CELL,
    MOST_BYTES,
    check_file,
    check_present,
    columns_error,
    row_error,
)

MOST_ROWS = 1_048_576
RUNS = "EncodedPixels"
# The XML in a workbook takes a few times what the CSV file does; far more is an archive made to fill the memory.
MOST_UNPACKED = 8 * MOST_BYTES
ROWS_NAMED = 5
_UNWRITABLE = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class WrittenWorkbook:
    """What was written; printed, a line on it and one on whatever did not fit as it was.

    Attributes:
        path: the workbook.
        rows: number of rows, the headers not counted.
        sheets: number of sheets.
        split: the CSV file's records whose runs are longer than a cell holds, and go on in further columns.
        columns: number of columns that hold runs.
    """

    path: Path
    rows: int
    sheets: int
    split: tuple
    columns: int

    def __str__(self):
        lines = [f"Written: {self.path}: {self.rows:,} rows."]
        if self.sheets > 1:
            lines.append(f"They go over {self.sheets} sheets, since one does not hold as many.")
        if self.split:
            more = len(self.split) - ROWS_NAMED
            named = ", ".join(map(str, self.split[:ROWS_NAMED])) + (f" and {more:,} more" if more > 0 else "")
            names = f"{RUNS}_2" + (f" to {RUNS}_{self.columns}" if self.columns > 2 else "")
            lines.append(f"Longer than a cell holds, and going on in {names}: the runs of row {named}.")
        return "\n".join(lines)


def write_workbook(submission, path, *, most_rows=MOST_ROWS, longest_cell=LONGEST_CELL):
    """Write a submission as an Excel workbook.

    Rows over what a sheet holds go to further sheets, each with the header. Runs longer than a cell holds go on in the
    columns `EncodedPixels_2`, `EncodedPixels_3`, ..., cut between two runs.

    Args:
        submission: CSV file in either of the competition's formats.
        path: the `.xlsx` file to write; it appears only when it is whole.
        most_rows: rows that a sheet holds, the header among them; at least 2.
        longest_cell: characters that a cell holds.

    Returns:
        `WrittenWorkbook`, which says when printed what did not fit into one sheet or cell.

    Raises:
        FileNotFoundError, IsADirectoryError: there is no such CSV file.
        ValueError: it is no submission, or a cell can't be split or written; the message names file and row.

    Source:
        "Excel specifications and limits", Microsoft: 1,048,576 rows in a sheet, 32,767 characters in a cell.
    """
    check_file(submission)
    table = read_table(submission)
    columns = table.columns.drop("row").tolist()
    if columns not in FORMATS:
        raise columns_error(submission, columns)
    parts = [
        _split_runs(submission, row, text, longest_cell) for row, text in zip(table["row"], table[RUNS], strict=True)
    ]
    named = table[columns].drop(columns=RUNS)
    _check_names(submission, table["row"], named, longest_cell)
    width = max(map(len, parts), default=1)
    rows = [_spread(columns, *row) for row in zip(named.to_dict("records"), parts, strict=True)]
    header = [*columns, *(f"{RUNS}_{number}" for number in range(2, width + 1))]
    workbook = openpyxl.Workbook(write_only=True)
    for start in range(0, max(len(rows), 1), most_rows - 1):
        sheet = workbook.create_sheet(f"rows from {start + 2}")
        sheet.append(header)
        for row in rows[start : start + most_rows - 1]:
            sheet.append([_cell(sheet, value) for value in row])
    with written_beside(path) as beside:
        workbook.save(beside)
    split = tuple(int(row) for row, runs in zip(table["row"], parts, strict=True) if len(runs) > 1)
    return WrittenWorkbook(Path(path), len(rows), len(workbook.worksheets), split, width)


def read_workbook(path, *, most_unpacked=None):
    """Read a submission back from a workbook.

    Args:
        path: a file of `write_workbook`.
        most_unpacked: bytes that its parts may have together once they are unpacked; None allows `MOST_UNPACKED`.

    Returns:
        Table of strings as `helpers.data.tables.read_table` gives it of the CSV file: the columns of one of the
        competition's formats, and `row`, counted from 1 with the header as 1, through all sheets.

    Raises:
        FileNotFoundError, IsADirectoryError: there is no such file.
        ValueError: it is no workbook, is too large, or its sheets don't have the columns of a submission.
    """
    check_present(path, "an Excel workbook")
    _check_archive(path, MOST_UNPACKED if most_unpacked is None else most_unpacked)
    try:
        with open(path, "rb") as file:
            workbook = openpyxl.load_workbook(file, read_only=True, data_only=True)
            sheets = [(sheet.title, list(sheet.iter_rows(values_only=True))) for sheet in workbook.worksheets]
    # What a broken archive makes the reader raise has no end.
    except Exception as error:
        raise ValueError(f"{path}: this is no sound Excel workbook ({error}). Write it again.") from None
    tables = [_read_sheet(path, title, rows) for title, rows in sheets]
    if len({tuple(table.columns) for table in tables}) != 1:
        raise ValueError(f"{path}: its sheets differ in their columns; expected the same in each. Write it again.")
    table = pd.concat(tables, ignore_index=True)
    return table.assign(row=range(2, len(table) + 2))


def _split_runs(path, row, text, longest):
    """The runs of one row in parts that fit in a cell; joined by a space they give the text again."""
    if len(text) <= longest:
        if _UNWRITABLE.search(text):
            raise _unwritable_error(path, row, text)
        return [text]
    runs = re.findall("[0-9]+ [0-9]+|[0-9]+$", text)
    if " ".join(runs) != text or max(map(len, runs)) > longest:
        raise row_error(
            path,
            row,
            f"the {len(text):,} characters of {RUNS} are more than the {longest:,} of a cell, and no plain runs",
            "Separate whole numbers by one space each, so that they can go on in further columns.",
        )
    parts, part, size = [], [], -1
    for run in runs:
        if size + 1 + len(run) > longest:
            parts.append(" ".join(part))
            part, size = [], -1
        part.append(run)
        size += 1 + len(run)
    return [*parts, " ".join(part)]


def _check_names(path, rows, named, longest):
    """Raise an error for the first cell beside the runs that a workbook can't hold."""
    for column in named:
        for row, text in zip(rows, named[column], strict=True):
            if len(text) > longest:
                raise row_error(
                    path,
                    row,
                    f"{column} has {len(text):,} characters; a cell holds {longest:,}",
                    "Shorten the image's name.",
                )
            if _UNWRITABLE.search(text):
                raise _unwritable_error(path, row, text)


def _unwritable_error(path, row, text):
    character = ascii(_UNWRITABLE.search(text)[0])
    return row_error(path, row, f"a cell holds the character {character}, which a workbook can't", "Remove it.")


def _spread(columns, named, runs):
    """The values of one row: those of the CSV file's columns, and the further parts of the runs behind them."""
    first, *further = runs
    return [*({**named, RUNS: first}[column] for column in columns), *further]


def _cell(sheet, value):
    """A value as openpyxl takes it: text stays text, also where it would be taken for a formula or an error."""
    if not value.startswith(("=", "#")):
        return value or None
    cell = openpyxl.cell.WriteOnlyCell(sheet, value)
    cell.data_type = "s"
    return cell


def _check_archive(path, most):
    """Raise an error unless the file is an archive of a size that can be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
    except (zipfile.BadZipFile, EOFError, NotImplementedError) as error:
        raise ValueError(f"{path}: this is no Excel workbook ({error}). Name an .xlsx file.") from None
    if size > most:
        raise ValueError(
            f"{path}: unpacked it has {size / 1e6:,.0f} MB; expected {most / 1e6:,.0f} MB at most. "
            "Is this a submission?"
        )


def _read_sheet(path, title, rows):
    """One sheet's table, the parts of the runs joined."""
    header = [_text(value) for value in rows[0]] if rows else []
    columns = [name for name in header if not re.fullmatch(f"{RUNS}_[0-9]+", name)]
    if columns not in FORMATS:
        raise ValueError(
            f"{path}: sheet {shorten(title)}: found the columns {shorten(', '.join(header), 200)[1:-1]}; "
            f"expected {EXPECTED_COLUMNS}, with the rest of long runs in {RUNS}_2 and so on. Is this a submission?"
        )
    order = [header.index(RUNS), *range(len(columns), len(header))]
    found = []
    for row in rows[1:]:
        # A row that ends in empty cells comes short.
        cells = [_text(value) for value in row] + [""] * (len(header) - len(row))
        runs = " ".join(cells[position] for position in order if cells[position])
        found.append([runs if name == RUNS else cells[header.index(name)] for name in columns])
    return pd.DataFrame(found, columns=columns, dtype="str")


def _text(value):
    return "" if value is None else str(value)
