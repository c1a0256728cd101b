"""Submissions that were uploaded: linted, scored where the truth is known, and compared with others."""

import secrets
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from helpers.dashboard.catalogue import TEST, TRAIN, largest_shape
from helpers.data.problems import ERROR
from helpers.data.tables import ROW_PER_PAIR
from helpers.files import write_csv
from helpers.inference.compare import Comparison, compare_submissions
from helpers.inference.lint import lint_submission
from helpers.inference.score import score_submission
from helpers.inference.submission import FORMATS, read_rows, row_error, write_encoded
from helpers.inference.workbook import read_workbook

MOST_UNPACKED = 96 * 2**20  # of a workbook; some ten times what one of the competition's submissions takes
WORKBOOK = b"PK\x03\x04"
OURS = "ours"


@dataclass(frozen=True, eq=False)
class Uploaded:
    """A submission that was uploaded, or ours in its form.

    Attributes:
        name: what its sender calls it; for messages.
        path: its file as CSV.
        part: "train" or "test": the part of the data set that its images are of; "" where they are of none.
        known: number of its images that are in that part.
        problems: table of `helpers.inference.lint.lint_submission`.
        runs: dict of image id -> list of run-length texts, one for each class of the data set; empty where there are
            errors among the problems.
        version: stands in the addresses of its masks, so that no browser takes those of a file before for these.
    """

    name: str
    path: Path
    part: str
    known: int
    problems: pd.DataFrame
    runs: dict = field(repr=False)
    version: str = field(default_factory=lambda: secrets.token_hex(4))

    @property
    def sound(self):
        """Whether the competition's scorer would take it."""
        return not (self.problems["severity"] == ERROR).any()


def read_uploaded(path, name, catalogue):
    """Read and lint an uploaded file.

    Args:
        path: the file: CSV or an Excel workbook, by its content.
        name: what messages call it.
        catalogue: `Catalogue`.

    Returns:
        `Uploaded`.

    Raises:
        ValueError: it is no submission at all; the message names it by its name.
    """
    table = Path(f"{path}.csv")
    try:
        _as_csv(path, table)
        rows = read_rows(table).table
        part, known = _part_of(rows, catalogue)
        problems = _lint(table, part, catalogue)
        _check_classes(table, rows, catalogue.dataset)
    except ValueError as error:
        raise ValueError(_by_name(str(error), (table, path), name)) from None
    for column in ("file", "problem", "mend"):
        problems[column] = [_by_name(text, (table, path), name) for text in problems[column]]
    errors = (problems["severity"] == ERROR).any()
    runs = {} if errors else _runs_of(rows, catalogue.dataset.num_classes)
    return Uploaded(name, table, part, known, problems, runs)


def score_uploaded(uploaded, catalogue):
    """Score a submission against the labels.

    Args:
        uploaded: `Uploaded` whose images are of the training part.
        catalogue: `Catalogue`.

    Returns:
        `helpers.inference.score.SubmissionScores` of those of its images that have labels.

    Raises:
        ValueError: the scorer would refuse it.
    """
    dataset = catalogue.dataset
    truth = {
        image_id: dataset.runs(image_id) for image_id in uploaded.runs if catalogue.row_of(TRAIN, image_id) is not None
    }
    names = [_write_runs(uploaded, tag, runs, list(truth)) for tag, runs in (("truth", truth), ("own", uploaded.runs))]
    try:
        return score_submission(names[1], names[0], shape=largest_shape(dataset))
    except ValueError as error:
        raise ValueError(_by_name(str(error), (names[1],), uploaded.name)) from None


