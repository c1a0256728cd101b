"""Scores of predicted masks, against hand-worked tables and a naive version that counts pixels."""

import csv
import math
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as numpy_st

from helpers import metrics
from helpers.counts import PixelCounts, pixel_counts

LABELS = Path(os.environ.get("SEVERSTAL_LABELS", Path(__file__).parents[2] / "shared" / "severstal_labels"))


@st.composite
def mask_pairs(draw):
    """True and predicted masks of up to four small images; often a class is empty in one or both."""
    shape = tuple(draw(st.integers(1, high)) for high in (4, 4, 5, 3))
    pair = []
    for _ in range(2):
        masks = draw(numpy_st.arrays(bool, shape))
        present = draw(numpy_st.arrays(bool, (shape[0], 1, 1, shape[3])))
        pair.append(masks & present)
    return pair


def naive_pairs(y_true, y_pred):
    """List (class, true pixels, predicted pixels) for every image and class, the pixels as sets of places."""
    pairs = []
    for true, predicted in zip(y_true.tolist(), y_pred.tolist(), strict=True):
        for index in range(len(true[0][0])):
            sets = [
                {(row, column) for row, line in enumerate(mask) for column, values in enumerate(line) if values[index]}
                for mask in (true, predicted)
            ]
            pairs.append((index, *sets))
    return pairs


def naive_dice(true, predicted):
    """Dice of two sets; 1 where both are empty."""
    return 2 * len(true & predicted) / (len(true) + len(predicted)) if true or predicted else 1.0


def naive_mean(values):
    """Mean of what is defined; NaN if nothing is."""
    values = [value for value in values if not math.isnan(value)]
    return sum(values) / len(values) if values else math.nan


def naive_iou(pairs):
    """Intersection over union, both summed; NaN for no pixel."""
    union = sum(len(true | predicted) for true, predicted in pairs)
    return sum(len(true & predicted) for true, predicted in pairs) / union if union else math.nan


def naive_scores(y_true, y_pred):
    """Every score of pixels, by the definitions and nothing else."""
    pairs = naive_pairs(y_true, y_pred)
    classes = range(y_true.shape[-1])
    by_class = [naive_mean([naive_dice(x, y) for c, x, y in pairs if c == index and x]) for index in classes]
    iou = [naive_iou([(x, y) for c, x, y in pairs if c == index]) for index in classes]
    outside = [~masks.any(axis=-1, keepdims=True) for masks in (y_true, y_pred)]
    background = naive_iou([(x, y) for _, x, y in naive_pairs(*outside)])
    return {
        "kaggle_dice": naive_mean([naive_dice(x, y) for _, x, y in pairs]),
        "all_empty_dice": naive_mean([naive_dice(x, set()) for _, x, _ in pairs]),
        "defect_dice": naive_mean([naive_dice(x, y) for _, x, y in pairs if x]),
        "defect_dice_by_class": by_class,
        "defect_dice_class_mean": naive_mean(by_class),
        "empty_accuracy": naive_mean([float(not y) for _, x, y in pairs if not x]),
        "iou_by_class": iou,
        "miou": naive_mean(iou),
        "iou_by_class with background": [*iou, background],
        "miou with background": naive_mean([*iou, background]),
    }


@given(mask_pairs())
def test_every_score_agrees_with_the_naive_one(pair):
    """Also where a class or everything is empty: NaN in the same places."""
    counts = pixel_counts(*pair)
    for name, expected in naive_scores(*pair).items():
        function, _, background = name.partition(" with ")
        keywords = {"background": True} if background else {}
        np.testing.assert_allclose(getattr(metrics, function)(counts, **keywords), expected, rtol=0, atol=1e-12)


@given(mask_pairs())
def test_kaggle_dice_is_its_floor_and_its_two_parts(pair):
    """The identity that explains the score: floor * empty_accuracy + (1 - floor) * defect_dice."""
    counts = pixel_counts(*pair)
    together = metrics.kaggle_dice_from_parts(
        metrics.all_empty_dice(counts), metrics.empty_accuracy(counts), metrics.defect_dice(counts)
    )
    assert together == pytest.approx(metrics.kaggle_dice(counts), rel=0, abs=1e-12)


