"""Losses by hand, against the metric of the same name, and at their limits."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from helpers.counts import pixel_counts
from helpers.metrics import batch_dice_coef, defect_dice
from helpers.models.losses import (
    LOSSES,
    BatchDice,
    DefectDice,
    bce,
    bce_dice_loss,
    class_dice_loss,
    dice_coef,
    dice_loss,
    focal,
    focal_tversky,
    make_loss,
    require_binary_labels,
    tversky,
)

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


@pytest.mark.parametrize("loss", [dice_coef, *LOSSES.values()])
@pytest.mark.parametrize("shape", [(1, 2, 1, 1), (2, 2, 1, 2), (2, 2)])
def test_losses_of_different_shapes(loss, shape):
    """NumPy's rules would stretch the smaller one without a word."""
    with pytest.raises(ValueError, match=r"y_true has shape.*expected the same shape"):
        loss(batch_of([1, 1, 0, 0]), np.zeros(shape, "float32"))


@pytest.mark.parametrize("loss", LOSSES.values())
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


@pytest.mark.parametrize("loss", LOSSES.values())
def test_losses_fall_towards_the_truth(loss):
    """A step against the gradient raises what is true and lowers what is not."""
    y_true, y_pred = tf.constant(batch_of([1, 1, 0, 0])), tf.fill((1, 2, 1, 2), 0.5)
    with tf.GradientTape() as tape:
        tape.watch(y_pred)
        value = loss(y_true, y_pred)
    assert np.sign(tape.gradient(value, y_pred).numpy()).reshape(-1).tolist() == [-1, -1, 1, 1]


@settings(max_examples=60)
@given(st.data())
def test_losses_are_never_negative(data):
    """For every mask of 0 and 1 and every prediction in [0, 1]; and the coefficient is in [0, 1]."""
    shape = data.draw(st.tuples(*[st.integers(1, 4)] * 4))
    y_true = data.draw(st_numpy.arrays("float32", shape, elements=st.sampled_from([0.0, 1.0])))
    y_pred = data.draw(st_numpy.arrays("float32", shape, elements=st.floats(0, 1, width=32)))
    assert 0 <= float(dice_coef(y_true, y_pred)) <= 1
    assert 0 <= float(dice_loss(y_true, y_pred)) <= 1
    for loss in LOSSES.values():
        assert 0 <= float(loss(y_true, y_pred)) < np.inf
    assert float(tversky(y_true, y_pred)) <= 1 and float(focal_tversky(y_true, y_pred)) <= 1
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


# Two classes of three pixels each: true, predicted, and the Tversky index of each class with alpha 0.7, smoothed by 1:
# (shared + 1) / (shared + 0.7 missed + 0.3 invented + 1)
TVERSKY_TABLE = [
    ([1, 1, 0], [1, 1, 0], 1.0),  # the same: 3 / 3
    ([1, 1, 0], [0, 0, 0], 1 / 2.4),  # both missed: 1 / (1.4 + 1)
    ([0, 0, 0], [1, 1, 0], 1 / 1.6),  # both invented: 1 / (0.6 + 1)
    ([0, 0, 0], [0, 0, 0], 1.0),  # both empty: 1 / 1
    ([1, 1, 1], [1, 1, 1], 1.0),  # full
    ([1, 1, 0], [1, 0, 1], 2 / 3.0),  # one shared, one missed, one invented: 2 / (1 + 0.7 + 0.3 + 1)
    ([1, 0, 0], [0.5, 0.5, 0], 1.5 / 2.0),  # soft: half shared, half missed, half invented
]


def two_classes(first, second):
    """A batch of one image of 1 x 3 pixels."""
    return np.stack([first, second], axis=-1).astype("float32").reshape(1, 1, 3, 2)


@pytest.mark.parametrize(("true", "predicted", "index"), TVERSKY_TABLE)
def test_tversky_worked_by_hand(true, predicted, index):
    """Class by class, then the mean: the second class is found in full."""
    y_true, y_pred = two_classes(true, [0, 1, 1]), two_classes(predicted, [0, 1, 1])
    assert float(tversky(y_true, y_pred)) == pytest.approx((1 - index) / 2, abs=1e-6)
    assert float(focal_tversky(y_true, y_pred)) == pytest.approx((1 - index) ** 0.75 / 2, abs=1e-5)
    weighted = float(tversky(y_true, y_pred, class_weights=(3, 1)))
    assert weighted == pytest.approx(3 * (1 - index) / 4, abs=1e-6)


