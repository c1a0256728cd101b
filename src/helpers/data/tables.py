"""The competition's label files, in both of its formats, checked row by row."""

import csv
import io
from pathlib import Path

import pandas as pd

from helpers.data.problems import ERROR, Problem, shorten
from helpers.rle import mask_area

ROW_PER_DEFECT = ["ImageId", "ClassId", "EncodedPixels"]
ROW_PER_PAIR = ["ImageId_ClassId", "EncodedPixels"]


def read_table(path):
    """Read a CSV file as text, whatever its cells hold.

    Args:
        path: UTF-8 file, with or without a byte-order mark, with any line ends.

    Returns:
        Table of strings with one more column, `row`: the file's record, counted from 1 with the header as 1.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is empty, is no text, or a record has more cells than the header.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there. Was the data directory unpacked fully?")
    try:
        text = path.read_text(encoding="utf-8-sig")
        table = pd.read_csv(
            io.StringIO(text),
            dtype=str,
            keep_default_na=False,
            skip_blank_lines=False,
            index_col=False,
            quoting=csv.QUOTE_MINIMAL,
        )
    except pd.errors.EmptyDataError:
        raise ValueError(f"{path}: the file is empty; expected a header and rows. Copy it again.") from None
    except (pd.errors.ParserError, pd.errors.ParserWarning, UnicodeDecodeError) as error:
        reason = str(error).removeprefix("Error tokenizing data. C error: ").strip()
        raise ValueError(
            f"{path}: this is no table of comma-separated values ({reason}). Save it as UTF-8 CSV again."
        ) from None
    table.columns = [str(column).strip() for column in table.columns]
    table["row"] = range(2, len(table) + 2)
    return table[(table.drop(columns="row") != "").any(axis=1)]


def read_labels(path, num_classes, shape):
    """Read a label file of either format and check each row.

    `ImageId,ClassId,EncodedPixels` (in any order of columns) has a row for each defect class present: an image
    without a row is free of defects. `ImageId_ClassId,EncodedPixels` has a row for each image and class, an empty
    cell meaning no defect: a missing row is a fault.

    Args:
        path: the file.
        num_classes: classes count from 1 to this.
        shape: (height, width) of the images in pixels, to check the runs against.

    Returns:
        (labels, listed, problems): a table of the usable defects with ImageId, ClassId (int), EncodedPixels, area
        (pixels) and row; a mapping of each image id that the file speaks of to its first row; and a list of
        `Problem`, of which each error makes its image unusable, since what the row said of it is unknown.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: its columns are those of neither format.
    """
    path = Path(path)
    table = read_table(path)
    columns = set(table.columns) - {"row"}
    problems = []
    if columns >= set(ROW_PER_DEFECT):
        labels = table[[*ROW_PER_DEFECT, "row"]]
    elif columns >= set(ROW_PER_PAIR):
        pairs = table["ImageId_ClassId"].str.rsplit("_", n=1, expand=True).reindex(columns=[0, 1]).fillna("")
        labels = table.assign(ImageId=pairs[0], ClassId=pairs[1])[[*ROW_PER_DEFECT, "row"]]
        problems += _missing_pairs(path.name, labels, num_classes)
    else:
        raise ValueError(
            f"{path}: found the columns {', '.join(sorted(columns))}; expected {','.join(ROW_PER_DEFECT)} or "
            f"{','.join(ROW_PER_PAIR)}. Rename the columns, or choose another file."
        )
    checked = [_check_row(path.name, record, num_classes, shape) for record in labels.itertuples(index=False)]
    problems += [found for found in checked if isinstance(found, Problem)]
    areas = [0 if isinstance(found, Problem) else found for found in checked]
    labels = labels.assign(area=pd.Series(areas, index=labels.index, dtype="int64"))
    defects = labels[labels["area"] > 0]
    defects = defects.assign(ClassId=defects["ClassId"].astype("int64"))
    twice = labels[labels.duplicated(["ImageId", "ClassId"])]
    problems += [
        Problem(
            ERROR,
            path.name,
            record.row,
            record.ImageId,
            f"image {shorten(record.ImageId)} has class {record.ClassId} a second time",
            "Join the runs into one row, or delete one of the two.",
        )
        for record in twice.itertuples(index=False)
    ]
    listed = labels.drop_duplicates("ImageId").set_index("ImageId")["row"].to_dict()
    return defects.reset_index(drop=True), listed, problems


def _check_row(name, record, num_classes, shape):
    """The area of one row's runs in pixels, or the Problem that it has."""
    class_text = record.ClassId.strip()
    if not (class_text.isascii() and class_text.isdigit() and 1 <= int(class_text) <= num_classes):
        return Problem(
            ERROR,
            name,
            record.row,
            record.ImageId,
            f"ClassId is {shorten(record.ClassId)}; expected a whole number from 1 to {num_classes}",
            "Correct the number, or list the class in classes.json.",
        )
    try:
        return mask_area(record.EncodedPixels, shape)
    except ValueError as error:
        return Problem(
            ERROR,
            name,
            record.row,
            record.ImageId,
            str(error).rstrip("."),
            "The image is set aside until its runs are mended.",
        )


def _missing_pairs(name, labels, num_classes):
    """A Problem for each image of a row-per-pair file that lacks rows."""
    classes_of = labels.groupby("ImageId", sort=False)
    rows, counts = classes_of["row"].first(), classes_of["ClassId"].nunique()
    return [
        Problem(
            ERROR,
            name,
            int(rows[image_id]),
            image_id,
            f"image {shorten(image_id)} has rows for {count} classes; expected {num_classes}",
            "Add the missing rows, with an empty cell where there is no defect.",
        )
        for image_id, count in counts[counts < num_classes].items()
    ]
