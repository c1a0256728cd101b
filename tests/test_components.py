"""Connected components, against OpenCV and by hand."""

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as numpy_st

from helpers.components import (
    ComponentCounts,
    component_counts,
    component_score_terms,
    defects_found,
    false_components,
    label_components,
    rle_component_areas,
)
from helpers.rle import mask2rle


def assert_same_components(mask):
    """Our labels and OpenCV's name the same sets of pixels."""
    labels, count = label_components(mask)
    expected_count, expected = cv2.connectedComponents(np.asarray(mask, np.uint8), connectivity=8)
    assert count == expected_count - 1
    assert labels.shape == expected.shape
    pairs = set(zip(labels.ravel().tolist(), expected.ravel().tolist(), strict=True))
    # As many pairs as labels on either side: each label of ours meets one of theirs, and 0 meets 0.
    assert len(pairs) == len(np.unique(labels)) == len(np.unique(expected))
    assert all((ours == 0) == (theirs == 0) for ours, theirs in pairs)


@given(numpy_st.arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 12))))
def test_label_components_of_small_masks_as_opencv(mask):
    """Any small mask."""
    assert_same_components(mask)


@pytest.mark.parametrize("density", [0.01, 0.1, 0.3, 0.4, 0.5, 0.6, 0.9])
@pytest.mark.parametrize("shape", [(64, 400), (97, 53)])
def test_label_components_of_noise_as_opencv(density, shape):
    """From single pixels, over the tangle near 0.4 where components join late, to nearly full."""
    assert_same_components(np.random.default_rng(7).random(shape) < density)


def snake(height, width):
    """Full rows, joined at alternate ends: one long component."""
    mask = np.zeros((height, width), bool)
    mask[::2] = True
    mask[1::4, -1] = True
    mask[3::4, 0] = True
    return mask


@pytest.mark.parametrize(
    "mask",
    [
        snake(31, 50),
        snake(31, 50).T,
        np.indices((20, 33)).sum(axis=0) % 2,  # a chess board hangs together at its corners
        np.eye(40, 60),  # a diagonal
        np.eye(40, 60)[:, ::-1],
        np.arange(50) % 2 * np.ones((20, 1)),  # separate columns
        np.maximum(np.arange(50) % 2 * np.ones((20, 1)), np.arange(20)[:, np.newaxis] == 19),  # a comb
    ],
)
def test_label_components_of_hard_shapes_as_opencv(mask):
    """Shapes whose parts only join far away."""
    assert_same_components(mask)


@pytest.mark.parametrize(
    ("mask", "expected", "count"),
    [
        ([[0, 0, 0]], [[0, 0, 0]], 0),  # empty
        ([[1, 1, 1]], [[1, 1, 1]], 1),  # full
        ([[1, 0, 1]], [[1, 0, 2]], 2),  # a gap
        ([[1, 0], [0, 1]], [[1, 0], [0, 1]], 1),  # a corner joins
        ([[0, 1], [1, 0]], [[0, 1], [1, 0]], 1),  # the other corner
        (
            [[0, 0, 1], [1, 0, 0]],
            [[0, 0, 1], [2, 0, 0]],
            2,
        ),  # end of a row and start of the next: no neighbours
        (
            [[1, 0, 0, 0, 1], [1, 0, 1, 0, 1], [0, 1, 0, 1, 0]],
            [[1, 0, 0, 0, 1], [1, 0, 1, 0, 1], [0, 1, 0, 1, 0]],
            1,
        ),
        ([[1], [0], [1]], [[1], [0], [2]], 2),  # a column, not square
    ],
)
def test_label_components_by_hand(mask, expected, count):
    """Numbered in the order in which they are read."""
    labels, found = label_components(mask)
    assert found == count
    assert labels.dtype == np.int32
    assert labels.tolist() == expected


@pytest.mark.parametrize("shape", [(0, 5), (5, 0)])
def test_label_components_without_pixels(shape):
    """A mask of no area has no component."""
    labels, count = label_components(np.zeros(shape, bool))
    assert (labels.shape, count) == (shape, 0)


def test_label_components_raises():
    """Axes and values."""
    with pytest.raises(ValueError, match=r"shape \(2, 2, 1\); expected \(height, width\)"):
        label_components(np.zeros((2, 2, 1)))
    with pytest.raises(ValueError, match="mask holds 255"):
        label_components([[0, 255]])


