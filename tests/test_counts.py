"""Counts of pixels, and the checks of the masks they come from."""

import subprocess
import sys

import numpy as np
import pytest

from helpers.counts import PixelCounts, check_binary, check_masks, check_probabilities, pixel_counts


def masks_of(*classes):
    """Stack the masks of one image's classes, each a list of rows, to (height, width, classes)."""
    return np.stack([np.array(mask) for mask in classes], axis=-1)


@pytest.mark.parametrize(
    ("true", "predicted", "expected"),
    [
        ([[1, 1, 0]], [[1, 1, 0]], (2, 2, 2)),  # the same
        ([[1, 1, 0]], [[0, 0, 1]], (2, 1, 0)),  # disjoint
        ([[0, 0, 0]], [[0, 0, 0]], (0, 0, 0)),  # both empty
        ([[0, 0, 0]], [[1, 0, 1]], (0, 2, 0)),  # nothing there, something predicted
        ([[1, 1, 1]], [[0, 0, 0]], (3, 0, 0)),  # missed
        ([[1, 1, 0], [0, 1, 0]], [[0, 1, 1], [0, 0, 0]], (3, 2, 1)),  # partly, two rows
        ([[1, 1, 1]], [[1, 1, 1]], (3, 3, 3)),  # full
    ],
)
def test_pixel_counts_of_one_class(true, predicted, expected):
    """True, predicted and shared pixels, counted by hand."""
    counts = pixel_counts(masks_of(true), masks_of(predicted))
    assert (counts.true.item(), counts.predicted.item(), counts.shared.item()) == expected


def test_pixel_counts_of_two_classes_that_overlap():
    """A pixel of two classes counts for both, and is missing from the background once."""
    true = masks_of([[1, 1, 0, 0]], [[0, 1, 1, 0]])
    predicted = masks_of([[1, 0, 0, 0]], [[0, 0, 0, 1]])
    counts = pixel_counts(true, predicted)
    assert counts.true.tolist() == [[2, 2]]
    assert counts.predicted.tolist() == [[1, 1]]
    assert counts.shared.tolist() == [[1, 0]]
    # True background: the last pixel. Predicted: the middle two. They share none.
    background = counts.background
    assert (background.true.item(), background.predicted.item(), background.shared.item()) == (1, 2, 0)


@pytest.mark.parametrize("kind", [bool, np.uint8, np.int64, np.float32])
def test_pixel_counts_take_any_type_of_0_and_1(kind):
    """Labels arrive as bool, bytes or floats."""
    masks = np.array([[[[0], [1], [1]]]])
    assert pixel_counts(masks.astype(kind), masks.astype(kind)).true.tolist() == [[2]]


def test_pixel_counts_of_more_than_255_pixels():
    """No count is kept in the masks' own narrow type."""
    masks = np.ones((1, 32, 48, 1), np.uint8)
    assert pixel_counts(masks, masks).shared.tolist() == [[32 * 48]]


def test_pixel_counts_of_a_batch_equal_those_of_its_images_joined():
    """Images of one size, once together and once by themselves."""
    random = np.random.default_rng(0)
    true, predicted = random.random((2, 5, 4, 7, 3)) < 0.3
    batch = pixel_counts(true, predicted)
    joined = PixelCounts.concatenate(pixel_counts(*pair) for pair in zip(true, predicted, strict=True))
    for name in ("true", "predicted", "shared"):
        np.testing.assert_array_equal(getattr(batch, name), getattr(joined, name))
        np.testing.assert_array_equal(getattr(batch.background, name), getattr(joined.background, name))


def test_concatenate_images_of_different_sizes():
    """Only counts are joined, so sizes need not agree."""
    parts = [pixel_counts(np.ones((height, 3, 2)), np.ones((height, 3, 2))) for height in (1, 5)]
    joined = PixelCounts.concatenate(parts)
    assert len(joined) == 2
    assert joined.true.tolist() == [[3, 3], [15, 15]]


def test_concatenate_without_background_somewhere():
    """A background that is known for some images only is dropped."""
    known = pixel_counts(np.ones((1, 1, 1)), np.ones((1, 1, 1)))
    assert PixelCounts.concatenate([known, PixelCounts([[1]], [[1]], [[1]])]).background is None


def test_concatenate_nothing():
    """An empty split is an error that says so."""
    with pytest.raises(ValueError, match="no counts to join.*Is the split empty"):
        PixelCounts.concatenate([])


def test_concatenate_different_numbers_of_classes():
    """Counts of two data sets do not fit together."""
    with pytest.raises(ValueError, match="1 and 2 classes"):
        PixelCounts.concatenate([PixelCounts([[1]], [[1]], [[1]]), PixelCounts([[1, 1]], [[1, 1]], [[1, 1]])])


