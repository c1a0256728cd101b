"""How often each image is drawn."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.data.sampling import draw_positions, sampling_weights

# eight images with class 1, two with class 2, and two that are clean
AREAS = pd.DataFrame({1: [9] * 8 + [0] * 4, 2: [0] * 8 + [5] * 2 + [0] * 2}, index=list("abcdefghijkl"))


@pytest.mark.parametrize(
    ("lift", "clean_share", "expected"),
    [
        (0, None, [1, 1, 1]),  # as they come
        (1, None, [10 / 16, 10 / 4, 1]),  # 8 x 10/16 = 2 x 10/4: both classes five draws
        (0.5, None, [10 / 12, 20 / 12, 1]),  # (8 / 2) ** 0.5 = 2 times as often
        (0, 0, [1.2, 1.2, 0]),  # no clean image
        (0, 0.5, [0.6, 0.6, 3]),  # half of the draws
        (1, 1, [0, 0, 6]),  # clean images alone
    ],
)
def test_sampling_weights_worked_by_hand(lift, clean_share, expected):
    weights = sampling_weights(AREAS, lift, clean_share)
    assert weights.index.equals(AREAS.index)
    np.testing.assert_allclose(weights[["a", "i", "k"]], expected)
    assert weights.mean() == pytest.approx(1)


def test_sampling_weights_of_an_image_with_two_classes():
    """It counts by its rarest class."""
    areas = pd.DataFrame({1: [1, 1, 1, 1], 2: [0, 0, 0, 1]})
    assert sampling_weights(areas, 1).tolist() == pytest.approx([4 / 7, 4 / 7, 4 / 7, 16 / 7])


def test_sampling_weights_where_a_class_is_absent():
    """A class that no image has lifts nothing; images without any class are drawn as they come."""
    areas = pd.DataFrame({1: [3, 0], 2: [0, 0]})
    assert sampling_weights(areas, 1).tolist() == [1, 1]
    assert sampling_weights(areas * 0, 1).tolist() == [1, 1]


@pytest.mark.parametrize(
    ("areas", "arguments", "match"),
    [
        (AREAS.iloc[:0], {}, "got no images"),
        (AREAS, {"lift": -1}, "lift: got -1"),
        (AREAS, {"lift": float("nan")}, "lift: got nan"),
        (AREAS, {"clean_share": 1.2}, "clean_share: got 1.2"),
        (AREAS, {"clean_share": -0.1}, "clean_share: got -0.1"),
        (AREAS.iloc[:8], {"clean_share": 0.2}, "0 of 8 images are free of defects"),
        (AREAS.iloc[10:], {"clean_share": 0.2}, "2 of 2 images are free of defects"),
    ],
)
def test_sampling_weights_raise(areas, arguments, match):
    with pytest.raises(ValueError, match=match):
        sampling_weights(areas, **arguments)


@given(st.lists(st.floats(0.01, 10), min_size=1, max_size=40), st.integers(0, 2**32))
def test_draw_positions_is_off_by_less_than_one(weights, seed):
    """Each position comes as often as its weight says, rounded down or up."""
    weights = np.array(weights) / np.mean(weights)
    drawn = draw_positions(weights, np.random.default_rng(seed))
    counts = np.bincount(drawn, minlength=len(weights))
    assert len(drawn) == len(weights)
    assert (np.abs(counts - weights) < 1 + 1e-6).all()


def test_draw_positions_of_equal_weights_takes_each_once():
    """And in another order with another generator."""
    first, second = (draw_positions(np.ones(50), np.random.default_rng(seed)) for seed in (1, 2))
    assert sorted(first) == sorted(second) == list(range(50))
    assert first.tolist() != second.tolist() != list(range(50))


def test_draw_positions_of_weight_zero_never_come():
    for seed in range(20):
        assert 1 not in draw_positions([1.5, 0, 1.5], np.random.default_rng(seed))
