"""A data set's faults: errors make an image or a row unusable, warnings are worth a look."""

from pathlib import Path

import pandas as pd

from helpers.data.dataset import PARTS
from helpers.data.problems import ERROR, WARNING, Problem, one_line, problem_table

ENDINGS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".bmp": "BMP", ".tif": "TIFF", ".tiff": "TIFF"}


def check_dataset(dataset, copies=None):
    """All that is wrong with a data set.

    Args:
        dataset: a `Dataset`, which brings its errors along.
        copies: table of `helpers.data.leaks.find_dataset_copies`, or None where copies were not looked for.

    Returns:
        Table of problems, errors first: severity, file, row, image_id, problem, mend.
    """
    warnings = [*_misnamed_images(dataset), *_full_masks(dataset), *_overlaps(dataset)]
    warnings += [] if copies is None else _copies(copies)
    found = [dataset.problems, problem_table(warnings)]
    table = pd.concat([part for part in found if len(part)]) if any(map(len, found)) else found[0]
    return table.sort_values("severity", kind="stable", ignore_index=True)


def summarise(problems):
    """One line: how many errors and warnings there are.

    Example:
        >>> summarise(problem_table([]))
        '0 errors, 0 warnings'
    """
    counts = [int((problems["severity"] == severity).sum()) for severity in (ERROR, WARNING)]
    return ", ".join(
        f"{count:,} {word}{'' if count == 1 else 's'}" for count, word in zip(counts, (ERROR, WARNING), strict=True)
    )


def print_problems(problems, most=20, say=print):
    """Print the problems, at most so many of each kind of mend, and the summary last."""
    for (severity, mend), kind in problems.groupby(["severity", "mend"], sort=False):
        for problem in kind.head(most).itertuples(index=False):
            place = problem.file if pd.isna(problem.row) else f"{problem.file}: row {problem.row}"
            say(f"{severity}: {one_line(place)}: {one_line(problem.problem)}. {mend}")
        if len(kind) > most:
            say(f"{severity}: ... and {len(kind) - most:,} more of this kind")
    say(summarise(problems))


def _misnamed_images(dataset):
    """Images whose data is of another format than their name says."""
    for image in dataset.images.itertuples(index=False):
        named = ENDINGS.get(Path(image.image_id).suffix.lower())
        if named and named != image.format:
            yield Problem(
                WARNING,
                f"{PARTS[image.part]}/{image.image_id}",
                None,
                image.image_id,
                f"the file holds {image.format} data under the name of a {named} file",
                "It is read by its content; rename it if other programs have to read it.",
            )


def _full_masks(dataset):
    """Masks that cover their whole image."""
    pixels = dataset.pixels
    for row in dataset.labels.itertuples(index=False):
        if row.area == pixels[row.ImageId]:
            yield Problem(
                WARNING,
                "train.csv",
                row.row,
                row.ImageId,
                f"class {row.ClassId} covers the whole image",
                "Look at the image: was the mask inverted?",
            )


def _overlaps(dataset):
    """Pixels that carry two classes."""
    rows = dataset.labels.groupby("ImageId")["row"].agg(["count", "max"])
    for image_id, row in rows.loc[rows["count"] > 1, "max"].items():
        shared = int((dataset.masks(image_id).sum(axis=-1) > 1).sum())
        if shared:
            yield Problem(
                WARNING,
                "train.csv",
                int(row),
                image_id,
                f"{shared:,} pixels of the image carry more than one class",
                "A pixel is of one class in the competition's data; take it out of one of the masks.",
            )


def _copies(copies):
    """Images that are copies of another one, each listed once."""
    return [
        Problem(
            WARNING,
            pair.second,
            None,
            pair.second.partition("/")[2],
            f"the image is a copy of {pair.first} ({pair.transform})",
            "Keep copies in one part of the split; 02_preprocessing does so.",
        )
        for pair in copies.drop_duplicates("second").itertuples(index=False)
    ]