def test_tversky_of_alpha_one_half_is_the_dice_of_each_class():
    """(shared + 1) / (half of both + 1) is 2 (shared + 1) / (both + 2): Dice, smoothed by 2."""
    y_true, y_pred = two_classes([1, 1, 0], [0, 0, 1]), two_classes([0.9, 0.2, 0.4], [0.1, 0.6, 0.8])
    expected = np.mean([1 - dice_coef(y_true[..., [c]], y_pred[..., [c]], smooth=2.0) for c in (0, 1)])
    assert float(class_dice_loss(y_true, y_pred)) == pytest.approx(float(expected), abs=1e-6)


def test_tversky_is_not_flattened_over_classes():
    """A large class that is found doesn't hide a small one that is missed."""
    y_true, y_pred = np.zeros((1, 10, 10, 2), "float32"), np.zeros((1, 10, 10, 2), "float32")
    y_true[..., 0] = y_pred[..., 0] = 1
    y_true[0, :2, :2, 1] = 1
    assert float(tversky(y_true, y_pred)) == pytest.approx((1 - 1 / 3.8) / 2, abs=1e-6)
    assert float(dice_loss(y_true, y_pred)) < 0.03


@pytest.mark.parametrize(
    ("true", "predicted", "expected"),
    [
        ([1, 1, 1], [0.5, 0.5, 0.5], 0.25 * 0.25 * LN2),  # undecided about a defect: alpha (1 - p)^2 log
        ([0, 0, 0], [0.5, 0.5, 0.5], 0.75 * 0.25 * LN2),  # undecided about steel
        ([1, 0, 0], [0.9, 0.1, 0.1], (0.25 + 2 * 0.75) / 3 * 0.01 * -np.log(0.9)),  # nearly right: a hundredth
        ([1, 0, 0], [1, 0, 0], 0.0),  # right
    ],
)
def test_focal_worked_by_hand(true, predicted, expected):
    y_true, y_pred = two_classes(true, true), two_classes(predicted, predicted)
    assert float(focal(y_true, y_pred)) == pytest.approx(expected, rel=1e-4, abs=1e-7)


def test_focal_without_focus_is_half_of_cross_entropy():
    """Gamma 0 and alpha one half."""
    y_true, y_pred = two_classes([1, 1, 0], [0, 0, 1]), two_classes([0.9, 0.2, 0.4], [0.1, 0.6, 0.8])
    found = float(focal(y_true, y_pred, alpha=0.5, gamma=0.0))
    assert found == pytest.approx(float(bce(y_true, y_pred)) / 2, rel=1e-5)


def test_bce_weighs_classes():
    """The first class is undecided, the second right."""
    y_true, y_pred = two_classes([1, 1, 0], [1, 0, 0]), two_classes([0.5, 0.5, 0.5], [1, 0, 0])
    assert float(bce(y_true, y_pred)) == pytest.approx(LN2 / 2, rel=1e-5)
    assert float(bce(y_true, y_pred, class_weights=(3, 1))) == pytest.approx(3 * LN2 / 4, rel=1e-5)
    with pytest.raises(ValueError, match="got 3 class weights for 2 classes"):
        bce(y_true, y_pred, class_weights=(1, 1, 1))


def test_make_loss_adds_its_parts():
    y_true, y_pred = two_classes([1, 1, 0], [1, 0, 0]), two_classes([0.5, 0.2, 0.5], [0.7, 0.1, 0])
    found = float(make_loss({"bce": 0.5, "tversky": 2.0}, [1, 3])(y_true, y_pred))
    expected = 0.5 * bce(y_true, y_pred, (1, 3)) + 2 * tversky(y_true, y_pred, (1, 3))
    assert found == pytest.approx(float(expected), rel=1e-6)


def test_defect_dice_is_that_of_the_metrics():
    """Over two batches, of which pairs without a defect don't count."""
    rng = np.random.default_rng(3)
    metric, masks, found = DefectDice(), [], []
    for count in (3, 1):
        y_true = (rng.random((count, 4, 5, 3)) > 0.8).astype("uint8")
        y_true[0, ..., 1] = 0
        y_pred = rng.random((count, 4, 5, 3)).astype("float32")
        metric.update_state(y_true, y_pred)
        masks.append(y_true)
        found.append((y_pred >= 0.5).astype("uint8"))
    expected = defect_dice(pixel_counts(np.concatenate(masks), np.concatenate(found)))
    assert float(metric.result()) == pytest.approx(expected, rel=1e-6)
    metric.reset_state()
    assert float(metric.result()) == 0
    with pytest.raises(ValueError, match="no sample weights"):
        metric.update_state(masks[0], masks[0].astype("float32"), sample_weight=[1, 1, 1])
