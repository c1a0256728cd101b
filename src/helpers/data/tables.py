"""The competition's label files, in both of its formats, checked row by row."""

import csv
import io
from pathlib import Path

import pandas as pd

from helpers.data.problems import ERROR, Problem, shorten
from helpers.rle import mask_area

ROW_PER_DEFECT = ["ImageId", "ClassId", "EncodedPixels"]
ROW_PER_PAIR = ["ImageId_ClassId", "EncodedPixels"]


def read_table(path, check_columns=None):
    """Read a CSV file as text, whatever its cells hold.

    Args:
        path: UTF-8 file, with or without a byte-order mark, with any line ends.
        check_columns: function of the list of columns that raises an error where they aren't those wanted; it is asked
            before the rows are looked at, since in another file these are no use either.

    Returns:
        Table of strings with one more column, `row`: the file's record, counted from 1 with the header as 1. A blank
        line is left out, but counts; a quoted cell that goes over several lines is part of one record.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is empty, is no text, has a column twice, or a record has more or fewer cells than the header.
            A file like that was cut off or garbled, so that none of its rows can be trusted.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there. Was the data directory unpacked fully?")
    records = list(_read_records(path))
    if not records:
        raise ValueError(f"{path}: the file is empty; expected a header and rows. Copy it again.")
    header = [cell.strip() for cell in records[0][1]]
    twice = [name for position, name in enumerate(header) if name in header[:position]]
    if twice:
        raise ValueError(f"{path}: the column {shorten(twice[0])} is there twice. Rename or delete one of the two.")
    if check_columns:
        check_columns(header)
    for row, cells in records:
        if len(cells) != len(header):
            number = f"{len(cells)} cell{'' if len(cells) == 1 else 's'}"
            raise ValueError(
                f"{path}: row {row} has {number}; expected {len(header)} like the header. "
                "Complete the row, quote a cell that holds a comma, or copy the file again."
            )
    table = pd.DataFrame([cells for _, cells in records[1:]], columns=header, dtype="str")
    return table.assign(row=pd.Series([row for row, _ in records[1:]], dtype="int64"))


def _read_records(path):
    """Yield (row, cells) of each record of a CSV file that is not blank."""
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(f"{path}: line {line} is not UTF-8 text. Save the file as UTF-8 CSV again.") from None
    # The runs of one mask can be longer than what the module takes for a cell that never ends.
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))
    has_nul, row = "\0" in text, 0
    try:
        for row, cells in enumerate(csv.reader(io.StringIO(text, newline=""), strict=True), start=1):
            if has_nul and any("\0" in cell for cell in cells):
                raise ValueError(f"{path}: row {row} holds a NUL byte; expected text. Copy the file again.")
            if any(map(str.strip, cells)):
                yield row, cells
    except csv.Error as error:
        raise ValueError(
            f"{path}: row {row + 1}: this is no table of comma-separated values ({error}). "
            "Mend the quotes, or save the file as CSV again."
        ) from None


def read_labels(path, num_classes, shape, image_ids=(), shapes=None):
    """Read a label file of either format and check each row.

    `ImageId,ClassId,EncodedPixels` (in any order of columns) has a row for each defect class present: an image
    without a row is free of defects. `ImageId_ClassId,EncodedPixels` has a row for each image and class, an empty
    cell meaning no defect: a missing row is a fault.

    Args:
        path: the file.
        num_classes: classes count from 1 to this.
        shape: (height, width) of the images in pixels, to check the runs against.
        image_ids: ids of the images that there are; each needs its rows in the second format.
        shapes: mapping of image id to (height, width), for the images of another size than `shape`.

    Returns:
        (labels, listed, problems): a table of the usable defects with ImageId, ClassId (int), EncodedPixels, area
        (pixels) and row; a mapping of each image id that the file speaks of to its first row; and a list of
        `Problem`, of which each error makes its image unusable, since what the row said of it is unknown.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no table (see `read_table`), or its columns are those of neither format.
    """
    path, shapes = Path(path), shapes or {}
    table = read_table(path)
    columns = table.columns.drop("row")
    problems = []
    if set(columns) >= set(ROW_PER_DEFECT):
        labels = table[[*ROW_PER_DEFECT, "row"]]
    elif set(columns) >= set(ROW_PER_PAIR):
        pairs = [cell.rsplit("_", 1) if "_" in cell else (cell, "") for cell in table["ImageId_ClassId"]]
        pairs = pd.DataFrame(pairs, columns=["ImageId", "ClassId"], dtype="str")
        labels = pairs.join(table[["EncodedPixels", "row"]])
        problems += _missing_pairs(path.name, labels, num_classes, image_ids)
    else:
        raise ValueError(
            f"{path}: found the columns {shorten(','.join(columns))}; expected {','.join(ROW_PER_DEFECT)} or "
            f"{','.join(ROW_PER_PAIR)}. Rename the columns, or choose another file."
        )
    labels = labels.assign(ClassId=labels["ClassId"].str.strip())
    classes = {str(class_id) for class_id in range(1, num_classes + 1)}
    checked = [
        _check_row(path.name, record, classes, shapes.get(record.ImageId, shape))
        for record in labels.itertuples(index=False)
    ]
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
            f"image {shorten(record.ImageId)} has class {shorten(record.ClassId)} a second time",
            "Join the runs into one row, or delete one of the two.",
        )
        for record in twice.itertuples(index=False)
    ]
    listed = labels.drop_duplicates("ImageId").set_index("ImageId")["row"].to_dict()
    return defects.reset_index(drop=True), listed, problems


def _check_row(name, record, classes, shape):
    """The area of one row's runs in pixels, or the Problem that it has."""
    if record.ClassId not in classes:
        return Problem(
            ERROR,
            name,
            record.row,
            record.ImageId,
            f"ClassId is {shorten(record.ClassId)}; expected a whole number from 1 to {len(classes)}",
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


def _missing_pairs(name, labels, num_classes, image_ids):
    """A Problem for each image that lacks rows in a row-per-pair file, be it some of them or all."""
    classes_of = labels.groupby("ImageId", sort=False)
    rows, counts = classes_of["row"].first().to_dict(), classes_of["ClassId"].nunique().to_dict()
    counts |= {image_id: 0 for image_id in image_ids if image_id not in counts}
    return [
        Problem(
            ERROR,
            name,
            rows.get(image_id),
            image_id,
            f"image {shorten(image_id)} has rows for {count} classes; expected {num_classes}",
            "Add the missing rows, with an empty cell where there is no defect.",
        )
        for image_id, count in counts.items()
        if count < num_classes
    ]
