"""The competition's submission file."""

import csv
import re
from itertools import zip_longest

import pandas as pd

from helpers.data.problems import shorten
from helpers.data.tables import read_table
from helpers.files import written_beside
from helpers.rle import mask2rle, mask_area

HEADER = ["ImageId_ClassId", "EncodedPixels"]


def write_submission(path, image_ids, masks):
    """Write a submission with a row for each image and class; an empty cell where nothing was found.

    Args:
        path: where to write; the file appears only when it is whole.
        image_ids: ids of the images.
        masks: iterable of uint8 arrays (height, width, classes) of 0 and 1, in the same order.

    Returns:
        Number of rows, the header not counted.

    Raises:
        ValueError: there are fewer or more masks than ids.
    """
    rows = 0
    with written_beside(path) as beside, open(beside, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        for image_id, image_masks in zip_longest(image_ids, masks):
            if image_id is None or image_masks is None:
                raise ValueError(
                    f"{path}: got {'fewer' if image_masks is None else 'more'} masks than images; "
                    "expected one for each. Are both of the same images, in the same order?"
                )
            for class_id in range(1, image_masks.shape[-1] + 1):
                writer.writerow([f"{image_id}_{class_id}", mask2rle(image_masks[..., class_id - 1])])
                rows += 1
    return rows


def read_submission(path, shape):
    """Read a submission back.

    Args:
        path: a file of `write_submission`.
        shape: (height, width) of the images in pixels, to check the runs against.

    Returns:
        Table with ImageId, ClassId (int), EncodedPixels and area (pixels), in the file's order.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the columns are others, an id doesn't end in a class, or a run is corrupt or leaves the image; the
            message names file and row.
    """
    table = read_table(path)
    found = table.columns.drop("row").tolist()
    if found != HEADER:
        raise ValueError(
            f"{path}: found the columns {', '.join(found)}; expected {','.join(HEADER)}. Is this a submission?"
        )
    rows = [_read_row(path, *record, shape) for record in table[[*HEADER, "row"]].itertuples(index=False, name=None)]
    read = pd.DataFrame(rows, columns=["ImageId", "ClassId", "EncodedPixels", "area"])
    return read.astype({"ImageId": "str", "ClassId": "int64", "EncodedPixels": "str", "area": "int64"})


def _read_row(path, name, text, row, shape):
    """One record as (image id, class id, runs, area)."""
    found = re.fullmatch("(.+)_([1-9][0-9]{0,8})", name, re.DOTALL)
    if not found:
        raise ValueError(
            f"{path}: row {row}: got {shorten(name)}, expected the image's id, an underscore and the class id from 1. "
            "Write the submission again."
        )
    try:
        return found[1], int(found[2]), text, mask_area(text, shape)
    except ValueError as error:
        raise ValueError(f"{path}: row {row}: {error}") from None
