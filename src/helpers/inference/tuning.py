"""Decisions tuned on images that do not judge: for each class a threshold, and the smallest mask that is believed."""

from dataclasses import dataclass

import numpy as np

from helpers.counts import PixelCounts

THRESHOLDS = tuple(round(0.05 * number, 2) for number in range(1, 20))
SIZES = (0.0, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2)  # smallest masks that are tried, as fractions of the image
MEASURES = ("kaggle_dice", "defect_dice")


@dataclass(frozen=True)
class ThresholdCounts:
    """Pixels of each image and class: true ones, and predicted and shared ones at each threshold.

    Attributes:
        true: int64 array (images, classes).
        predicted: int64 array (images, classes, thresholds).
        shared: int64 array (images, classes, thresholds).
        pixels: int64 array (images,) of the images' areas.
        thresholds: tuple of the thresholds, rising.
    """

    true: np.ndarray
    predicted: np.ndarray
    shared: np.ndarray
    pixels: np.ndarray
    thresholds: tuple = THRESHOLDS

    def take(self, images):
        """The counts of some images, by position or by an array of bool."""
        arrays = (self.true[images], self.predicted[images], self.shared[images], self.pixels[images])
        return ThresholdCounts(*arrays, self.thresholds)

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
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names), parts[0].thresholds)


@dataclass(frozen=True)
class Decisions:
    """What turns probabilities into masks.

    Attributes:
        thresholds: for each class, the probability from which a pixel counts as defect.
        smallest: for each class, the smallest mask that is believed, as a fraction of the image; smaller ones are
            taken back whole.
    """

    thresholds: tuple
    smallest: tuple


def count_at_thresholds(y_true, probabilities, thresholds=THRESHOLDS):
    """Count one image's pixels at many thresholds at once.

    Args:
        y_true: array (height, width, classes) of 0 and 1.
        probabilities: float array of the same shape.
        thresholds: rising tuple; a pixel is predicted where its probability reaches the threshold.

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
    reached = np.searchsorted(np.asarray(thresholds, probabilities.dtype), probabilities, side="right")
    classes, bins = y_true.shape[-1], len(thresholds) + 1
    places = reached + bins * np.arange(classes)
    everywhere = np.bincount(places.ravel(), minlength=classes * bins).reshape(classes, bins)
    in_defects = np.bincount(places[y_true > 0], minlength=classes * bins).reshape(classes, bins)
    predicted, shared = (np.cumsum(counts[:, ::-1], axis=1)[:, -2::-1] for counts in (everywhere, in_defects))
    return ThresholdCounts(
        in_defects.sum(axis=1)[np.newaxis],
        predicted[np.newaxis],
        shared[np.newaxis],
        np.array([y_true.shape[0] * y_true.shape[1]]),
        tuple(thresholds),
    )


def tune_decisions(counts, measure="kaggle_dice", sizes=SIZES):
    """Choose threshold and smallest mask for each class, by the score over the images given.

    Each class is tuned by itself, since both measures are means over pairs of image and class. Of near-equal choices
    the one in the middle of a plateau wins: a choice counts by the mean of its own score and its neighbours'.

    Args:
        counts: `ThresholdCounts` of images that will not judge the result.
        measure: "kaggle_dice", or "defect_dice" for pairs with a defect alone.
        sizes: smallest masks to try, rising, as fractions of the image.

    Returns:
        `Decisions`. A class that no pair speaks for gets 0.5 and 0.

    Raises:
        ValueError: the measure is not known.

    Source:
        Averaging over neighbours: ours; the optimum of few images is sharp by chance.
    """
    if measure not in MEASURES:
        raise ValueError(f"measure: got {measure!r}, expected one of: {', '.join(MEASURES)}.")
    chosen = [_tune_class(counts, class_index, measure, sizes) for class_index in range(counts.true.shape[1])]
    return Decisions(*(tuple(column) for column in zip(*chosen, strict=True)))


def decided_counts(counts, decisions):
    """What the decisions make of counted images.

    Args:
        counts: `ThresholdCounts`.
        decisions: `Decisions`, whose thresholds are among those counted.

    Returns:
        `PixelCounts`, without the background.

    Raises:
        ValueError: a threshold was not counted.
    """
    strange = sorted(set(decisions.thresholds) - set(counts.thresholds))
    if strange:
        raise ValueError(f"threshold {strange[0]} was not counted, only {counts.thresholds}. Count the images anew.")
    places = [counts.thresholds.index(threshold) for threshold in decisions.thresholds]
    classes = np.arange(counts.true.shape[1])
    predicted, shared = counts.predicted[:, classes, places], counts.shared[:, classes, places]
    believed = predicted >= np.outer(counts.pixels, decisions.smallest)
    return PixelCounts(counts.true, predicted * believed, shared * believed)


def _tune_class(counts, class_index, measure, sizes):
    """(threshold, smallest mask) of one class."""
    true = counts.true[:, class_index]
    judged = true > 0 if measure == "defect_dice" else np.ones(len(true), bool)
    if not judged.any():
        return 0.5, 0.0
    true = true[judged, np.newaxis]
    predicted, shared = counts.predicted[judged, class_index], counts.shared[judged, class_index]
    scores = np.empty((len(sizes), len(counts.thresholds)))
    for number, size in enumerate(sizes):
        believed = predicted >= size * counts.pixels[judged, np.newaxis]
        both = true + predicted * believed
        dice = np.where(both == 0, 1.0, 2 * shared * believed / np.maximum(both, 1))
        scores[number] = dice.mean(axis=0)
    padded = np.pad(scores, 1, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3))
    size, place = np.unravel_index(windows.mean(axis=(2, 3)).argmax(), scores.shape)
    return counts.thresholds[place], sizes[size]
