"""The competition's submission file, in both of its formats.

`ImageId_ClassId,EncodedPixels` has a row for each image and class, an empty cell meaning that nothing was found.
`ImageId,EncodedPixels,ClassId` has a row for each mask; an image without a row is predicted to be free of defects.
"""

import csv
import re
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import pandas as pd

from helpers.data.problems import shorten
from helpers.data.tables import ROW_PER_DEFECT, ROW_PER_PAIR, read_table
from helpers.files import written_beside
from helpers.rle import RunError, mask2rle, mask_area

ROW_PER_MASK = ["ImageId", "EncodedPixels", "ClassId"]
FORMATS = (ROW_PER_PAIR, ROW_PER_MASK)
EXPECTED_COLUMNS = " or ".join(",".join(columns) for columns in FORMATS)
COMPETITION_SHAPE = (256, 1600)
# Ten times and more what the competition's 22,024 rows take; more is some other file, and would fill the memory.
MOST_BYTES, MOST_LINES = 128 * 2**20, 2_000_000
LONGEST_CELL = 32_767
_CLASS = "[1-9][0-9]{0,8}"
_CUT = (
    f"A cell of exactly {LONGEST_CELL:,} characters is as long as Excel lets it be: was it cut off there? "
    "Write the file again, and do not save it from Excel."
)
_SPILLED = (
    "Excel moves what it cuts off a long cell into the next row: write the file again, and do not save it from Excel."
)
_SCIENTIFIC = "A spreadsheet wrote a number as a power of ten: write the file again, and do not save it from there."


def write_submission(path, image_ids, masks, columns=tuple(ROW_PER_PAIR)):
    """Write a submission of masks.

    Args:
        path: where to write; the file appears only when it is whole.
        image_ids: ids of the images.
        masks: iterable of uint8 arrays (height, width, classes) of 0 and 1, in the same order.
        columns: one of `FORMATS`; the second has no row for a mask without a pixel.

    Returns:
        Number of rows, the header not counted.

    Raises:
        ValueError: there are fewer or more masks than ids, or there is no such format.
    """
    return write_encoded(path, _encode(path, image_ids, masks), columns)


def write_encoded(path, encoded, columns):
    """Write a submission of masks that are run-length text already.

    Args:
        path: where to write; the file appears only when it is whole.
        encoded: iterable of (image id, list of run-length texts, one for each class).
        columns: one of `FORMATS`; the second has no row for a mask without a pixel.

    Returns:
        Number of rows, the header not counted.

    Raises:
        ValueError: there is no such format.
    """
    if list(columns) not in FORMATS:
        raise ValueError(f"format: got {','.join(columns)!r}, expected {EXPECTED_COLUMNS}.")
    rows = ((image_id, class_id, text) for image_id, texts in encoded for class_id, text in enumerate(texts, start=1))
    if list(columns) == ROW_PER_PAIR:
        return _write_rows(path, columns, ((f"{image_id}_{class_id}", text) for image_id, class_id, text in rows))
    return _write_rows(path, columns, ((image_id, text, class_id) for image_id, class_id, text in rows if text))


def _encode(path, image_ids, masks):
    """Yield (image id, run-length texts of its classes) of every image."""
    for image_id, image_masks in zip_longest(image_ids, masks):
        if image_id is None or image_masks is None:
            raise ValueError(
                f"{path}: got {'fewer' if image_masks is None else 'more'} masks than images; "
                "expected one for each. Are both of the same images, in the same order?"
            )
        yield image_id, [mask2rle(image_masks[..., number]) for number in range(image_masks.shape[-1])]