@pytest.mark.parametrize(
    ("true", "predicted", "expected"),
    [
        ([[1, 0, 1]], [[1, 0, 1]], (2, 2, 2, 0)),  # the same
        ([[1, 0, 0]], [[0, 0, 1]], (1, 0, 1, 1)),  # disjoint
        ([[0, 0, 0]], [[0, 0, 0]], (0, 0, 0, 0)),  # both empty
        ([[0, 0, 0]], [[1, 0, 1]], (0, 0, 2, 2)),  # nothing there
        ([[1, 0, 1]], [[0, 0, 0]], (2, 0, 0, 0)),  # missed
        ([[1, 0, 1]], [[1, 1, 1]], (2, 2, 1, 0)),  # one prediction over both
        ([[1, 1, 1]], [[1, 0, 1]], (1, 1, 2, 0)),  # two predictions on one
        ([[1, 1, 0]], [[0, 0, 1]], (1, 0, 1, 1)),  # beside it is not on it
        ([[1, 0, 0], [0, 0, 1]], [[0, 0, 0], [0, 0, 1]], (2, 1, 1, 0)),  # one of two
    ],
)
def test_component_counts(true, predicted, expected):
    """True, found, predicted and false components, counted by hand."""
    counts = component_counts(np.array(true)[..., np.newaxis], np.array(predicted)[..., np.newaxis])
    assert (counts.true.item(), counts.found.item(), counts.predicted.item(), counts.false.item()) == expected


def test_component_counts_keep_classes_apart():
    """A defect of class 1 predicted as class 2 is missed by one and false in the other."""
    true, predicted = np.zeros((2, 3, 5, 2)), np.zeros((2, 3, 5, 2))
    true[1, 1, 1:3, 0] = 1
    predicted[1, 1, 1:3, 1] = 1
    counts = component_counts(true, predicted)
    assert counts.true.tolist() == [[0, 0], [1, 0]]
    assert counts.found.tolist() == [[0, 0], [0, 0]]
    assert counts.false.tolist() == [[0, 0], [0, 1]]


def test_component_counts_join_and_choose():
    """As counts of pixels do, for images of different sizes."""
    parts = [component_counts(np.ones((2, width, 1)), np.ones((2, width, 1))) for width in (3, 7)]
    joined = ComponentCounts.concatenate(parts)
    assert len(joined) == 2
    assert defects_found(joined.take([1])) == 1
    assert joined.of_class(0).true.tolist() == [[1], [1]]


def test_component_scores():
    """Found: 3 of 4 over all images. False: 5 in 2 images."""
    counts = ComponentCounts([[3, 0], [1, 0]], [[3, 0], [0, 0]], [[3, 1], [4, 0]], [[0, 1], [4, 0]])
    assert defects_found(counts) == 0.75
    assert false_components(counts) == 2.5
    assert false_components(counts.of_class(1)) == 0.5
    assert set(component_score_terms(counts)) == {"defects_found", "false_components"}


def test_component_scores_that_are_undefined():
    """No defect to find; no image."""
    assert math.isnan(defects_found(ComponentCounts([[0]], [[0]], [[2]], [[2]])))
    nothing = component_counts(np.zeros((0, 2, 3, 1)), np.zeros((0, 2, 3, 1)))
    assert math.isnan(false_components(nothing))


def test_component_counts_raise():
    """Masks are checked as those of pixel_counts, counts as those of pixels."""
    with pytest.raises(ValueError, match="expected the same shape"):
        component_counts(np.zeros((1, 2, 1)), np.zeros((1, 3, 1)))
    with pytest.raises(ValueError, match="y_pred holds 0.5"):
        component_counts(np.zeros((1, 1, 1)), [[[0.5]]])
    with pytest.raises(ValueError, match="ComponentCounts.found has"):
        ComponentCounts([[1]], [[1, 1]], [[1]], [[1]])


@pytest.mark.parametrize(
    ("text", "areas"),
    [
        ("", []),  # nothing
        ("1 12", [12]),  # all of 3 x 4: one run that goes down every column
        ("3 2", [1, 1]),  # the foot of one column and the head of the next: no contact
        ("2 1 6 1", [2]),  # corners touch
        ("1 1 3 1 5 1", [3]),  # the middle of the second column joins two of the first
        ("1 3 7 3", [3, 3]),  # a column left free between
    ],
)
def test_rle_component_areas_worked_by_hand(text, areas):
    """Of an image of 3 x 4 pixels."""
    assert rle_component_areas(text, (3, 4)).tolist() == areas


@settings(max_examples=100)
@given(numpy_st.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.integers(0, 1)))
def test_rle_component_areas_are_those_of_the_mask(mask):
    """The same areas as by labelling the decoded mask."""
    labels, count = label_components(mask)
    expected = sorted(np.bincount(labels.ravel(), minlength=count + 1)[1:])
    assert sorted(rle_component_areas(mask2rle(mask), mask.shape)) == expected