@given(mask_pairs())
def test_scores_of_the_truth_itself(pair):
    """A perfect prediction scores 1 wherever the score is defined."""
    counts = pixel_counts(pair[0], pair[0])
    has_defect, has_clean = (counts.true > 0).any(), (counts.true == 0).any()
    assert metrics.kaggle_dice(counts) == 1
    for score in (metrics.defect_dice, metrics.defect_dice_class_mean, metrics.miou):
        assert score(counts) == pytest.approx(1 if has_defect else math.nan, nan_ok=True)
    assert metrics.empty_accuracy(counts) == pytest.approx(1 if has_clean else math.nan, nan_ok=True)


@given(mask_pairs())
def test_scores_do_not_depend_on_batches_or_order(pair):
    """Means weigh images, not batches: one by one and reversed gives the same."""
    whole = metrics.pixel_score_terms(pixel_counts(*pair))
    images = zip(pair[0][::-1], pair[1][::-1], strict=True)
    parts = metrics.pixel_score_terms(PixelCounts.concatenate(pixel_counts(*image) for image in images))
    for name, terms in whole.items():
        np.testing.assert_allclose(parts[name].score(), terms.score(), rtol=0, atol=1e-12)


# Each row: true, predicted and shared pixels of a pair; its Dice, by hand.
DICE_TABLE = [
    (4, 4, 4, 1.0),  # the same
    (4, 3, 0, 0.0),  # disjoint
    (0, 0, 0, 1.0),  # both empty
    (0, 3, 0, 0.0),  # nothing there, something predicted
    (4, 0, 0, 0.0),  # missed
    (4, 2, 2, 2 / 3),  # half of it: 2 * 2 / 6
    (1, 3, 1, 0.5),  # three times as much as there is: 2 * 1 / 4
]


@pytest.mark.parametrize(("true", "predicted", "shared", "dice"), DICE_TABLE)
def test_dice_by_pair(true, predicted, shared, dice):
    """The table above."""
    assert metrics.dice_by_pair(PixelCounts([[true]], [[predicted]], [[shared]])).item() == pytest.approx(dice)


def test_scores_of_the_whole_table():
    """All seven rows as images of one class."""
    true, predicted, shared, _ = (np.array(column)[:, np.newaxis] for column in zip(*DICE_TABLE, strict=True))
    counts = PixelCounts(true, predicted, shared)
    assert metrics.kaggle_dice(counts) == pytest.approx((1 + 1 + 2 / 3 + 0.5) / 7)
    assert metrics.all_empty_dice(counts) == pytest.approx(2 / 7)
    assert metrics.defect_dice(counts) == pytest.approx((1 + 2 / 3 + 0.5) / 5)  # the five with a defect
    assert metrics.empty_accuracy(counts) == pytest.approx(1 / 2)  # two without, one predicted empty
    # Shared 4 + 2 + 1 of covered 4 + 7 + 3 + 4 + 4 + 3.
    assert metrics.miou(counts) == pytest.approx(7 / 25)


def test_class_mean_weighs_a_rare_class_as_much_as_a_common_one():
    """Three images of class 1 found, one of class 2 missed, none of class 3."""
    counts = PixelCounts(
        true=[[5, 0, 0], [5, 0, 0], [5, 4, 0]],
        predicted=[[5, 0, 0], [5, 0, 0], [5, 0, 0]],
        shared=[[5, 0, 0], [5, 0, 0], [5, 0, 0]],
    )
    assert metrics.defect_dice(counts) == pytest.approx(3 / 4)
    np.testing.assert_array_equal(metrics.defect_dice_by_class(counts), [1, 0, np.nan])
    assert metrics.defect_dice_class_mean(counts) == 0.5
    np.testing.assert_array_equal(metrics.iou_by_class(counts), [1, 0, np.nan])
    assert metrics.miou(counts) == 0.5


def test_iou_is_summed_before_it_is_divided():
    """A large image found and a small one missed: 9 of 10, not the mean of 1 and 0."""
    assert metrics.miou(PixelCounts([[9], [1]], [[9], [0]], [[9], [0]])) == pytest.approx(0.9)


def test_iou_of_a_class_that_is_only_predicted():
    """Its union is not empty, so it counts as 0; only a class in neither is left out."""
    np.testing.assert_array_equal(metrics.iou_by_class(PixelCounts([[0, 0]], [[3, 0]], [[0, 0]])), [0, np.nan])


def test_miou_with_background():
    """Class: 1 shared of 2 covered. Background: 2 shared of 3 covered. On an image that is not square."""
    counts = pixel_counts([[[1], [1], [0], [0]]], [[[1], [0], [0], [0]]])
    np.testing.assert_allclose(metrics.iou_by_class(counts, background=True), [1 / 2, 2 / 3])
    assert metrics.miou(counts, background=True) == pytest.approx(7 / 12)