def test_take_by_position_and_by_bool():
    """Both choose the same images, background included."""
    true = np.array([[[[1], [0]]], [[[1], [1]]], [[[0], [0]]]])
    counts = pixel_counts(true, true)
    for chosen in (counts.take([1, 2]), counts.take([False, True, True])):
        assert chosen.true.tolist() == [[2], [0]]
        assert chosen.background.true.tolist() == [[0], [2]]
    assert len(counts.take([])) == 0
    assert counts.take(2).true.tolist() == [[0]]


def test_take_with_a_choice_of_another_length():
    """A bool for each image, or none."""
    with pytest.raises(ValueError, match=r"shape \(3,\); expected \(2,\)"):
        PixelCounts([[1], [1]], [[1], [1]], [[1], [1]]).take([True, False, True])


def test_of_class_keeps_every_image():
    """One column is left, and no background."""
    counts = pixel_counts(np.ones((4, 2, 3, 2)), np.ones((4, 2, 3, 2))).of_class(1)
    assert counts.true.tolist() == [[6]] * 4
    assert counts.background is None


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (dict(true=[[1.5]], predicted=[[1]], shared=[[1]]), "true has type float64"),  # no whole number
        (dict(true=[1], predicted=[1], shared=[1]), r"true has .*shape \(1,\)"),  # one axis
        (dict(true=[[1]], predicted=[[1, 2]], shared=[[1]]), "predicted has"),  # shapes differ
        (
            dict(true=[[5]], predicted=[[2]], shared=[[3]]),
            "3 shared pixels of 5 true and 2 predicted",
        ),  # too many
        (dict(true=[[5]], predicted=[[2]], shared=[[-1]]), "-1 shared pixels"),  # below 0
    ],
)
def test_pixel_counts_that_cannot_be(fields, message):
    """Counts that no masks have are refused."""
    with pytest.raises(ValueError, match=message):
        PixelCounts(**fields)


def test_pixel_counts_with_the_background_of_other_images():
    """The background is one class of the same images."""
    one = PixelCounts([[1]], [[1]], [[1]])
    with pytest.raises(ValueError, match=r"background has counts of shape \(1, 1\); expected \(2, 1\)"):
        PixelCounts([[1], [1]], [[1], [1]], [[1], [1]], background=one)


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (255, "255"),  # a mask as it is saved to PNG
        (2, "2"),  # class numbers in place of one mask each
        (-1, "-1"),
        (0.5, "0.5"),  # a probability
        (np.nan, "nan"),
        ("1", "1"),  # text
        (None, "None"),
    ],
)
@pytest.mark.parametrize("which", ["y_true", "y_pred"])
def test_pixel_counts_name_a_value_that_is_no_label(value, named, which):
    """A label is 0 or 1, and the error says what arrived and in which array."""
    masks = {"y_true": np.zeros((1, 2, 1)), "y_pred": np.zeros((1, 2, 1))}
    masks[which] = np.array([[[value], [value]]])
    with pytest.raises(ValueError, match=rf"{which} holds {named} .*expected bool, or 0 and 1"):
        pixel_counts(**masks)


def test_check_binary_finds_one_bad_value_among_many():
    """Not only the first value is looked at."""
    values = np.zeros((20, 30), np.uint8)
    values[13, 7] = 9
    with pytest.raises(ValueError, match="mask holds 9"):
        check_binary(values, "mask")


def test_check_masks_with_different_shapes():
    """Both shapes are named; broadcasting would hide the mistake."""
    with pytest.raises(ValueError, match=r"\(2, 3, 1\), y_pred \(2, 1, 1\)"):
        check_masks(np.zeros((2, 3, 1)), np.zeros((2, 1, 1)))


def test_check_masks_without_an_axis_of_classes():
    """Two axes are one mask of one class."""
    with pytest.raises(ValueError, match=r"shape \(2, 3\).*axis of classes missing"):
        check_masks(np.zeros((2, 3)), np.zeros((2, 3)))


@pytest.mark.parametrize("value", [-0.01, 1.01, np.nan, np.inf])
def test_check_probabilities_outside_0_to_1(value):
    """The error names the value."""
    with pytest.raises(ValueError, match=f"probabilities hold {value}"):
        check_probabilities(np.array([0.2, value]))


def test_scores_load_numpy_alone():
    """The ground floor of the package loads no TensorFlow, nor any other large library."""
    program = (
        "import sys\n"
        "from helpers import classification, components, counts, intervals, metrics\n"
        "print({name.split('.')[0] for name in sys.modules} & "
        "{'tensorflow', 'keras', 'pandas', 'cv2', 'scipy', 'sklearn', 'matplotlib'})"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"
