"""A submission held against what the competition's scorer takes, row by row, before it is sent."""

import codecs
import csv
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from helpers.data.dataset import PARTS, read_test_sizes
from helpers.data.problems import ERROR, WARNING, Problem, problem_table, shorten
from helpers.inference.pairs import (
    MEND_MISSING,
    MEND_REPEATED,
    join_runs,
    lay_out,
    masked_rows,
    missing_classes,
    repeated_rows,
    usual_classes,
)
from helpers.inference.submission import (
    COMPETITION_SHAPE,
    EXPECTED_COLUMNS,
    FORMATS,
    read_rows,
    spreadsheet_damage,
)
from helpers.rle import RunError, parse_runs


@dataclass(frozen=True)
class Expected:
    """What a submission is held against.

    Attributes:
        class_ids: the classes, sorted; None takes any.
        sizes: mapping of each image id to its (height, width), or to None where that is not known; None where the
            images are not known.
        shape: (height, width) of an image that is not in `sizes`.
        place: where the images are, for messages.
    """

    class_ids: list | None
    sizes: dict | None
    shape: tuple
    place: str = ""


def lint_submission(path, *, data=None, shape=COMPETITION_SHAPE):
    """List what is wrong with a submission.

    Errors are what the competition's scorer refuses or can't match: the header; missing, extra and repeated images and
    classes; runs that are not sound or leave the image. Of the faults of one row's runs the first is named. Warnings
    are what it takes, but nobody means: runs that touch, pixels of two classes, rows out of order, quotes, a byte-order
    mark, and cells that Excel may have cut off.

    Args:
        path: CSV file in either of the competition's formats.
        data: data directory whose `test_images/` the submission is of. Without one the images are not checked, and the
            classes are those that most images of the file have.
        shape: (height, width) of the images in pixels, where there is no data directory.

    Returns:
        Table of problems as `helpers.data.problems.problem_table` gives it, errors first; those of a kind have the
        same `mend`, and are in the file's order.

    Raises:
        FileNotFoundError, IsADirectoryError: there is no such file, or no `test_images/`.
        ValueError: it is no CSV file of either format, so that no row of it can be looked at.
    """
    rows = read_rows(path)
    expected = _expect(rows, data, shape)
    table = rows.table
    sound = table[table["problem"] == ""]
    problems = [
        *_header_problems(path),
        *_name_problems(path, table),
        *_repeat_problems(path, sound),
        *_class_problems(path, sound, expected.class_ids),
        *_image_problems(path, sound, expected),
        *_missing_problems(path, sound, expected, rows.row_per_pair),
        *_run_problems(path, table, expected),
        *_order_problems(path, sound),
    ]
    return problem_table(sorted(problems, key=lambda problem: problem.severity))


def _expect(rows, data, shape):
    """What the data directory asks for, or what the file itself tells."""
    if data is None:
        return Expected(usual_classes(rows.table) if rows.row_per_pair else None, None, shape)
    class_names, sizes = read_test_sizes(data)
    known = Counter(size for size in sizes.values() if size)
    if not known:
        raise ValueError(f"{Path(data) / PARTS['test']}: there is no image in it. Unpack the test images there.")
    place = str(Path(data) / PARTS["test"])
    return Expected(list(range(1, len(class_names) + 1)), sizes, known.most_common(1)[0][0], place)


def _header_problems(path):
    """What is wrong with how the file is written: header, byte-order mark, quotes."""
    data = Path(path).read_bytes()
    with _open_text(path) as file:
        header = next(cells for cells in csv.reader(file) if any(map(str.strip, cells)))
    if header not in FORMATS:
        yield Problem(
            ERROR,
            str(path),
            1,
            "",
            f"the header is {shorten(','.join(header))}; expected {EXPECTED_COLUMNS}",
            "Write these columns in this order, and no others (with pandas: index=False).",
        )
    if data.startswith(codecs.BOM_UTF8):
        yield Problem(
            WARNING,
            str(path),
            1,
            "",
            "the file begins with a byte-order mark",
            "Write it as plain UTF-8; some programs read the mark as part of the first column's name.",
        )
    if b'"' in data:
        yield from _quote_problems(path)


