"""Defects as objects: connected components of masks, and which of them a prediction finds. NumPy alone.

A component is a set of pixels of one class that hang together along edges or corners (8-connectivity).
"""

from dataclasses import dataclass

import numpy as np

from helpers.counts import CountsPerImage, check_binary, check_masks
from helpers.metrics import ScoreTerms
from helpers.rle import parse_runs


def label_components(mask):
    """Number the connected components of a mask, with 8-connectivity.

    Works on the runs of each row, not on pixels: runs of neighbouring rows that touch are joined, until
    nothing changes.

    Args:
        mask: shape (height, width), values 0 or 1.

    Returns:
        labels, count: labels has the mask's shape, int32; 0 is outside, components are numbered from 1 in the
        order in which their first pixels are read (rows from the top, each from the left). An empty mask has
        count 0.

    Raises:
        ValueError: the mask has another number of axes, or values other than 0 and 1.

    Source:
        The idea of joining runs is that of He, Chao and Suzuki (2008), "A run-based two-scan labeling
        algorithm", IEEE Transactions on Image Processing 17(5), 749-756; the joining itself is done on all
        runs at once.

    Example:
        >>> labels, count = label_components([[1, 0, 0, 1], [0, 1, 0, 1]])
        >>> count, labels.tolist()
        (2, [[1, 0, 0, 2], [0, 1, 0, 2]])
    """
    mask = check_binary(mask, "mask")
    if mask.ndim != 2:
        raise ValueError(
            f"The mask has shape {mask.shape}; expected (height, width). Label the classes of an image one by one."
        )
    starts, stops, stride = _find_runs(mask)
    roots = _join(len(starts), *_touching_runs(starts, stops, stride))
    numbers, run_labels = np.unique(roots, return_inverse=True)
    labels = np.zeros(mask.shape, np.int32)
    # Runs and the pixels chosen by a mask come in the same order, row by row.
    labels[mask] = np.repeat(run_labels + 1, stops - starts)
    return labels, len(numbers)


def rle_component_areas(text, shape):
    """Areas of the connected components of a mask, with 8-connectivity, without decoding it.

    Args:
        text: run-length text, as in `helpers.rle.rle2mask`.
        shape: (height, width) of the image in pixels.

    Returns:
        int64 array of pixels, one a component, in the order in which their first pixels are read (columns from the
        left, each from the top). Empty for a mask without a pixel.

    Raises:
        TypeError, ValueError: as in `helpers.rle.parse_runs`.

    Source:
        As `label_components`, on columns in place of rows.

    Example:
        >>> rle_component_areas("1 1 5 2 12 1", (3, 4)).tolist()
        [3, 1]
    """
    starts, stops, stride = _cut_runs(*parse_runs(text, shape), shape[0])
    roots = _join(len(starts), *_touching_runs(starts, stops, stride))
    areas = np.bincount(roots, weights=stops - starts).astype(np.int64)
    return areas[areas > 0]