def test_miou_with_a_background_that_was_not_counted():
    """The measure is left out of the table, and an error when asked for."""
    counts = PixelCounts([[1]], [[1]], [[1]])
    assert "miou_with_background" not in metrics.pixel_score_terms(counts)
    with pytest.raises(ValueError, match="no background.*Count them with"):
        metrics.miou(counts, background=True)


def test_above_floor_is_the_difference():
    """Predicting a clean sheet defective lies below the floor, finding a defect above."""
    counts = PixelCounts([[4, 0]], [[4, 3]], [[4, 0]])
    assert metrics.pixel_score_terms(counts)["above_floor"].score() == 0
    counts = PixelCounts([[4, 0]], [[4, 0]], [[4, 0]])
    assert metrics.pixel_score_terms(counts)["above_floor"].score() == 0.5


def test_scores_without_any_image():
    """Nothing is known of an empty split."""
    nothing = np.zeros((0, 3, 4, 2), bool)
    for terms in metrics.pixel_score_terms(pixel_counts(nothing, nothing)).values():
        assert math.isnan(terms.score())


def test_scores_that_are_undefined_are_nan():
    """No defect: no Dice of defects. Nothing but defects: no accuracy on empty ones."""
    clean, full = PixelCounts([[0]], [[2]], [[0]]), PixelCounts([[2]], [[2]], [[2]])
    assert math.isnan(metrics.defect_dice(clean))
    assert math.isnan(metrics.defect_dice_class_mean(clean))
    assert math.isnan(metrics.empty_accuracy(full))
    assert metrics.miou(clean) == 0
    assert math.isnan(metrics.miou(PixelCounts([[0]], [[0]], [[0]])))


@pytest.mark.parametrize(
    ("floor", "accuracy", "dice", "expected"),
    [
        (0.5, 1.0, 0.5, 0.75),
        (1.0, 0.25, math.nan, 0.25),  # no defect anywhere
        (0.0, math.nan, 0.25, 0.25),  # nothing but defects
        (math.nan, math.nan, math.nan, math.nan),  # no image
    ],
)
def test_kaggle_dice_from_parts(floor, accuracy, dice, expected):
    """Both ends, where one part is undefined, and a value between."""
    assert metrics.kaggle_dice_from_parts(floor, accuracy, dice) == pytest.approx(expected, nan_ok=True)


def test_all_empty_dice_of_the_competitions_training_set():
    """0.8589: 7,095 of the 12,568 * 4 pairs have a defect, counted from the areas of the published labels."""
    path = LABELS / "areas.csv"
    if not path.is_file():
        pytest.skip("areas.csv of the competition's labels is not there; set SEVERSTAL_LABELS to its folder")
    with path.open(newline="") as file:
        areas = np.array([[int(row[f"area_{number}"]) for number in range(1, 5)] for row in csv.DictReader(file)])
    counts = PixelCounts(true=areas, predicted=np.zeros_like(areas), shared=np.zeros_like(areas))
    assert areas.shape == (12568, 4)
    assert metrics.all_empty_dice(counts) == pytest.approx(1 - 7095 / (12568 * 4), rel=0, abs=1e-12)
    assert round(metrics.all_empty_dice(counts), 4) == 0.8589
    assert metrics.kaggle_dice(counts) == metrics.all_empty_dice(counts)


@pytest.mark.parametrize(
    ("true", "predicted", "expected"),
    [
        ([[[1, 1, 0]]], [[[1, 0, 0]]], 2 / 3),  # one of two
        ([[[1, 0], [0, 1]]], [[[1, 0], [0, 1]]], 1.0),  # the same
        ([[[1, 0, 0]]], [[[0, 0, 1]]], 0.0),  # disjoint
        ([[[0, 0, 0]]], [[[0, 0, 0]]], 1.0),  # both empty
        ([[[0, 0, 0]]], [[[0, 1, 0]]], 0.0),  # only the truth is empty
        ([[[0, 0, 0]], [[1, 1, 0]]], [[[0, 0, 0]], [[1, 0, 0]]], 5 / 6),  # mean over images, not over pixels
    ],
)
def test_dice_score(true, predicted, expected):
    """Small batches by hand, none of them square but one."""
    assert metrics.dice_score(true, predicted) == pytest.approx(expected)


def test_dice_score_of_empty_masks_as_asked():
    """`empty` replaces the 1, and only where both are empty."""
    assert metrics.dice_score([[[0]], [[1]]], [[[0]], [[1]]], empty=0.0) == 0.5
    assert metrics.dice_score([[[0]]], [[[1]]], empty=0.7) == 0.0


