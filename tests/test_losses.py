"""Losses by hand, against the metric of the same name, and at their limits."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from helpers.metrics import batch_dice_coef
from helpers.models.losses import BatchDice, bce_dice_loss, dice_coef, dice_loss, require_binary_labels

LN2 = float(np.log(2))
# Keras keeps probabilities 1e-7 away from 0 and 1, so that no logarithm is infinite; below 1 the nearest number of
# single precision is 2 ** -23 away.
MISSED, INVENTED = float(-np.log(1e-7)), float(-np.log(2.0**-23))

TABLE = [
    # true, predicted, Dice = (2 shared + 1) / (true + predicted + 1), mean cross-entropy
    ([1, 1, 0, 0], [1, 1, 0, 0], 1.0, 0.0),  # the same: 5 / 5
    ([1, 1, 0, 0], [0, 0, 1, 1], 1 / 5, (MISSED + INVENTED) / 2),  # disjoint: 1 / 5
    ([0, 0, 0, 0], [0, 0, 0, 0], 1.0, 0.0),  # both empty: 1 / 1
    ([0, 0, 0, 0], [1, 0, 0, 0], 1 / 2, INVENTED / 4),  # nothing there, one pixel predicted: 1 / 2
    ([1, 1, 0, 0], [0, 0, 0, 0], 1 / 3, MISSED / 2),  # missed: 1 / 3
    ([1, 1, 1, 1], [1, 1, 1, 1], 1.0, 0.0),  # full: 9 / 9
    ([1, 1, 0, 0], [0.5, 0.5, 0.5, 0.5], 3 / 5, LN2),  # undecided: (2 + 1) / (2 + 2 + 1)
    ([0, 0, 0, 0], [0.5, 0.5, 0.5, 0.5], 1 / 3, LN2),  # undecided about nothing: 1 / 3
    ([1, 0, 0, 0], [0.8, 0.4, 0, 0], 2.6 / 3.2, -np.log(0.8 * 0.6) / 4),  # soft: (1.6 + 1) / (1 + 1.2 + 1)
]


def batch_of(pixels, dtype="float32"):
    """Four pixels as a batch of one image of 2 x 1 pixels and two classes."""
    return np.array(pixels, dtype).reshape(1, 2, 1, 2)


@pytest.mark.parametrize(("true", "predicted", "dice", "cross_entropy"), TABLE)
def test_dice_coef_worked_by_hand(true, predicted, dice, cross_entropy):
    """The coefficient, and what both losses make of it."""
    y_true, y_pred = batch_of(true), batch_of(predicted)
    assert float(dice_coef(y_true, y_pred)) == pytest.approx(dice, abs=1e-6)
    assert float(dice_loss(y_true, y_pred)) == pytest.approx(1 - dice, abs=1e-6)
    assert float(bce_dice_loss(y_true, y_pred)) == pytest.approx(cross_entropy + 1 - dice, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize(("true", "predicted", "dice", "cross_entropy"), TABLE)
def test_dice_coef_equals_the_metric(true, predicted, dice, cross_entropy):
    """`helpers.metrics` has the same in NumPy."""
    y_true, y_pred = batch_of(true), batch_of(predicted)
    assert float(dice_coef(y_true, y_pred)) == pytest.approx(batch_dice_coef(y_true, y_pred), abs=1e-6)
    smoothed = batch_dice_coef(y_true, y_pred, smooth=0.25)
    assert float(dice_coef(y_true, y_pred, smooth=0.25)) == pytest.approx(smoothed, abs=1e-6)


def test_dice_coef_is_taken_over_the_whole_batch():
    """Not the mean over the images: one full image and one missed pixel give 9 / 10, their mean is 3 / 4."""
    y_true = np.concatenate([batch_of([1, 1, 1, 1]), batch_of([1, 0, 0, 0])])
    y_pred = np.concatenate([batch_of([1, 1, 1, 1]), batch_of([0, 0, 0, 0])])
    assert float(dice_coef(y_true, y_pred)) == pytest.approx(9 / 10)


def test_dice_coef_takes_labels_of_any_kind():
    """Bytes and bool count as 0 and 1."""
    y_pred = batch_of([0.8, 0.4, 0, 0])
    for kind in ("uint8", "bool", "float64"):
        assert float(dice_coef(batch_of([1, 0, 0, 0], kind), y_pred)) == pytest.approx(2.6 / 3.2)


def test_dice_coef_counts_more_pixels_than_half_precision_can():
    """Half precision ends at 65,504; here are 90,000 pixels, all found."""
    ones = np.ones((1, 300, 300, 1))
    assert float(dice_coef(ones, keras.ops.ones(ones.shape, "float16"))) == 1.0
    assert float(bce_dice_loss(ones, keras.ops.ones(ones.shape, "float16"))) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("loss", [dice_coef, dice_loss, bce_dice_loss])
@pytest.mark.parametrize("shape", [(1, 2, 1, 1), (2, 2, 1, 2), (2, 2)])
def test_losses_of_different_shapes(loss, shape):
    """NumPy's rules would stretch the smaller one without a word."""
    with pytest.raises(ValueError, match=r"y_true has shape.*expected the same shape"):
        loss(batch_of([1, 1, 0, 0]), np.zeros(shape, "float32"))