def _cut_runs(starts, lengths, height):
    """Cut runs that go down each column at the columns' ends; the same three as `_find_runs`, of columns."""
    first, after = starts - 1, starts - 1 + lengths
    pieces = (after - 1) // height - first // height + 1
    within = np.arange(pieces.sum()) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    columns = np.repeat(first // height, pieces) + within
    tops = np.maximum(np.repeat(first, pieces), columns * height)
    ends = np.minimum(np.repeat(after, pieces), (columns + 1) * height)
    # One blank pixel between the columns keeps the end of one and the beginning of the next apart.
    return tops + columns, ends + columns, height + 1


def _find_runs(mask):
    """Find the runs of every row: their first positions, those after their last, and the length of a row.

    Positions count along a mask with a blank column on either side, so that no run reaches into the next row
    and runs at opposite edges are no neighbours.
    """
    padded = np.pad(mask, ((0, 0), (1, 1)))
    flat = padded.ravel()
    edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    return edges[::2], edges[1::2], padded.shape[1]


def _touching_runs(starts, stops, stride):
    """Find all pairs of runs that touch from row to row: indices of the upper runs, and of the lower."""
    # A lower run, moved up a row, touches the upper ones that end at its start or later and start at its end
    # or earlier: corners count. Both lists are sorted, so these are neighbours in them.
    first = np.searchsorted(stops, starts - stride, side="left")
    after = np.searchsorted(starts, stops - stride, side="right")
    lengths = np.maximum(after - first, 0)
    lower = np.repeat(np.arange(len(starts)), lengths)
    within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return np.repeat(first, lengths) + within, lower


def _join(count, left, right):
    """Union-find on all pairs at once: the smallest member of each one's set, shape (count,)."""
    roots = np.arange(count)
    while True:
        low, high = np.minimum(roots[left], roots[right]), np.maximum(roots[left], roots[right])
        apart = low < high
        if not apart.any():
            return roots
        left, right, low, high = left[apart], right[apart], low[apart], high[apart]
        # A root only ever moves to a smaller one, so that no circle can arise.
        np.minimum.at(roots, high, low)
        while not np.array_equal(shorter := roots[roots], roots):
            roots = shorter


@dataclass(frozen=True, eq=False)
class ComponentCounts(CountsPerImage):
    """Connected components of every (image, class).

    Attributes:
        true: components of the true mask, whole numbers of shape (images, classes).
        found: those of them that share a pixel with the predicted mask of their class, same shape.
        predicted: components of the predicted mask, same shape.
        false: those of them that share no pixel with the true mask of their class, same shape.

    Raises:
        ValueError: a field is no array of whole numbers (images, classes), or the shapes differ.
    """

    true: np.ndarray
    found: np.ndarray
    predicted: np.ndarray
    false: np.ndarray

    def __post_init__(self):
        """Check the shapes."""
        self._check_arrays(("true", "found", "predicted", "false"))


def component_counts(y_true, y_pred):
    """Count true components and those found, predicted components and false ones, for each image and class.

    Args:
        y_true: true masks, shape (images, height, width, classes) or (height, width, classes), values 0 or 1.
        y_pred: predicted masks, same shape; threshold them first.

    Returns:
        ComponentCounts; one image gives arrays of shape (1, classes).

    Raises:
        ValueError: shapes differ, or values other than 0 and 1.

    Example:
        >>> counts = component_counts([[[1], [0], [1], [0], [0]]], [[[1], [0], [0], [0], [1]]])
        >>> counts.true.tolist(), counts.found.tolist(), counts.false.tolist()
        ([[2]], [[1]], [[1]])
    """
    true, predicted = check_masks(y_true, y_pred)
    shape = (len(true), true.shape[-1])
    pairs = [(true[image, ..., index], predicted[image, ..., index]) for image, index in np.ndindex(shape)]
    true_count, found = _count_touched([(truth, guess) for truth, guess in pairs], shape)
    predicted_count, touching = _count_touched([(guess, truth) for truth, guess in pairs], shape)
    return ComponentCounts(true_count, found, predicted_count, predicted_count - touching)


def _count_touched(pairs, shape):
    """Count the components of the first mask of each pair, and those that share a pixel with the second."""
    counted = np.zeros((len(pairs), 2), np.int64)
    for row, (mask, other) in zip(counted, pairs, strict=True):
        labels, row[0] = label_components(mask)
        row[1] = len(np.unique(labels[mask & other]))
    return counted[:, 0].reshape(shape), counted[:, 1].reshape(shape)


def component_score_terms(counts):
    """Write both scores of components as sums over images, for `helpers.intervals`.

    Args:
        counts: ComponentCounts.

    Returns:
        dict of ScoreTerms: `defects_found` and `false_components`.

    Example:
        >>> terms = component_score_terms(ComponentCounts([[2]], [[1]], [[3]], [[2]]))
        >>> terms["defects_found"].score(), terms["false_components"].score()
        (0.5, 2.0)
    """
    return {
        "defects_found": ScoreTerms(counts.found.sum(axis=1), counts.true.sum(axis=1)),
        "false_components": ScoreTerms(counts.false.sum(axis=1), np.ones(len(counts))),
    }


def defects_found(counts):
    """Share of true components that the prediction of their class touches: at least one pixel in common.

    Args:
        counts: ComponentCounts; `counts.of_class(index)` for one class.

    Returns:
        float in [0, 1], higher is better; NaN without any true component. Predicting everything scores 1:
        read it beside `false_components`.

    Example:
        >>> defects_found(ComponentCounts([[2]], [[1]], [[3]], [[2]]))
        0.5
    """
    return component_score_terms(counts)["defects_found"].score()


def false_components(counts):
    """False components an image: predicted components that share no pixel with the true mask of their class.

    Args:
        counts: ComponentCounts; `counts.of_class(index)` for one class.

    Returns:
        float, components for each image (classes added up), lower is better; NaN without images.

    Example:
        >>> false_components(ComponentCounts([[2], [0]], [[1], [0]], [[3], [0]], [[1], [0]]))
        0.5
    """
    return component_score_terms(counts)["false_components"].score()
