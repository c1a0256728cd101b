"""Pixels counted at many thresholds at once, so that decisions can be tuned without the images."""

from dataclasses import dataclass, replace

import numpy as np

from helpers.inference.holes import fill_holes

THRESHOLDS = tuple(round(0.05 * number, 2) for number in range(1, 20))


@dataclass(frozen=True)
class ThresholdCounts:
    """Pixels of each image and class: true ones, and predicted and shared ones at each threshold.

    Attributes:
        true: int64 array (images, classes).
        predicted: int64 array (images, classes, thresholds).
        shared: int64 array (images, classes, thresholds).
        pixels: int64 array (images,) of the images' areas.
        thresholds: tuple of the thresholds, rising.
        stated: float array (images,) of the probability of a defect that a classifier states; None without one.
        filled: `ThresholdCounts` of the same images with the holes of the predicted masks filled; None where those were
            not counted.
    """

    true: np.ndarray
    predicted: np.ndarray
    shared: np.ndarray
    pixels: np.ndarray
    thresholds: tuple = THRESHOLDS
    stated: np.ndarray | None = None
    filled: "ThresholdCounts | None" = None

    def take(self, images):
        """The counts of some images, by position or by an array of bool."""
        arrays = (self.true[images], self.predicted[images], self.shared[images], self.pixels[images])
        stated = None if self.stated is None else self.stated[images]
        filled = None if self.filled is None else self.filled.take(images)
        return ThresholdCounts(*arrays, self.thresholds, stated, filled)

    def behind(self, stated):
        """The same counts with what a classifier states of each image: float array (images,), or None."""
        filled = None if self.filled is None else self.filled.behind(stated)
        return replace(self, stated=None if stated is None else np.asarray(stated, float), filled=filled)

    def filling(self, classes):
        """The same counts, for some classes with their holes filled.

        Args:
            classes: for each class whether to fill; empty fills none.

        Raises:
            ValueError: holes are to be filled, and were not counted so.
        """
        if not any(classes):
            return self
        if self.filled is None:
            raise ValueError("holes are to be filled, and were not counted so. Count the images with `fill=True`.")
        chosen = np.asarray(classes, bool)[:, np.newaxis]
        predicted, shared = (
            np.where(chosen, getattr(self.filled, name), getattr(self, name)) for name in ("predicted", "shared")
        )
        return replace(self, predicted=predicted, shared=shared)

    @classmethod
    def concatenate(cls, parts):
        """Join the counts of several images, at the same thresholds.

        Raises:
            ValueError: there is no part, or the thresholds differ.
        """
        parts = list(parts)
        if len({part.thresholds for part in parts}) != 1:
            raise ValueError("expected the counts of one or more images at the same thresholds. Count them anew.")
        names = ("true", "predicted", "shared", "pixels")
        stated, filled = [part.stated for part in parts], [part.filled for part in parts]
        return cls(
            *(np.concatenate([getattr(part, name) for part in parts]) for name in names),
            parts[0].thresholds,
            None if any(each is None for each in stated) else np.concatenate(stated),
            None if any(each is None for each in filled) else cls.concatenate(filled),
        )


def count_at_thresholds(y_true, probabilities, thresholds=THRESHOLDS, fill=False):
    """Count one image's pixels at many thresholds at once.

    Args:
        y_true: array (height, width, classes) of 0 and 1.
        probabilities: float array of the same shape.
        thresholds: rising tuple; a pixel is predicted where its probability reaches the threshold.
        fill: whether to count with the holes of the predicted masks filled, too.

    Returns:
        `ThresholdCounts` of one image.

    Raises:
        ValueError: the shapes differ.
    """
    y_true, probabilities = np.asarray(y_true), np.asarray(probabilities)
    if y_true.shape != probabilities.shape or y_true.ndim != 3:
        raise ValueError(
            f"y_true has shape {y_true.shape}, probabilities {probabilities.shape}; expected (height, width, classes) "
            "for both. Are they of one image, at its own size?"
        )
    # as `threshold_masks` does it: in the precision of the probabilities
    edges = np.asarray(thresholds, probabilities.dtype)
    levels = np.zeros(y_true.shape[::-1], np.uint8)  # class by class, each in one piece of memory
    true = np.ascontiguousarray(y_true.T) > 0
    probabilities = np.ascontiguousarray(probabilities.T)
    marked = probabilities >= edges[0]  # few are, so that the rest needs no search
    levels[marked] = np.searchsorted(edges, probabilities[marked], side="right")
    counts = _count_levels(true, levels, thresholds)
    if not fill:
        return counts
    return replace(counts, filled=_count_levels(true, np.stack([fill_holes(plane) for plane in levels]), thresholds))


def _count_levels(true, levels, thresholds):
    """`ThresholdCounts` of one image from the number of thresholds that each pixel reaches, (classes, ...)."""
    bins = len(thresholds) + 1
    everywhere, in_defects = (
        np.array([np.bincount(plane.ravel(), minlength=bins) for plane in planes])
        for planes in (levels, [plane[inside] for plane, inside in zip(levels, true, strict=True)])
    )
    predicted, shared = (np.cumsum(counts[:, ::-1], axis=1)[:, -2::-1] for counts in (everywhere, in_defects))
    return ThresholdCounts(
        in_defects.sum(axis=1)[np.newaxis],
        predicted[np.newaxis],
        shared[np.newaxis],
        np.array([true[0].size]),
        tuple(thresholds),
    )