@pytest.mark.parametrize("loss", [dice_loss, bce_dice_loss])
@pytest.mark.parametrize("label", [0, 1])
@pytest.mark.parametrize("probability", [0.0, 1e-12, 0.5, 1.0])
def test_losses_have_finite_gradients_on_empty_and_full_masks(loss, label, probability):
    """Also where the network is surely right or surely wrong."""
    y_true = tf.fill((2, 4, 6, 3), float(label))
    y_pred = tf.fill((2, 4, 6, 3), probability)
    with tf.GradientTape() as tape:
        tape.watch(y_pred)
        value = loss(y_true, y_pred)
    assert np.isfinite(float(value))
    assert np.isfinite(tape.gradient(value, y_pred).numpy()).all()


@pytest.mark.parametrize("loss", [dice_loss, bce_dice_loss])
def test_losses_fall_towards_the_truth(loss):
    """A step against the gradient raises what is true and lowers what is not."""
    y_true, y_pred = tf.constant(batch_of([1, 1, 0, 0])), tf.fill((1, 2, 1, 2), 0.5)
    with tf.GradientTape() as tape:
        tape.watch(y_pred)
        value = loss(y_true, y_pred)
    assert np.sign(tape.gradient(value, y_pred).numpy()).reshape(-1).tolist() == [-1, -1, 1, 1]


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_losses_are_never_negative(data):
    """For every mask of 0 and 1 and every prediction in [0, 1]; and the coefficient is in [0, 1]."""
    shape = data.draw(st.tuples(*[st.integers(1, 4)] * 4))
    y_true = data.draw(st_numpy.arrays("float32", shape, elements=st.sampled_from([0.0, 1.0])))
    y_pred = data.draw(st_numpy.arrays("float32", shape, elements=st.floats(0, 1, width=32)))
    assert 0 <= float(dice_coef(y_true, y_pred)) <= 1
    assert 0 <= float(dice_loss(y_true, y_pred)) <= 1
    assert float(bce_dice_loss(y_true, y_pred)) >= 0
    assert float(dice_coef(y_true, y_pred)) == pytest.approx(batch_dice_coef(y_true, y_pred), rel=1e-5)


def test_batch_dice_weighs_images_not_batches():
    """Three images of coefficient 1 and one of 1 / 5: (3 * 1 + 1 * 0.2) / 4."""
    metric = BatchDice()
    right, wrong = batch_of([1, 1, 0, 0]), batch_of([0, 0, 1, 1])
    metric.update_state(np.concatenate([right] * 3), np.concatenate([right] * 3))
    metric.update_state(right, wrong)
    assert float(metric.result()) == pytest.approx(0.8)
    metric.reset_state()
    metric.update_state(right, wrong)
    assert float(metric.result()) == pytest.approx(0.2)


def test_batch_dice_in_a_graph():
    """Where the number of images is known only when it runs, as in training."""
    metric = BatchDice()
    update = tf.function(
        metric.update_state, input_signature=[tf.TensorSpec((None, 2, 1, 2)), tf.TensorSpec((None, 2, 1, 2))]
    )
    right, wrong = batch_of([1, 1, 0, 0]), batch_of([0, 0, 1, 1])
    update(np.concatenate([right] * 3), np.concatenate([right] * 3))
    update(right, wrong)
    assert float(metric.result()) == pytest.approx(0.8)
    assert metric.name == "dice_coef"


def test_batch_dice_refuses_sample_weights():
    """The coefficient is of the batch as a whole."""
    masks = batch_of([1, 1, 0, 0])
    with pytest.raises(ValueError, match="dice_coef knows no sample weights"):
        BatchDice().update_state(masks, masks, sample_weight=[1.0])


@pytest.mark.parametrize("kind", ["bool", "uint8", "int64", "float32"])
def test_require_binary_labels_lets_0_and_1_through(kind):
    """Of any kind, and none at all."""
    require_binary_labels(np.array([[0, 1], [1, 0]], kind))
    require_binary_labels(np.zeros((0, 2), kind))
    require_binary_labels(tf.constant([0.0, 1.0]))


@pytest.mark.parametrize(
    ("value", "named"),
    [(255, "255"), (0.5, "0.5"), (float("nan"), "nan"), (2, "2"), (-1, "-1"), (float("inf"), "inf")],
)
def test_require_binary_labels_names_another_value(value, named):
    """The first one that is neither 0 nor 1, and what to do."""
    masks = np.array([0, 1, value, 7])
    with pytest.raises(ValueError, match=rf"a label is {named}(\.0)?, expected 0 or 1. Divide masks of 255 by 255"):
        require_binary_labels(masks)


def test_require_binary_labels_reads_tensors():
    """As they come out of the batches."""
    with pytest.raises(ValueError, match="a label is 255"):
        require_binary_labels(tf.constant([[0, 255]], tf.uint8))
