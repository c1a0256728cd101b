"""Holes in masks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.inference.holes import fill_holes


def outside_of(mask):
    """Naively: the background that hangs together, along edges, with what lies around the image."""
    free = np.pad(~mask, 1, constant_values=True)
    reached = np.zeros_like(free)
    waiting = [(0, 0)]
    while waiting:
        row, column = waiting.pop()
        if 0 <= row < free.shape[0] and 0 <= column < free.shape[1] and free[row, column] and not reached[row, column]:
            reached[row, column] = True
            waiting += [(row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1)]
    return reached[1:-1, 1:-1]


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        (["###", "#.#", "###"], ["###", "###", "###"]),  # a ring
        (["##.", "#.#", "###"], ["##.", "###", "###"]),  # corners hold a component together
        (["#.#", "#.#", "###"], ["#.#", "#.#", "###"]),  # open at the border
        (["#####", "#...#", "#.#.#", "#...#", "#####"], ["#####"] * 5),  # a component inside a hole
        (["....", ".##.", "...."], ["....", ".##.", "...."]),
        (["...."], ["...."]),
        (["####"], ["####"]),
    ],
)
def test_fill_holes_by_hand(mask, expected):
    levels = np.array([[mark == "#" for mark in row] for row in mask], np.uint8)
    assert ["".join(".#"[pixel] for pixel in row) for row in fill_holes(levels)] == expected


@settings(max_examples=150)
@given(st.integers(0, 2**32), st.integers(1, 12), st.integers(1, 12), st.integers(1, 4))
def test_fill_holes_of_nested_masks_fills_each(seed, height, width, most):
    """Each of the masks is what is not outside it."""
    levels = np.random.default_rng(seed).integers(0, most + 1, (height, width), dtype=np.uint8)
    before = levels.copy()
    filled = fill_holes(levels)
    np.testing.assert_array_equal(levels, before)
    for level in range(1, most + 1):
        np.testing.assert_array_equal(filled >= level, ~outside_of(levels >= level))
