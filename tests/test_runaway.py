"""The training that goes wrong."""

import numpy as np
import pytest

from helpers.models.losses import bce_dice_loss
from helpers.models.runaway import train_with_labels, wrong_bce_dice_loss
from tiny_models import tiny_dataset

LOGITS = np.array([[[[-30.0], [0.0], [2.0], [30.0]]]], np.float32)


def test_wrong_loss_of_right_labels_is_the_right_one():
    """With labels of 0 and 1 both paths give what ours gives."""
    truth = np.array([[[[0.0], [1.0], [0.0], [1.0]]]], np.float32)
    expected = float(bce_dice_loss(truth, 1 / (1 + np.exp(-LOGITS))))
    for path in ("logits", "clipped"):
        assert float(wrong_bce_dice_loss(truth, LOGITS, path)) == pytest.approx(expected, abs=1e-5)


def test_wrong_loss_has_no_floor_from_logits_and_one_when_clipped():
    """Hand-worked: x(1 - z) for a large x; clipped, log(1e-7) = -16.1 times z less the log of nearly 1."""
    truth = np.full((1, 1, 1, 1), 255.0, np.float32)
    for logit in (1e2, 1e4, 1e6):
        x = np.full((1, 1, 1, 1), logit, np.float32)
        dice = (2 * 255 + 1) / (255 + 1 + 1)
        assert float(wrong_bce_dice_loss(truth, x, "logits")) == pytest.approx(logit * -254 + 1 - dice, rel=1e-4)
        clipped = float(wrong_bce_dice_loss(truth, x, "clipped"))
        assert clipped == pytest.approx(-254 * 16.1 + 1 - dice, rel=0.02)


def test_wrong_loss_of_a_strange_path():
    with pytest.raises(ValueError, match="path: got 'probabilities', expected one of: logits, clipped"):
        wrong_bce_dice_loss(LOGITS, LOGITS, "probabilities")


def test_train_with_labels_runs_away_above_1_alone(tmp_path):
    """The same images and first weights; the first Dice of the first step differs by the labels alone."""
    dataset = tiny_dataset(tmp_path / "tiny", 6)
    ids = dataset.training_ids
    wrong, right = (
        train_with_labels(dataset, ids, (32, 64), 1, label=label, path="logits", steps=30) for label in (255, 1)
    )
    assert wrong["step"].tolist() == list(range(1, 31))
    assert wrong["loss"].min() < -1000 and (right["loss"] > 0).all()
    assert wrong["dice_coef"].max() > 1 >= right["dice_coef"].max()
    again = train_with_labels(dataset, ids, (32, 64), 1, label=255, path="logits", steps=3)
    np.testing.assert_allclose(again["loss"], wrong["loss"][:3], rtol=1e-5)
