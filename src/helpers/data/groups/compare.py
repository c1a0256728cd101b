"""Comparison of two images pixel by pixel: the correlation of their details, square by square.

Source:
    Normalised correlation: Lewis (1995), "Fast normalized cross-correlation". The limits were set by looking at pairs
    of NEU-Seg and of the Kaggle competition "Severstal: Steel Defect Detection", on both sides of each limit.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from helpers.data.groups.landmarks import reduction
from helpers.data.groups.symmetries import apply

LARGEST_REDUCTION = 4  # images whose landmarks are looked for at a smaller scale than 1 : 4 are compared reduced
FINE, COARSE = 1.5, 8.0  # details between these sizes are compared (standard deviations of two blurs, pixels)
NOISE = 1.0  # variance of details that may be noise, squared grey levels; twice as much is texture
CROSS_NOISE = 0.003  # the same, of cross differences
BLOCK = 25  # side of the squares, pixels
LEAST_BLOCKS = 5  # squares that have to agree
AGREES = 0.6  # correlation of the details in a square that both images show
LEAST_SIMILARITY = 0.28  # pairs of other pieces stay below 0.25, copies above 0.3
LEAST_WITHOUT_PATTERN = 0.5  # pairs of chequered plates stay below 0.4, and 99 % of copies of them above 0.6
PATCH_SIDE = 64  # of the patch that the exact shift is read from, pixels
SMALLEST_PATCH = 12
BLANK = 0.05  # variance of a patch in which there is nothing to see
LEAST_PATCH = 0.5  # correlation of the patch


@dataclass(frozen=True)
class Comparison:
    """What two images have in common.

    Attributes:
        shift: rows and columns, in pixels, by which the second lies lower and further right than the first.
        overlap: share of the image that both show, 0 to 1: the area in which they lie over each other, times the
            share of its textured squares that agree.
        agreement: share of the textured squares that agree, 0 to 1, of those where they lie over each other.
        similarity: mean correlation of the cross differences in the squares that agree, up to 1. The cross difference
            of a pixel and its three neighbours below and to the right is 0 along lines that follow the rows or the
            columns, as scratches and rolling marks do, so that lines alone make no two images similar.
    """

    shift: tuple
    overlap: float
    agreement: float
    similarity: float


NOTHING = Comparison((0, 0), 0.0, 0.0, 0.0)


def comparison_factor(shape):
    """By how much an image of a shape is reduced before it is compared; 1 up to 256 pixels in height."""
    return max(1, reduction(shape) // LARGEST_REDUCTION)


def find_details(image):
    """What is compared of an image: neither its noise, nor its brightness and shading.

    Args:
        image: uint8 (height, width).

    Returns:
        float32 (height, width), grey levels around 0.
    """
    factor = comparison_factor(image.shape)
    if factor > 1:
        size_wh = (image.shape[1] // factor, image.shape[0] // factor)
        image = cv2.resize(image, size_wh, interpolation=cv2.INTER_AREA)
    image = np.ascontiguousarray(image, np.float32)
    return cv2.GaussianBlur(image, (0, 0), FINE) - cv2.GaussianBlur(image, (0, 0), COARSE)


def compare(first, second, symmetry, shift, place, scale, step=None):
    """Compare two images where the one is thought to lie over the other.

    Args:
        first: details of an image, float32 (height, width).
        second: details of another.
        symmetry: 0 to 7; moves the second onto the first.
        shift: (rows, columns) where the moved second begins in the first, to within a pixel of the scale.
        place: (row, column) of the first that both show.
        scale: pixels of the details to one of the shift, the place and the step.
        step: (rows, columns) after which the first repeats itself, or None. Then the pattern that repeats is taken
            out, and what is left has to be similar too.

    Returns:
        Comparison, its shift in pixels of the details; `NOTHING` where there is nothing in common.
    """
    second = np.ascontiguousarray(apply(symmetry, second))
    shift, correlation = _read_shift(first, second, scale * np.array(shift), scale * (np.array(place) + 0.5), scale)
    if correlation < LEAST_PATCH:
        return NOTHING
    mine, theirs = _overlapping(first, second, shift)
    correlations, textured = _correlate(mine, theirs, _grid_wh(mine.shape), NOISE)
    agree = textured & (correlations >= AGREES)
    if agree.sum() < LEAST_BLOCKS:
        return NOTHING
    similarity = _similarity(mine, theirs, agree)
    if similarity < LEAST_SIMILARITY:
        return NOTHING
    if step is not None:
        similarity = _similarity_without_pattern(mine, theirs, np.rint(scale * np.array(step)).astype(int), scale)
        if similarity < LEAST_WITHOUT_PATTERN:
            return NOTHING
    agreement = float(agree.sum() / textured.sum())
    return Comparison(tuple(shift.tolist()), agreement * mine.size / first.size, agreement, similarity)


def _read_shift(first, second, shift, place, scale):
    """The exact shift and the correlation of a patch of the first, looked for in the second near where it's thought."""
    slack = int(np.ceil(1.5 * scale))
    size, shift, place = np.array(first.shape), np.rint(shift).astype(int), np.rint(place).astype(int)
    start = np.maximum(np.maximum(place - PATCH_SIDE // 2, shift + slack), 0)
    stop = np.minimum(np.minimum(place + PATCH_SIDE // 2, shift + size - slack), size)
    if (stop - start < SMALLEST_PATCH).any():
        return shift, 0.0
    patch = first[start[0] : stop[0], start[1] : stop[1]]
    if patch.var() < BLANK:
        return shift, 0.0
    begin = np.maximum(start - shift - slack, 0)
    end = np.minimum(stop - shift + slack, size)
    correlations = cv2.matchTemplate(
        second[begin[0] : end[0], begin[1] : end[1]], np.ascontiguousarray(patch), cv2.TM_CCOEFF_NORMED
    )
    _, correlation, _, (column, row) = cv2.minMaxLoc(correlations)
    return start - begin - (row, column), correlation


def _overlapping(first, second, shift):
    """The parts of two images that lie over each other."""
    (height, width), (down, right) = first.shape, shift
    mine = first[max(down, 0) : height + min(down, 0), max(right, 0) : width + min(right, 0)]
    theirs = second[max(-down, 0) : height - max(down, 0), max(-right, 0) : width - max(right, 0)]
    return mine, theirs


def _grid_wh(shape):
    """How many squares there are along the width and the height."""
    return tuple(max(1, round(side / BLOCK)) for side in reversed(shape))


def _correlate(mine, theirs, grid_wh, noise):
    """Correlation of each square of a grid, and whether either image has texture there.

    `noise` is added to both variances, so that what can't be told from noise has no correlation.
    """

    def means(values):
        return cv2.resize(values, grid_wh, interpolation=cv2.INTER_AREA)

    my_means, their_means = means(mine), means(theirs)
    my_variances = means(mine * mine) - my_means**2
    their_variances = means(theirs * theirs) - their_means**2
    covariances = means(mine * theirs) - my_means * their_means
    textured = np.maximum(my_variances, their_variances) >= 2 * noise
    return covariances / np.sqrt((my_variances + noise) * (their_variances + noise)), textured


def _similarity(mine, theirs, agree):
    """Mean correlation of the cross differences in the squares that agree."""
    crossed, _ = _correlate(_cross_differences(mine), _cross_differences(theirs), agree.shape[::-1], CROSS_NOISE)
    return float(crossed[agree].mean())


def _similarity_without_pattern(mine, theirs, step, scale):
    """Similarity of what is left of two images once each is subtracted from itself, shifted by the step."""
    step, _ = _read_shift(mine, mine, step, (mine.shape + step) / 2, scale)
    if (np.abs(step) > np.array(mine.shape) - BLOCK).any():
        return 0.0
    mine, theirs = (np.subtract(*_overlapping(details, details, step)) for details in (mine, theirs))
    _, textured = _correlate(mine, theirs, _grid_wh(mine.shape), NOISE)
    return _similarity(mine, theirs, textured) if textured.sum() >= LEAST_BLOCKS else 0.0


def _cross_differences(details):
    """What is left of the details once lines along the rows and the columns are taken out."""
    across = details[:, 1:] - details[:, :-1]
    return across[1:] - across[:-1]