def test_dice_score_of_no_images():
    """The mean of nothing."""
    assert math.isnan(metrics.dice_score(np.zeros((0, 2, 3)), np.zeros((0, 2, 3))))


def test_dice_score_raises():
    """Shapes, axes and values."""
    with pytest.raises(ValueError, match=r"\(1, 1, 2\), y_pred \(1, 2, 1\)"):
        metrics.dice_score([[[1, 0]]], [[[1], [0]]])
    with pytest.raises(ValueError, match=r"expected \(batch, height, width\)"):
        metrics.dice_score([[1, 0]], [[1, 0]])
    with pytest.raises(ValueError, match="y_pred holds 0.3"):
        metrics.dice_score([[[1, 0]]], [[[0.3, 0]]])


@pytest.mark.parametrize(
    ("true", "probabilities", "smooth", "expected"),
    [
        ([1, 1, 0], [1, 1, 0], 1.0, 1.0),  # the same
        ([1, 1, 0], [0, 0, 1], 1.0, 1 / 4),  # disjoint: (0 + 1) / (2 + 1 + 1)
        ([0, 0], [0, 0], 1.0, 1.0),  # both empty
        ([0, 0], [0.5, 0.5], 1.0, 1 / 2),  # soft: 1 / (0 + 1 + 1)
        ([1, 0], [0.5, 0.25], 1.0, 2 / 2.75),  # (2 * 0.5 + 1) / (1 + 0.75 + 1)
        ([1, 1, 0], [1, 0, 0], 0.0, 2 / 3),  # not smoothed: the Dice of dice_score
        ([0, 0], [0, 0], 0.0, math.nan),  # not smoothed, nothing there
    ],
)
def test_batch_dice_coef(true, probabilities, smooth, expected):
    """By hand."""
    assert metrics.batch_dice_coef(true, probabilities, smooth) == pytest.approx(expected, nan_ok=True)


def test_batch_dice_coef_is_flattened_over_the_batch():
    """A large mask found hides a small one missed: (2 * 4 + 1) / (5 + 4 + 1), where the mean Dice is 1/2."""
    true, predicted = np.zeros((2, 2, 3)), np.zeros((2, 2, 3))
    true[0, :, :2] = predicted[0, :, :2] = 1
    true[1, 0, 0] = 1
    assert metrics.batch_dice_coef(true, predicted) == pytest.approx(0.9)
    assert metrics.dice_score(true, predicted) == 0.5


def test_batch_dice_coef_sums_float16_exactly_enough():
    """Half-precision predictions of a whole batch would overflow at 65,504 if summed as they are."""
    ones = np.ones((2, 256, 400))
    assert metrics.batch_dice_coef(ones, ones.astype(np.float16)) == 1


def test_batch_dice_coef_raises():
    """Shapes, labels, probabilities and the smoothing."""
    with pytest.raises(ValueError, match=r"\(2,\), y_pred \(1,\)"):
        metrics.batch_dice_coef([1, 0], [0.5])
    with pytest.raises(ValueError, match="y_true holds 255"):
        metrics.batch_dice_coef([255, 0], [0.5, 0.5])
    with pytest.raises(ValueError, match="probabilities hold -3.2.*sigmoid"):
        metrics.batch_dice_coef([1, 0], [-3.2, 0.5])
    with pytest.raises(ValueError, match="smooth is -1"):
        metrics.batch_dice_coef([1, 0], [0.5, 0.5], smooth=-1)


def test_score_terms_leave_out_columns_without_a_denominator():
    """The mean of 1/2 and 1/4; the third column is undefined."""
    terms = metrics.ScoreTerms([[1, 1, 0], [0, 0, 0]], [[1, 2, 0], [1, 2, 0]])
    np.testing.assert_array_equal(terms.by_column(), [0.5, 0.25, np.nan])
    assert terms.score() == 0.375


@pytest.mark.parametrize(
    ("numerator", "denominator"),
    [
        ([1, 2], [1]),  # shapes differ
        ([[[1]]], [[[1]]]),  # three axes
        ([math.nan], [1]),  # not finite
        ([1], [-1]),  # below 0
    ],
)
def test_score_terms_raise(numerator, denominator):
    """What is no ratio of sums over images."""
    with pytest.raises(ValueError, match="The numerator has shape .*Leave an image out"):
        metrics.ScoreTerms(numerator, denominator)
