"""Two files of run-length masks side by side: pixels of every image and class, straight from the runs.

No mask is built. The runs of a file are laid out one behind the other along one line, each image and class on a
stretch of its own, so that the pixels that two files share are counted for all of them at once.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from helpers.data.images import read_sizes
from helpers.data.problems import shorten
from helpers.inference.submission import read_rows, row_error, spreadsheet_damage
from helpers.metrics import PixelCounts
from helpers.rle import RunError, parse_runs, shared_pixels

# Of each, a few arrays of whole numbers are held: some GB at this size, a thousand times the competition's.
MOST_PAIRS = 20_000_000
MEND_REPEATED = "Join the runs into one row, or delete one of the two."
MEND_MISSING = "Add the missing rows, with an empty cell where nothing was found."


@dataclass(frozen=True, eq=False)
class RunFile:
    """A file's masks as runs.

    Attributes:
        path: the file.
        row_per_pair: whether it has a row for each image and class; else an image or class that it does not name is
            free of defects.
        table: ImageId, ClassId and row (the file's record) of every row.
        owners: position in the table of the row that each run belongs to, shape (runs,).
        starts: first pixel of each run, counted from 1, down each column; same shape.
        lengths: pixels of each run; same shape.
        notes: sentences on what is suspicious, but can be read.
    """

    path: Path
    row_per_pair: bool
    table: pd.DataFrame
    owners: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    notes: tuple


@dataclass(frozen=True, eq=False)
class MatchedPairs:
    """Two files of masks, matched by image and class.

    Attributes:
        image_ids: ids of the images, in the order of `counts`.
        class_ids: ids of the classes, in the order of `counts`.
        counts: PixelCounts; `true` is of the first file, `predicted` of the second.
        rows: for each of the two files, the record that speaks of each pair, whole numbers of shape (images, classes);
            0 where there is none.
        notes: sentences on what a reader of the numbers has to know.
    """

    image_ids: list
    class_ids: list
    counts: PixelCounts
    rows: tuple
    notes: tuple

    def by_class(self):
        """The counts of all classes together and of each: dict of PixelCounts by `all`, `class 1`, and so on."""
        classes = {f"class {class_id}": self.counts.of_class(index) for index, class_id in enumerate(self.class_ids)}
        return {"all": self.counts, **classes}


def match_paths(first, second, shape, images=None):
    """Read two files of masks and match them.

    Args:
        first: CSV file in either of the competition's formats; the truth, where one of the two is.
        second: the same.
        shape: (height, width) of the images in pixels, to check the runs against; where sizes differ, the largest.
        images: folder of all images, or None where it is not known.

    Returns:
        `MatchedPairs`.

    Raises:
        FileNotFoundError, IsADirectoryError: a file is missing.
        ValueError: as in `read_runs` and `match_files`; or there is no image in the folder.
    """
    files = [read_runs(path, shape) for path in (first, second)]
    return match_files(*files, shape, image_ids=None if images is None else list_images(images), place=images)


def list_images(folder):
    """Names of the images in a folder, sorted; only the heads of the files are read.

    Args:
        folder: the folder.

    Raises:
        ValueError: there is no image in it.
    """
    names = sorted(name for name, size in read_sizes(folder).items() if size)
    if not names:
        raise ValueError(f"{folder}: there is no image in it. Name the folder of the images.")
    return names


def read_runs(path, shape):
    """Read a submission or label file as runs, and check it.

    Args:
        path: CSV file of either format, with the columns in any order.
        shape: (height, width) of the images in pixels, to check the runs against; where sizes differ, the largest.

    Returns:
        `RunFile`.

    Raises:
        FileNotFoundError, IsADirectoryError: there is no such file.
        ValueError: it is no such file (see `read_rows`); an id or class is none; an image has a class twice; an image
            lacks the row of a class in a file with a row for each; or runs are not sound. The message names the row.
    """
    rows = read_rows(path)
    table = rows.table
    for record in table[table["problem"] != ""].head(1).itertuples(index=False):
        raise row_error(path, record.row, record.problem, record.mend)
    _check_repeats(path, table)
    if rows.row_per_pair:
        _check_whole(path, table)
    owners, texts = masked_rows(table)
    runs = [_parse_row(path, table["row"].iat[owner], text, shape) for owner, text in zip(owners, texts, strict=True)]
    notes = [
        f"{path}: row {table['row'].iat[owner]}: {spreadsheet_damage(text)}"
        for owner, text in zip(owners, texts, strict=True)
        if spreadsheet_damage(text)
    ]
    return RunFile(
        rows.path, rows.row_per_pair, table[["ImageId", "ClassId", "row"]], *join_runs(owners, runs), tuple(notes)
    )


def masked_rows(table):
    """The rows that hold runs, sound or not.

    Args:
        table: table of `read_rows`.

    Returns:
        (positions, texts): positions in the table, and their cells of runs.
    """
    filled = [(position, text) for position, text in enumerate(table["EncodedPixels"].tolist()) if text.strip(" ")]
    return [position for position, _ in filled], [text for _, text in filled]


def join_runs(owners, runs):
    """Join the runs of several masks into three arrays.

    Args:
        owners: a number for each mask.
        runs: (starts, lengths) of each mask, as `parse_runs` gives them.

    Returns:
        (owners, starts, lengths), int64 arrays of shape (all runs,).

    Example:
        >>> owners, starts, lengths = join_runs([7, 9], [([1, 4], [2, 1]), ([3], [3])])
        >>> owners.tolist(), starts.tolist(), lengths.tolist()
        ([7, 7, 9], [1, 4, 3], [2, 1, 3])
    """
    empty = np.empty(0, np.int64)
    counts = [len(starts) for starts, _ in runs]
    starts = np.concatenate([empty, *[starts for starts, _ in runs]])
    lengths = np.concatenate([empty, *[lengths for _, lengths in runs]])
    return np.repeat(np.asarray(owners, np.int64), counts), starts, lengths


def lay_out(starts, codes, count, shape):
    """Put runs of many images one behind the other.

    Args:
        starts: first pixels within the image, counted from 1, shape (runs,).
        codes: number of each run's image, from 0, same shape.
        count: how many images there are.
        shape: (height, width) that no image exceeds.

    Returns:
        First pixels along the line of all images, counted from 1, same shape.

    Raises:
        ValueError: there are more pixels than 64 bits count.

    Example:
        >>> lay_out(np.array([1, 2]), np.array([0, 3]), 4, (10, 10)).tolist()
        [1, 302]
    """
    pixels = int(shape[0]) * int(shape[1])
    if pixels * count >= 2**62:
        raise ValueError(
            f"{count:,} masks of {shape[0]} x {shape[1]} pixels are more than 64 bits can count. Give the images' size."
        )
    return starts + codes * pixels


def usual_classes(table):
    """The classes that at least half of the images have a row for, sorted; all of them where no class is as common.

    Args:
        table: table with ImageId and ClassId; a class of 0 is none.

    Example:
        >>> usual_classes(pd.DataFrame({"ImageId": ["a", "a", "b", "b", "c"], "ClassId": [1, 2, 1, 7, 1]}))
        [1]
    """
    sound = table[table["ClassId"] > 0]
    counts = sound.groupby("ClassId")["ImageId"].nunique()
    common = counts[2 * counts >= sound["ImageId"].nunique()]
    return [int(class_id) for class_id in sorted((common if len(common) else counts).index)]


def missing_classes(table, class_ids):
    """Find the images that lack the row of a class.

    Args:
        table: table with ImageId, ClassId and row.
        class_ids: the classes that each image needs.

    Returns:
        List of (image id, its first row, the classes that it lacks), in the file's order.
    """
    there = set(zip(table["ImageId"], table["ClassId"], strict=True))
    if len(there) == table["ImageId"].nunique() * len(class_ids) and not set(table["ClassId"]) - set(class_ids):
        return []
    first = table.drop_duplicates("ImageId")
    lacking = (
        (image_id, row, [class_id for class_id in class_ids if (image_id, class_id) not in there])
        for image_id, row in zip(first["ImageId"], first["row"], strict=True)
    )
    return [found for found in lacking if found[2]]


def repeated_rows(table):
    """Find the rows whose image and class stand in a row before.

    Args:
        table: table with ImageId, ClassId and row.

    Returns:
        List of (row, image id, what is wrong), in the file's order.
    """
    pairs = ["ImageId", "ClassId"]
    repeated = table.duplicated(pairs)
    if not repeated.any():
        return []
    first = table.groupby(pairs, sort=False)["row"].transform("min")
    return [
        (row, image_id, f"image {shorten(image_id)} has class {class_id} a second time, after row {before}")
        for row, image_id, class_id, before in table[["row", *pairs]][repeated]
        .assign(before=first)
        .itertuples(index=False, name=None)
    ]


def match_files(first, second, shape, *, image_ids=None, place="the folder of images"):
    """Match two files by image and class, and count the pixels of each pair.

    Which pairs there are is told by a file with a row for each image and class, and the other may name no others. Where
    both have rows for masks alone, they are those of `image_ids`, or else of the images that either names, with the
    classes from 1 to the last one named.

    Args:
        first: `RunFile`; the truth, where one of the two is.
        second: `RunFile`.
        shape: (height, width) that both were read with.
        image_ids: ids of all images, or None where they are not known.
        place: where these come from, for messages.

    Returns:
        `MatchedPairs`.

    Raises:
        ValueError: a file names an image or class that the other one, or `image_ids`, does not have; there is no row
            at all; or there are too many pairs.
    """
    images = _common_values(first, second, "ImageId", "image", image_ids, place)
    classes = _common_values(first, second, "ClassId", "class", None, place)
    if not images or not classes:
        raise ValueError(f"{first.path} and {second.path} have no row; expected masks to compare. Are they cut off?")
    if len(images) * len(classes) > MOST_PAIRS:
        raise ValueError(
            f"{first.path}, {second.path}: {len(images):,} images and {len(classes):,} classes are more than can be "
            "held in memory. Is ClassId the column of another number?"
        )
    notes = (*first.notes, *second.notes, *_note_images(first, second, images, classes, image_ids))
    notes += (*_note_classes(first, second), *_note_classes(second, first))
    codes = [_pair_codes(file, images, classes) for file in (first, second)]
    size = (len(images), len(classes))
    areas = [
        _sum_by_pair(code[file.owners], file.lengths, size) for file, code in zip((first, second), codes, strict=True)
    ]
    shared = _sum_by_pair(codes[0][first.owners], _shared_by_run(first, second, codes, size, shape), size)
    rows = tuple(_rows_by_pair(file, code, size) for file, code in zip((first, second), codes, strict=True))
    return MatchedPairs(images, list(classes), PixelCounts(*areas, shared), rows, notes)


def _check_repeats(path, table):
    for row, _, problem in repeated_rows(table)[:1]:
        raise row_error(path, row, problem, MEND_REPEATED)


def _check_whole(path, table):
    """Raise an error unless each image has the row of each class."""
    if table.empty:
        raise ValueError(f"{path}: there is no row below the header. Write the file again.")
    class_ids = usual_classes(table)
    for record in table[~table["ClassId"].isin(class_ids)].head(1).itertuples(index=False):
        raise row_error(
            path,
            record.row,
            f"image {shorten(record.ImageId)} has class {record.ClassId}, for which most images have no row",
            "Delete the row, or add it to all images.",
        )
    for image_id, row, lacking in missing_classes(table, class_ids)[:1]:
        raise row_error(
            path,
            row,
            f"image {shorten(image_id)} has no row for class {lacking[0]}",
            MEND_MISSING,
        )


def _parse_row(path, row, text, shape):
    try:
        return parse_runs(text, shape)
    except RunError as error:
        raise row_error(path, row, error.problem, spreadsheet_damage(text) or error.mend) from None


def _common_values(first, second, column, noun, given, place):
    """The images or classes that the two files are about, after a check that neither leaves them."""
    files = (first, second)
    values = [dict.fromkeys(file.table[column].tolist()) for file in files]
    whole = [position for position, file in enumerate(files) if file.row_per_pair]
    if given is not None:
        base, source = dict.fromkeys(given), place
    elif whole:
        base, source = values[whole[0]], files[whole[0]].path
    elif column == "ClassId":
        return range(1, max([*values[0], *values[1]], default=0) + 1)
    else:
        return list(values[0] | values[1])
    for file, own in zip(files, values, strict=True):
        _check_inside(file, own, base, column, noun, source)
    for position in whole:
        if given is None and position != whole[0]:
            _check_inside(files[whole[0]], base, values[position], column, noun, files[position].path)
        elif given is not None and base.keys() - values[position].keys():
            lacking = min(base.keys() - values[position].keys())
            raise ValueError(
                f"{files[position].path}: {noun} {shorten(lacking)} of {place} has no row. "
                "Are both of the same data set?"
            )
    return list(base) if column == "ImageId" else sorted(base)


def _check_inside(file, own, base, column, noun, source):
    """Raise an error that names the first row of an image or class that is not among the `base`."""
    strange = own.keys() - base.keys()
    if not strange:
        return
    record = file.table[file.table[column].isin(strange)].iloc[0]
    others = f", nor are {len(strange) - 1:,} others" if len(strange) > 1 else ""
    value = shorten(record[column]) if column == "ImageId" else record[column]
    raise row_error(
        file.path, record["row"], f"{noun} {value} is not in {source}{others}", "Are both of the same data set?"
    )


def _note_images(first, second, images, classes, given):
    """What a reader has to know where neither file tells which images there are."""
    if first.row_per_pair or second.row_per_pair:
        return ()
    notes = []
    if given is None:
        _check_overlap(first, second)
        notes.append(
            f"Neither file tells which images there are: these numbers are of the {len(images):,} images that either "
            "names, and leave out those that both take to be free of defects. Name the folder of all images (--images)."
        )
    notes.append(f"Neither file tells which classes there are: taken as 1 to {len(classes)}.")
    return tuple(notes)


def _note_classes(file, other):
    """Classes that a file with a row for each image and class has, and one with rows for masks alone doesn't name."""
    lacking = sorted(set(other.table["ClassId"]) - set(file.table["ClassId"]))
    if file.row_per_pair or not other.row_per_pair or not lacking:
        return ()
    names = ", ".join(map(str, lacking))
    return (
        f"{file.path} has no mask of class {names}, which {other.path} has rows for: taken as free of it. Are both of "
        "the same data set?",
    )


def _check_overlap(first, second):
    """Raise an error where two files have no image in common."""
    if len(first.table) and len(second.table) and not set(first.table["ImageId"]) & set(second.table["ImageId"]):
        raise ValueError(
            f"{first.path} and {second.path} have no image in common. Are both of the same data set? Then name the "
            "folder of its images (--images)."
        )


def _pair_codes(file, images, classes):
    """Number of each row's pair: images one after the other, each with its classes."""
    image = pd.Index(images, dtype="object").get_indexer(file.table["ImageId"].astype("object"))
    return image * len(classes) + pd.Index(list(classes)).get_indexer(file.table["ClassId"])


def _sum_by_pair(codes, values, size):
    # As floats these sums are exact up to 2 ** 53 pixels, which no image has.
    return np.bincount(codes, weights=values, minlength=size[0] * size[1]).astype(np.int64).reshape(size)


def _rows_by_pair(file, codes, size):
    rows = np.zeros(size, np.int64)
    rows.flat[codes] = file.table["row"]
    return rows


def _shared_by_run(first, second, codes, size, shape):
    """For each run of the first file, the pixels that the second has of the same image and class."""
    count = size[0] * size[1]
    starts, other = (
        lay_out(file.starts, code[file.owners], count, shape) for file, code in zip((first, second), codes, strict=True)
    )
    order = np.argsort(other, kind="stable")
    return shared_pixels(starts, first.lengths, other[order], second.lengths[order])