def _open_text(path):
    """The file's text as `read_table` reads it, line by line."""
    return Path(path).open(encoding="utf-8-sig", newline="")


def _quote_problems(path):
    """Records with a quote."""
    with _open_text(path) as file:
        lines = list(file)
    reader, before = csv.reader(lines), 0
    for row, _ in enumerate(reader, start=1):
        if any('"' in line for line in lines[before : reader.line_num]):
            yield Problem(WARNING, str(path), row, "", "the row has quotes", "No cell needs any: write them plain.")
        before = reader.line_num


def _name_problems(path, table):
    """Rows without a sound id or class."""
    for record in table[table["problem"] != ""].itertuples(index=False):
        yield Problem(ERROR, str(path), record.row, record.ImageId, record.problem, record.mend)


def _repeat_problems(path, table):
    """Rows whose image and class were there before."""
    for row, image_id, problem in repeated_rows(table):
        yield Problem(ERROR, str(path), row, image_id, problem, MEND_REPEATED)


def _class_problems(path, table, class_ids):
    """Rows of a class that isn't asked for."""
    if class_ids is None:
        return
    for record in table[~table["ClassId"].isin(class_ids)].itertuples(index=False):
        yield Problem(
            ERROR,
            str(path),
            record.row,
            record.ImageId,
            f"image {shorten(record.ImageId)} has a row for class {record.ClassId}; expected the classes "
            f"{_list_classes(class_ids)}",
            "Delete the rows of classes that there are not.",
        )


def _image_problems(path, table, expected):
    """Rows of an image that isn't there, and files that are no image."""
    if expected.sizes is None:
        return
    for image_id in (image_id for image_id, size in expected.sizes.items() if size is None):
        yield Problem(
            WARNING,
            f"{expected.place}/{image_id}",
            None,
            image_id,
            "the file is no image",
            "Copy it again; until then rows without a mask do for it.",
        )
    strange = table[~table["ImageId"].isin(list(expected.sizes))]
    if _is_of_another_set(table, expected):
        yield Problem(
            ERROR,
            str(path),
            None,
            "",
            f"none of its {table['ImageId'].nunique():,} images is in {expected.place}",
            "Is it the submission of another data set?",
        )
        return
    for record in strange.itertuples(index=False):
        yield Problem(
            ERROR,
            str(path),
            record.row,
            record.ImageId,
            f"image {shorten(record.ImageId)} is not in {expected.place}",
            "Delete the rows of images that there are not.",
        )


def _missing_problems(path, table, expected, row_per_pair):
    """Images that lack rows, in the format that has one for each image and class."""
    if table.empty and not row_per_pair:
        yield Problem(WARNING, str(path), None, "", "it has no row", "Was nothing found on any image?")
    if not row_per_pair or (expected.sizes is not None and _is_of_another_set(table, expected)):
        return
    if table.empty and expected.sizes is None:
        yield Problem(ERROR, str(path), None, "", "there is no sound row below the header", "Write the file again.")
    for image_id, row, lacking in missing_classes(table, expected.class_ids):
        if expected.sizes is None or expected.sizes.get(image_id):
            yield Problem(
                ERROR,
                str(path),
                row,
                image_id,
                f"image {shorten(image_id)} has no row for class {_list_classes(lacking)}",
                MEND_MISSING,
            )
    there = set(table["ImageId"])
    for image_id in (image_id for image_id, size in (expected.sizes or {}).items() if size and image_id not in there):
        yield Problem(ERROR, str(path), None, image_id, f"image {shorten(image_id)} has no row", MEND_MISSING)


def _is_of_another_set(table, expected):
    """Whether a file with rows names no image of the data set at all."""
    return not table.empty and not table["ImageId"].isin(list(expected.sizes)).any()