def compare_uploaded(first, second, catalogue, most=12):
    """Compare two submissions on the images that both speak of.

    Args:
        first: `Uploaded`.
        second: the same, or ours.
        catalogue: `Catalogue`.
        most: how many of the rows that differ to give.

    Returns:
        (`helpers.inference.compare.Comparison`, number of images that both speak of).

    Raises:
        ValueError: they have no image in common.
    """
    both = [image_id for image_id in first.runs if image_id in second.runs]
    if not both:
        raise ValueError(
            f"{first.name} and {second.name} have no image in common; expected two of the same images. "
            "Are both of the same part of the data?"
        )
    names = [_write_runs(first, tag, each.runs, both) for tag, each in (("compared-a", first), ("compared-b", second))]
    compared = compare_submissions(*names, shape=largest_shape(catalogue.dataset), most=most)
    return Comparison(Path(first.name), Path(second.name), compared.pairs, most), len(both)


def ours(part, catalogue, scores=None):
    """Our own predictions in the form of an upload.

    Args:
        part: "test": those of the run's submission; "train": those of labelled images by networks that never saw them.
        catalogue: `Catalogue`.
        scores: `ModelScores` of the model that is asked for, for "train".

    Returns:
        `Uploaded`; None where the run has none.
    """
    if part == TEST:
        name, runs = "our submission.csv", catalogue.test_runs
    elif scores is not None:
        name, runs = f"ours ({scores.name})", dict(zip(scores.image_ids, scores.runs, strict=True))
    else:
        name, runs = "", {}
    empty = pd.DataFrame({"severity": []}, dtype="str")
    return Uploaded(name, Path(), part, len(runs), empty, runs) if runs else None


def areas_of(uploaded, image_id):
    """Pixels of each class that a submission marks on an image: int64 array (classes,)."""
    return np.array([sum(map(int, text.split()[1::2])) for text in uploaded.runs[image_id]], np.int64)


def _as_csv(path, table):
    """Write the file as CSV beside it, whatever it is."""
    with path.open("rb") as file:
        is_workbook = file.read(4) == WORKBOOK
    if not is_workbook:
        path.replace(table)
        return
    rows = read_workbook(path, most_unpacked=MOST_UNPACKED)
    columns = next(columns for columns in FORMATS if set(columns) <= set(rows))
    write_csv(table, rows[columns], index=False)


def _part_of(rows, catalogue):
    """(part, number of images in it): the part of the data set that most of a file's images are of."""
    image_ids = rows["ImageId"].unique()
    known = {part: sum(catalogue.row_of(part, each) is not None for each in image_ids) for part in (TEST, TRAIN)}
    part = max(known, key=known.get)
    return (part, known[part]) if known[part] else ("", 0)


def _lint(table, part, catalogue):
    """What is wrong with a file: held against the test images where it is of them."""
    if part == TEST:
        return lint_submission(table, data=catalogue.dataset.directory)
    return lint_submission(table, shape=largest_shape(catalogue.dataset))


def _check_classes(table, rows, dataset):
    """Stop at a row of a class that the data set doesn't have."""
    for row, class_id in rows.loc[rows["ClassId"] > dataset.num_classes, ["row", "ClassId"]].head(1).to_numpy():
        raise row_error(
            table,
            row,
            f"class {class_id}; expected one of the {dataset.num_classes} of {dataset.name}",
            "Is it the submission of another data set?",
        )


def _runs_of(rows, num_classes):
    """Runs: dict of image id -> texts of its classes, of the rows of a sound file."""
    found = {image_id: [""] * num_classes for image_id in rows["ImageId"].unique()}
    for image_id, class_id, text in rows[["ImageId", "ClassId", "EncodedPixels"]].itertuples(index=False):
        found[image_id][class_id - 1] = text.strip()
    return found


def _write_runs(uploaded, tag, runs, image_ids):
    """A file of some images' runs, beside the upload."""
    path = uploaded.path.with_name(f"{uploaded.path.stem}-{tag}.csv")
    write_encoded(path, ((image_id, runs[image_id]) for image_id in image_ids), ROW_PER_PAIR)
    return path


def _by_name(text, paths, name):
    """A message with the sender's name in the place of our file's."""
    for path in paths:
        text = text.replace(str(path), name)
    return text
