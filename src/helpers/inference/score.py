"""The competition's scores of a submission file against a file of true masks, straight from the runs."""

from dataclasses import dataclass

import pandas as pd

from helpers.inference.pairs import MatchedPairs, match_paths
from helpers.inference.submission import COMPETITION_SHAPE
from helpers.metrics import pixel_score_terms

MEASURES = ("kaggle_dice", "all_empty_dice", "defect_dice", "empty_accuracy")


@dataclass(frozen=True, eq=False)
class SubmissionScores:
    """What a submission scores; printed, a table with the notes below it.

    Attributes:
        pairs: `MatchedPairs` of truth and submission, in this order.
    """

    pairs: MatchedPairs

    def table(self):
        """The scores and what they are of.

        Returns:
            Table with a row `all` and one for each class: `kaggle_dice`, `all_empty_dice`, `defect_dice`,
            `empty_accuracy` (NaN where undefined), and the numbers of (image, class) pairs, of those with a defect
            (`true`), and of those where one is predicted (`predicted`).
        """
        rows = {name: _score(counts) for name, counts in self.pairs.by_class().items()}
        return pd.DataFrame.from_dict(rows, orient="index")

    def __str__(self):
        return "\n".join([print_table(self.table()), *self.pairs.notes])


def score_submission(submission, truth, *, shape=COMPETITION_SHAPE, images=None):
    """Score a submission against the true masks as the competition does.

    Args:
        submission: CSV file in either of the competition's formats.
        truth: the same; also a `train.csv`, where an image without a row is free of defects.
        shape: (height, width) of the images in pixels, to check the runs against; where sizes differ, the largest.
        images: folder of the images that the files are about, needed where both name no image without a mask.

    Returns:
        `SubmissionScores`.

    Raises:
        FileNotFoundError, IsADirectoryError: a file is missing.
        ValueError: a file can't be read as masks, or the two don't match; the message names file and row.

    Source:
        Evaluation page of the Kaggle competition "Severstal: Steel Defect Detection" (2019); the parts are defined in
        `helpers.metrics`.
    """
    return SubmissionScores(match_paths(truth, submission, shape, images))


def print_table(table):
    """A table of numbers as text: fractions with five decimals as the competition shows them, `-` where undefined.

    Example:
        >>> print(print_table(pd.DataFrame({"score": [0.5, float("nan")], "images": [1200, 3]}, index=["all", "a"])))
              score images
        all 0.50000  1,200
        a         -      3
    """
    whole = [name for name in table.columns if table[name].dtype.kind == "i"]
    texts = {name: ["-" if pd.isna(number) else f"{number:,}" for number in table[name]] for name in whole}
    return table.assign(**texts).to_string(float_format="{:.5f}".format, na_rep="-")


def _score(counts):
    """One row of the table."""
    terms = pixel_score_terms(counts)
    return {name: terms[name].score() for name in MEASURES} | {
        "pairs": counts.true.size,
        "true": int((counts.true > 0).sum()),
        "predicted": int((counts.predicted > 0).sum()),
    }