def _run_problems(path, table, expected):
    """What is wrong with the runs: each row's first fault, touching runs, pixels of several classes."""
    sizes, records = expected.sizes or {}, list(table[["row", "ImageId"]].itertuples(index=False, name=None))
    owners, runs = [], []
    for position, text in zip(*masked_rows(table), strict=True):
        row, image_id = records[position]
        damage = spreadsheet_damage(text)
        try:
            # A listed image whose size is not known bounds no run.
            parsed = parse_runs(text, sizes.get(image_id, expected.shape))
        except RunError as error:
            yield Problem(ERROR, str(path), row, image_id, error.problem, damage or error.mend)
            continue
        if damage:
            yield Problem(WARNING, str(path), row, image_id, f"the runs have {len(text):,} characters", damage)
        owners.append(position)
        runs.append(parsed)
    owners, starts, lengths = join_runs(owners, runs)
    yield from _touching_problems(path, records, owners, starts, lengths)
    yield from _overlap_problems(path, table, owners, starts, lengths)


def _touching_problems(path, records, owners, starts, lengths):
    """Rows in which a run begins right after the one before it."""
    touching = np.flatnonzero((owners[1:] == owners[:-1]) & (starts[1:] == starts[:-1] + lengths[:-1])) + 1
    for run in touching[np.unique(owners[touching], return_index=True)[1]]:
        row, image_id = records[owners[run]]
        yield Problem(
            WARNING,
            str(path),
            row,
            image_id,
            f"the run at {starts[run]} begins where the one at {starts[run - 1]} ends",
            "Write runs that touch as one.",
        )


def _overlap_problems(path, table, owners, starts, lengths):
    """Images with pixels that carry more than one class."""
    codes, image_ids = pd.factorize(table["ImageId"])
    usable = ((table["problem"] == "") & ~table.duplicated(["ImageId", "ClassId"])).to_numpy()
    masked = np.zeros(len(table), bool)
    masked[owners] = True
    several = np.bincount(codes[masked & usable], minlength=len(image_ids)) > 1
    chosen = usable[owners] & several[codes[owners]]
    owners, starts, lengths = owners[chosen], starts[chosen], lengths[chosen]
    pixels = count_covered_twice(starts, lengths, codes[owners], len(image_ids))
    last = np.zeros(len(image_ids), np.int64)
    np.maximum.at(last, codes[owners], table["row"].to_numpy()[owners])
    for code in np.flatnonzero(pixels):
        yield Problem(
            WARNING,
            str(path),
            int(last[code]),
            image_ids[code],
            f"{pixels[code]:,} pixels of image {shorten(image_ids[code])} carry more than one class",
            "A pixel is of one class in the competition's data; take it out of one of the masks.",
        )


def count_covered_twice(starts, lengths, codes, count):
    """Count the pixels that more than one run of an image covers.

    Args:
        starts: first pixels within the image, counted from 1, shape (runs,).
        lengths: pixels, same shape.
        codes: number of each run's image, from 0, same shape.
        count: how many images there are.

    Returns:
        int64 array of pixels, shape (count,).

    Example:
        >>> runs = np.array([1, 3, 1]), np.array([4, 4, 9]), np.array([0, 0, 1])
        >>> count_covered_twice(*runs, 2).tolist()
        [2, 0]
    """
    longest = int((starts + lengths).max(initial=1))
    first = lay_out(starts, codes, count, (1, longest))
    places = np.concatenate([first, first + lengths])
    order = np.argsort(places, kind="stable")
    steps = np.repeat(np.array([1, -1], np.int8), len(starts))[order]
    gaps = np.diff(places[order], append=places.max(initial=0)) * (np.cumsum(steps, dtype=np.int32) > 1)
    return np.bincount(np.tile(codes, 2)[order], weights=gaps, minlength=count).astype(np.int64)


def _order_problems(path, table):
    """Rows that stand before their place by image and class."""
    records = table[["ImageId", "ClassId", "row"]].itertuples(index=False, name=None)
    for (*before, _), (*pair, row) in pairwise(records):
        if pair < before:
            yield Problem(
                WARNING,
                str(path),
                row,
                pair[0],
                f"image {shorten(pair[0])}, class {pair[1]} comes after {shorten(before[0])}, class {before[1]}",
                "Sort the rows by image and class, so that submissions can be compared line by line.",
            )


def _list_classes(class_ids):
    """Classes for a message: as a range where they are one."""
    if len(class_ids) > 2 and class_ids[-1] - class_ids[0] == len(class_ids) - 1:
        return f"{class_ids[0]} to {class_ids[-1]}"
    return ", ".join(map(str, class_ids))
