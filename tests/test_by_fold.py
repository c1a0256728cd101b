"""The rule that no judging image has a part in what it is judged by."""

import numpy as np
import pandas as pd
import pytest

from helpers.counts import PixelCounts
from helpers.inference.by_fold import apply_by_fold, choose_by_fold

TABLE = pd.DataFrame({"image_id": list("abcde"), "fold": [1, 0, 1, 2, 0]})


def test_choose_by_fold_leaves_each_judged_fold_out():
    """Every choice rests on the images of the other folds, and on all of them."""
    chosen = choose_by_fold("folds", TABLE, TABLE, lambda rows: "".join(TABLE["image_id"][rows]))
    assert chosen == {1: "bde", 0: "acd", 2: "abce"}


def test_choose_by_fold_of_a_holdout_rests_on_the_images_to_tune_on():
    """All of them, whatever fold they are of, and once."""
    asked = []
    judged = pd.DataFrame({"fold": [0, 0]})
    chosen = choose_by_fold("holdout", judged, TABLE, lambda rows: asked.append(rows.tolist()) or "tuned")
    assert chosen == {0: "tuned"} and asked == [[True] * 5]


@pytest.mark.parametrize("folds", [[1, 0, 1, 2, 0], [0, 0, 0, 0, 0], [4, 3, 2, 1, 0]])
def test_apply_by_fold_keeps_the_order_of_the_images(folds):
    """Each image by its own fold's choice."""
    counts = PixelCounts(*[np.arange(5)[:, np.newaxis] * 10] * 3)

    def apply(rows, choice):
        part = counts.take(rows)
        return PixelCounts(part.true, part.predicted - choice * (part.true > 0), part.shared - choice * (part.true > 0))

    found = apply_by_fold(TABLE.assign(fold=folds), {fold: fold for fold in set(folds)}, apply)
    assert found.true.ravel().tolist() == [0, 10, 20, 30, 40]
    assert found.predicted.ravel().tolist() == [0] + [10 * row - folds[row] for row in range(1, 5)]
