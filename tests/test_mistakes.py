"""What goes wrong, measured on labels alone."""

import numpy as np
import pandas as pd
import pytest

from helpers.data.dataset import read_dataset
from helpers.data.mistakes import (
    dice_of_the_largest,
    dropped_images,
    known_from_copies,
    off_by_one_costs,
    share_found_for,
    shift_by_one,
)
from helpers.metrics import batch_dice_coef
from helpers.rle import mask2rle, rle2mask


def test_shift_by_one_is_what_the_wrong_decoder_gives():
    """Runs decoded from a start counted from 0, one run after the other, on an image that is not square."""
    mask = (np.random.default_rng(0).random((7, 11)) < 0.4).astype(np.uint8)
    values = np.array(mask2rle(mask).split(), int)
    late = np.zeros(mask.size + 1, np.uint8)
    for start, length in zip(values[::2], values[1::2], strict=True):
        late[start : start + length] = 1
    expected = late[: mask.size].reshape(mask.shape, order="F")
    np.testing.assert_array_equal(shift_by_one(mask), expected)


def test_off_by_one_costs_thin_masks_most(tiny_data):
    """Hand-worked: a run of length n keeps n - 1 of its pixels, so its Dice is (n - 1) / n."""
    dataset = read_dataset(tiny_data("ImageId,ClassId,EncodedPixels\na.jpg,1,2 1\nb.jpg,2,1 4\n"))
    costs = off_by_one_costs(dataset, dataset.training_ids).set_index("image_id")
    assert costs["pixels"].to_dict() == {"a.jpg": 1, "b.jpg": 4}
    assert costs.loc["a.jpg", "dice"] == 0 and costs.loc["b.jpg", "dice"] == pytest.approx(3 / 4)
    assert costs["ClassId"].tolist() == [1, 2]


def test_off_by_one_costs_agree_with_decoding(tiny_data):
    dataset = read_dataset(tiny_data("ImageId,ClassId,EncodedPixels\na.jpg,1,2 3 8 4\n"))
    mask = rle2mask("2 3 8 4", dataset.shape_of("a.jpg"))
    late = shift_by_one(mask)
    (dice,) = off_by_one_costs(dataset, dataset.training_ids)["dice"]
    assert dice == pytest.approx(2 * (mask & late).sum() / (mask.sum() + late.sum()))


def test_dice_of_the_largest_is_the_paper_s_of_such_a_prediction():
    """Three masks of 8, 4 and 2 pixels; the first found, the first two, all."""
    areas = pd.DataFrame({1: [8, 0, 2], 2: [0, 4, 0]})
    curve = dice_of_the_largest(areas)
    truth = np.zeros((3, 4, 4, 2))
    truth[0, ..., 0].flat[:8] = truth[1, ..., 1].flat[:4] = truth[2, ..., 0].flat[:2] = 1
    for found, row in zip(([], [0], [0, 1], [0, 1, 2]), curve.itertuples(), strict=True):
        predicted = np.zeros_like(truth)
        predicted[found] = truth[found]
        assert row.batch_dice == pytest.approx(batch_dice_coef(truth, predicted, smooth=0))
        assert row.share == pytest.approx(len(found) / 3)
    assert share_found_for(curve, 0.7) == pytest.approx(1 / 3) and share_found_for(curve, 0.8) == pytest.approx(2 / 3)


def test_dice_of_the_largest_without_a_defect():
    curve = dice_of_the_largest(pd.DataFrame({1: [0, 0]}))
    assert curve.to_dict("list") == {"share": [0.0], "batch_dice": [0.0]}
    assert np.isnan(share_found_for(curve, 0.5))


def test_dropped_images_are_the_remainder():
    table = dropped_images({"train": 69, "holdout": 23, "validation": 0}, (8, 32))
    assert table.values.tolist() == [
        ["train", 69, 8, 5, 5 / 69], ["train", 69, 32, 5, 5 / 69],
        ["holdout", 23, 8, 7, 7 / 23], ["holdout", 23, 32, 23, 1.0],
    ]  # fmt: skip


def test_known_from_copies_knows_what_was_trained_on():
    """c is a copy of a and of the same classes, d a copy of b and of others; e stands alone."""
    ids = list("abcde")
    areas = pd.DataFrame({1: [3, 0, 5, 2, 0], 2: [0, 1, 0, 1, 0]}, index=ids)
    groups = pd.Series([0, 1, 0, 1, 2], index=ids)
    parts = pd.Series(["train", "train", "holdout", "holdout", "holdout"], index=ids)
    assert known_from_copies(areas, groups, parts) == {"images": 3, "with_copy": 2, "right": 1}
    by_group = pd.Series(["train", "train", "train", "validation", "holdout"], index=ids)
    assert known_from_copies(areas, groups, by_group) == {"images": 1, "with_copy": 0, "right": 0}
