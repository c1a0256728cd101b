"""Two submissions side by side: how far they agree where there is no truth, and where they differ most."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from helpers.data.problems import one_line
from helpers.inference.pairs import MatchedPairs, match_paths
from helpers.inference.score import print_table
from helpers.inference.submission import COMPETITION_SHAPE
from helpers.metrics import dice_by_pair, ratios


@dataclass(frozen=True, eq=False)
class Comparison:
    """How two submissions compare; printed, both tables with the notes below them.

    Attributes:
        first: the file that the tables call A.
        second: the file that they call B.
        pairs: `MatchedPairs` of the two.
        most: how many rows `differing` gives.
    """

    first: Path
    second: Path
    pairs: MatchedPairs
    most: int

    def agreement(self):
        """How far the two agree.

        Returns:
            Table with a row `all` and one for each class: `mean_dice` (mean Dice between the two over every image and
            class, 1 where both are empty), `mean_dice_of_found` (over the pairs where either has something; NaN
            without any), and the numbers of pairs, of those where A, B and either has something.
        """
        rows = {name: _agree(counts) for name, counts in self.pairs.by_class().items()}
        return pd.DataFrame.from_dict(rows, orient="index")

    def differing(self):
        """The rows on which the two differ most.

        Returns:
            Table of at most `most` rows, the most differing pixels first: image, class, rows A and B (the files'
            records; missing where there is none), pixels A and B, `shared`, `differing` (pixels that one of the two
            has) and `dice`. Empty where the two are the same.
        """
        counts = self.pairs.counts
        differing = (counts.true + counts.predicted - 2 * counts.shared).ravel()
        chosen = np.argsort(-differing, kind="stable")[: self.most]
        chosen = chosen[differing[chosen] > 0]
        image, index = np.unravel_index(chosen, counts.true.shape)
        return pd.DataFrame(
            {
                "image": [one_line(self.pairs.image_ids[position]) for position in image],
                "class": [self.pairs.class_ids[position] for position in index],
                "row A": _rows_there(self.pairs.rows[0].flat[chosen]),
                "row B": _rows_there(self.pairs.rows[1].flat[chosen]),
                "pixels A": counts.true.flat[chosen],
                "pixels B": counts.predicted.flat[chosen],
                "shared": counts.shared.flat[chosen],
                "differing": differing[chosen],
                "dice": dice_by_pair(counts).flat[chosen],
            }
        )

    def __str__(self):
        differing = self.differing()
        lines = [f"A: {self.first}", f"B: {self.second}", "", print_table(self.agreement()), ""]
        if len(differing):
            lines += ["Where they differ most:", print_table(differing.set_index("image").rename_axis(None))]
        else:
            lines.append("They have the same masks.")
        return "\n".join([*lines, *self.pairs.notes])


def compare_submissions(first, second, *, shape=COMPETITION_SHAPE, images=None, most=20):
    """Compare two submissions, straight from their runs.

    Args:
        first: CSV file in either of the competition's formats.
        second: the same.
        shape: (height, width) of the images in pixels, to check the runs against; where sizes differ, the largest.
        images: folder of the images that the files are about, needed where both name no image without a mask.
        most: how many of the rows that differ to list.

    Returns:
        `Comparison`.

    Raises:
        FileNotFoundError, IsADirectoryError: a file is missing.
        ValueError: `most` is negative; a file can't be read as masks, or the two don't match: the message names file
            and row.
    """
    if most < 0:
        raise ValueError(f"most is {most}; expected 0 or more rows to list.")
    return Comparison(Path(first), Path(second), match_paths(first, second, shape, images), most)


def _rows_there(rows):
    """Rows of a file, missing where there is none."""
    return pd.array(np.where(rows > 0, rows, None), dtype="Int64")


def _agree(counts):
    """One row of the table of agreement."""
    dice, either = dice_by_pair(counts), (counts.true + counts.predicted) > 0
    return {
        "mean_dice": float(ratios(dice.sum(), dice.size)),
        "mean_dice_of_found": float(ratios(dice[either].sum(), either.sum())),
        "pairs": dice.size,
        "in A": int((counts.true > 0).sum()),
        "in B": int((counts.predicted > 0).sum()),
        "in either": int(either.sum()),
    }