def _write_rows(path, columns, rows):
    """Write a CSV file, whole or not at all, and count its rows."""
    written = 0
    with written_beside(path) as beside, open(beside, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for row in rows:
            writer.writerow(row)
            written += 1
    return written


@dataclass(frozen=True)
class SubmissionRows:
    """The rows of a submission or label file, of either format, as they stand; the runs are not looked at.

    Attributes:
        path: the file.
        columns: its header.
        row_per_pair: whether the format has a row for each image and class, found or not.
        table: ImageId, ClassId (int; 0 where there is none), EncodedPixels, row, problem and mend (what is wrong
            with the id or the class, and what to do; "" where they are sound), in the file's order.
    """

    path: Path
    columns: list
    row_per_pair: bool
    table: pd.DataFrame


def read_rows(path):
    """Read the rows of a submission or label file, whatever they hold.

    Args:
        path: CSV file of either format, with the columns in any order and others beside them.

    Returns:
        `SubmissionRows`.

    Raises:
        FileNotFoundError, IsADirectoryError: there is no such file.
        ValueError: it is too large, is no CSV (see `helpers.data.tables.read_table`), or its columns are those of
            neither format.
    """
    path = Path(path)
    check_file(path)
    table = read_table(path, lambda columns: _check_columns(path, columns))
    columns = table.columns.drop("row").tolist()
    if set(columns) >= set(ROW_PER_PAIR):
        named = [_split_pair(cell) for cell in table["ImageId_ClassId"]]
    else:
        named = [_check_mask(*cells) for cells in zip(table["ImageId"], table["ClassId"], strict=True)]
    names = pd.DataFrame(named, columns=["ImageId", "ClassId", "problem", "mend"])
    names = names.astype({"ImageId": "str", "ClassId": "int64", "problem": "str", "mend": "str"})
    return SubmissionRows(path, columns, set(columns) >= set(ROW_PER_PAIR), names.join(table[["EncodedPixels", "row"]]))


def check_file(path):
    """Raise an error with one clear line unless there is a file at `path` that may well be a submission.

    Args:
        path: the file.

    Raises:
        FileNotFoundError, IsADirectoryError: there is no such file.
        ValueError: it is an Excel workbook, or too large to be a submission.
    """
    path = Path(path)
    check_present(path, "a CSV file")
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise ValueError(
            f"{path}: the file has {size / 1e6:,.0f} MB; expected a submission of {MOST_BYTES / 1e6:,.0f} MB at most. "
            "Is it another file, or are its masks noise?"
        )
    with path.open("rb") as file:
        if file.read(4) == b"PK\x03\x04":
            raise ValueError(f"{path}: this is an Excel workbook or another ZIP archive, no CSV. Name the CSV file.")
        file.seek(0)
        lines = sum(max(chunk.count(b"\n"), chunk.count(b"\r")) for chunk in iter(lambda: file.read(2**20), b""))
    if lines > MOST_LINES:
        raise ValueError(
            f"{path}: the file has {lines:,} lines; expected a submission of {MOST_LINES:,} at most. "
            "Is it another file?"
        )


def check_present(path, kind):
    """Raise an error with one clear line unless there is a file at `path`.

    Args:
        path: the file.
        kind: what it is expected to be, such as "a CSV file".

    Raises:
        FileNotFoundError, IsADirectoryError: there is no such file.
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; expected {kind}. Name the file in it.")
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there; expected {kind}. Check the name and the folder.")


def read_submission(path, shape):
    """Read a submission back, in either of its formats.

    Args:
        path: a file of `write_submission`, in either format.
        shape: (height, width) of the images in pixels, to check the runs against.

    Returns:
        Table with ImageId, ClassId (int), EncodedPixels and area (pixels), in the file's order.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the columns are others, an id or class is none, or a run is corrupt or leaves the image; the
            message names file and row.
    """
    rows = read_rows(path)
    if rows.columns not in FORMATS:
        raise columns_error(path, rows.columns)
    areas = [_read_area(path, record, shape) for record in rows.table.itertuples(index=False)]
    table = rows.table[["ImageId", "ClassId", "EncodedPixels"]].assign(area=pd.Series(areas, dtype="int64"))
    return table.astype({"EncodedPixels": "str", "area": "int64"})


def row_error(path, row, problem, mend):
    """The ValueError about one row of a file.

    Example:
        >>> print(row_error("submission.csv", 3, "ClassId is '0'", "Count classes from 1."))
        submission.csv: row 3: ClassId is '0'. Count classes from 1.
    """
    return ValueError(f"{path}: row {row}: {problem}. {mend}")


def spreadsheet_damage(text):
    """What a spreadsheet may have done to the runs in a cell, and what to do; "" where there is no sign of it.

    Args:
        text: the cell.

    Example:
        >>> spreadsheet_damage("1.5E+10 3")[:30]
        'A spreadsheet wrote a number a'
        >>> spreadsheet_damage("15 3")
        ''
    """
    if len(text) == LONGEST_CELL:
        return _CUT
    if "e" not in text and "E" not in text:
        return ""
    return _SCIENTIFIC if re.search(r"[0-9][.,]?[0-9]*[eE]\+?[0-9]", text) else ""


def columns_error(path, columns):
    """The ValueError about a file whose columns are not those of a submission."""
    mend = "Is this a submission, with its header in the first row?"
    for name, mark in (("semicolons", ";"), ("tabs", "\t")):
        if len(columns) == 1 and mark in columns[0]:
            mend = f"Its cells are separated by {name}: write it with commas."
    found = shorten(", ".join(columns), 200)[1:-1]
    return ValueError(f"{path}: row 1: found the columns {found}; expected {EXPECTED_COLUMNS}. {mend}")


def _check_columns(path, columns):
    """Raise an error unless the columns of either format are there."""
    if not any(set(columns) >= set(wanted) for wanted in (ROW_PER_PAIR, ROW_PER_DEFECT)):
        raise columns_error(path, columns)


def _read_area(path, record, shape):
    """The area of one row's mask in pixels."""
    if record.problem:
        raise row_error(path, record.row, record.problem, record.mend)
    try:
        return mask_area(record.EncodedPixels, shape)
    except RunError as error:
        raise row_error(
            path, record.row, error.problem, spreadsheet_damage(record.EncodedPixels) or error.mend
        ) from None


def _split_pair(cell):
    """(image id, class id, problem, mend) of a cell of ImageId_ClassId."""
    found = re.fullmatch(f"(.+)_({_CLASS})", cell, re.DOTALL)
    if found:
        return found[1], int(found[2]), "", ""
    mend = _SPILLED if re.fullmatch("[0-9 ]+", cell) else "Write the submission again."
    return cell, 0, f"got {shorten(cell)}, expected the image's id, an underscore and the class id from 1", mend


def _check_mask(image_id, text):
    """(image id, class id, problem, mend) of the cells of ImageId and ClassId."""
    if image_id and re.fullmatch(_CLASS, text):
        return image_id, int(text), "", ""
    if not text and re.fullmatch("[0-9 ]+", image_id):
        return image_id, 0, f"got {shorten(image_id)} without a class, expected the image's id", _SPILLED
    if not image_id:
        return image_id, 0, "ImageId is empty; expected the image's id", "Write the submission again."
    return (
        image_id,
        0,
        f"ClassId is {shorten(text)}; expected a whole number from 1",
        "Write class ids without decimals or spaces.",
    )
