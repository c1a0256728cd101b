"""Scores of one yes-or-no answer for each image: a classifier's, and what a mill asks. NumPy alone.

The arrays have one axis, the image. Whoever scores several classes calls a function once for each. A score
above or *at* a threshold means yes. What is undefined is NaN, where scikit-learn warns and gives 0.
"""

from typing import NamedTuple

import numpy as np

from helpers.counts import check_binary, check_probabilities, check_same_shape
from helpers.metrics import ScoreTerms, ratios


def confusion_matrix(y_true, y_pred):
    """Count images by what they are and what was predicted.

    Args:
        y_true: what is so, shape (images,), values 0 or 1.
        y_pred: what was predicted, same shape.

    Returns:
        Array of int64, shape (2, 2): [[true negatives, false positives], [false negatives, true positives]].

    Raises:
        ValueError: shapes differ or have another number of axes, or values other than 0 and 1.

    Example:
        >>> confusion_matrix([1, 1, 0, 0, 0], [1, 0, 1, 0, 0]).tolist()
        [[2, 1], [1, 1]]
    """
    true, predicted = _check_answers(y_true, y_pred)
    return np.bincount(2 * true + predicted, minlength=4).reshape(2, 2)


def _check_answers(y_true, y_pred):
    """Read two arrays of yes and no with one axis."""
    true, predicted = check_binary(y_true, "y_true"), check_binary(y_pred, "y_pred")
    check_same_shape(true, predicted)
    _check_one_axis(true)
    return true, predicted


def _check_one_axis(true):
    """Refuse anything but one value for each image."""
    if true.ndim != 1:
        raise ValueError(
            f"y_true has shape {true.shape}; expected (images,), one value for each image. Score classes one by one."
        )


def classification_terms(y_true, y_pred):
    """Write accuracy, precision, recall and F1 as sums over images, for `helpers.intervals`.

    Args:
        y_true: what is so, shape (images,), values 0 or 1.
        y_pred: what was predicted, same shape.

    Returns:
        dict of ScoreTerms: `accuracy`, `precision`, `recall`, `f1`.

    Raises:
        ValueError: as `confusion_matrix`.

    Example:
        >>> classification_terms([1, 1, 0], [1, 0, 0])["recall"].score()
        0.5
    """
    true, predicted = _check_answers(y_true, y_pred)
    both = true & predicted
    return {
        "accuracy": ScoreTerms(true == predicted, np.ones(len(true))),
        "precision": ScoreTerms(both, predicted),
        "recall": ScoreTerms(both, true),
        "f1": ScoreTerms(2.0 * both, true.astype(int) + predicted),
    }


def classification_scores(y_true, y_pred):
    """Accuracy, precision, recall and F1 of the answer yes.

    Args:
        y_true: what is so, shape (images,), values 0 or 1.
        y_pred: what was predicted, same shape.

    Returns:
        dict of float: `accuracy` (NaN without images), `precision` (NaN where nothing is predicted yes),
        `recall` (NaN where nothing is yes), `f1` (2 TP / (2 TP + FP + FN): NaN only where neither occurs).
        For the answer no, give both arrays inverted.

    Raises:
        ValueError: as `confusion_matrix`.

    Example:
        >>> scores = classification_scores([1, 1, 1, 0], [1, 1, 0, 0])
        >>> {name: round(value, 3) for name, value in scores.items()}
        {'accuracy': 0.75, 'precision': 1.0, 'recall': 0.667, 'f1': 0.8}
    """
    return {name: terms.score() for name, terms in classification_terms(y_true, y_pred).items()}


class _Counted(NamedTuple):
    """Images of each kind with a score at or above each distinct threshold, the highest threshold first."""

    thresholds: np.ndarray
    positives: np.ndarray
    negatives: np.ndarray


def _count_at_thresholds(y_true, scores):
    """Count at every distinct score, so that images with equal scores are never told apart."""
    true, scores = check_binary(y_true, "y_true"), np.asarray(scores)
    check_same_shape(true, scores)
    _check_one_axis(true)
    if scores.dtype.kind not in "biuf" or not np.isfinite(scores).all():
        strange = scores[~np.isfinite(scores)] if scores.dtype.kind == "f" else scores
        raise ValueError(f"The scores hold {strange.flat[0]!s}; expected finite numbers. Did the training run away?")
    order = np.argsort(-scores.astype(float), kind="stable")
    ranked, positives = scores[order], np.cumsum(true[order])
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True)) if len(ranked) else np.array([], int)
    return _Counted(ranked[last], positives[last], last + 1 - positives[last])


def average_precision(y_true, scores):
    """Mean precision over the ranking: precision times the step in recall, summed over distinct thresholds.

    Args:
        y_true: what is so, shape (images,), values 0 or 1.
        scores: same shape, finite, higher means rather yes. Equal scores count as one threshold.

    Returns:
        float in [0, 1], higher is better; a random order gives about the share of yes. NaN where nothing is
        yes; 1 where everything is, whatever the scores.

    Raises:
        ValueError: shapes differ or are not (images,), a label is not 0 or 1, or a score is not finite.

    Source:
        The definition of scikit-learn's `average_precision_score`: no interpolation.

    Example:
        >>> round(average_precision([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]), 3)
        0.833
    """
    counted = _count_at_thresholds(y_true, scores)
    if counted.positives.size == 0 or counted.positives[-1] == 0:
        return float("nan")
    precision = counted.positives / (counted.positives + counted.negatives)
    return float((precision * np.diff(counted.positives, prepend=0)).sum() / counted.positives[-1])


def roc_auc(y_true, scores):
    """Area under the ROC curve: how often an image that is yes scores above one that is no; ties count half.

    Args:
        y_true: what is so, shape (images,), values 0 or 1.
        scores: same shape, finite, higher means rather yes.

    Returns:
        float in [0, 1], higher is better, 0.5 for a random order; NaN unless both answers occur.

    Raises:
        ValueError: shapes differ or are not (images,), a label is not 0 or 1, or a score is not finite.

    Source:
        Hanley and McNeil (1982), doi:10.1148/radiology.143.1.7063747.

    Example:
        >>> roc_auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
        0.75
    """
    counted = _count_at_thresholds(y_true, scores)
    if counted.positives.size == 0 or counted.positives[-1] == 0 or counted.negatives[-1] == 0:
        return float("nan")
    at_threshold = np.diff(counted.negatives, prepend=0)
    above = np.append(0, counted.positives[:-1])
    wins = (at_threshold * (above + counted.positives)).sum() / 2
    return float(wins / (counted.positives[-1] * counted.negatives[-1]))


def calibration_error(y_true, probabilities, *, bins=15):
    """Expected calibration error: how far the stated probability of yes lies from its frequency, on average.

    The probabilities fall into bins of equal width, each closed at its upper end (the first at both). A bin
    counts by its share of the images: sum of share * |mean probability - frequency of yes|.

    Args:
        y_true: what is so, shape (images,), values 0 or 1.
        probabilities: of yes, same shape, in [0, 1].
        bins: how many; the value depends on it, so state it.

    Returns:
        float in [0, 1], lower is better; NaN without images.

    Raises:
        ValueError: shapes differ or are not (images,), a label is not 0 or 1, a probability lies outside
            [0, 1], or bins is not a whole number of at least 1.

    Source:
        Guo et al. (2017), arXiv:1706.04599, with their 15 bins; there of the winning class, here of yes.

    Example:
        >>> round(calibration_error([1, 0, 1, 1], [0.9, 0.1, 0.9, 0.9]), 3)
        0.1
    """
    true, probabilities = check_binary(y_true, "y_true"), np.asarray(probabilities)
    check_same_shape(true, probabilities)
    _check_one_axis(true)
    check_probabilities(probabilities)
    if bins < 1 or bins != int(bins):
        raise ValueError(f"bins is {bins}; expected a whole number of at least 1. The usual number is 15.")
    edges = np.linspace(0, 1, int(bins) + 1)[1:-1]
    chosen = np.searchsorted(edges, probabilities, side="left")
    # In each bin, share * |mean - mean| is |sum - sum| / images.
    gaps = np.bincount(chosen, weights=probabilities.astype(float) - true, minlength=int(bins))
    return float(ratios(np.abs(gaps).sum(), len(true)))


def sheet_terms(has_defect, predicted_defect):
    """Write both scores of sheets as sums over images, for `helpers.intervals`.

    Args:
        has_defect: whether each sheet has a defect, shape (images,), values 0 or 1.
        predicted_defect: whether one was predicted, same shape.

    Returns:
        dict of ScoreTerms: `sheets_passed` and `sheets_rejected`.

    Raises:
        ValueError: as `confusion_matrix`; there the two are called y_true and y_pred.

    Example:
        >>> sheet_terms([1, 1, 0], [1, 0, 0])["sheets_passed"].score()
        0.5
    """
    true, predicted = _check_answers(has_defect, predicted_defect)
    return {
        "sheets_passed": ScoreTerms(true & ~predicted, true),
        "sheets_rejected": ScoreTerms(~true & predicted, ~true),
    }


def sheets_passed(has_defect, predicted_defect):
    """Share of the defective sheets that are predicted clean, and so would be sold.

    Args:
        has_defect: whether each sheet has a defect, shape (images,), values 0 or 1.
        predicted_defect: whether one was predicted, same shape.

    Returns:
        float in [0, 1], lower is better (1 - recall); NaN where no sheet is defective.

    Raises:
        ValueError: as `confusion_matrix`.

    Example:
        >>> sheets_passed([1, 1, 0, 0], [1, 0, 0, 0])
        0.5
    """
    return sheet_terms(has_defect, predicted_defect)["sheets_passed"].score()


def sheets_rejected(has_defect, predicted_defect):
    """Share of the clean sheets that are predicted defective, and so would be thrown away.

    Args:
        has_defect: whether each sheet has a defect, shape (images,), values 0 or 1.
        predicted_defect: whether one was predicted, same shape.

    Returns:
        float in [0, 1], lower is better; NaN where no sheet is clean.

    Raises:
        ValueError: as `confusion_matrix`.

    Example:
        >>> sheets_rejected([1, 1, 0, 0], [1, 1, 1, 0])
        0.5
    """
    return sheet_terms(has_defect, predicted_defect)["sheets_rejected"].score()


class SheetsCurve(NamedTuple):
    """Sheets passed against sheets rejected: three arrays of the same length, by rising threshold."""

    thresholds: np.ndarray
    passed: np.ndarray
    rejected: np.ndarray


def sheets_curve(has_defect, scores):
    """Give sheets passed and rejected for every distinct threshold.

    Args:
        has_defect: whether each sheet has a defect, shape (images,), values 0 or 1.
        scores: same shape, finite; a sheet is rejected when its score is at or above the threshold.

    Returns:
        SheetsCurve of arrays of float: thresholds rise from the lowest score, where every sheet is rejected,
        over all distinct scores to infinity, where every sheet passes. `passed` is NaN where no sheet is
        defective, `rejected` where none is clean.

    Raises:
        ValueError: shapes differ or are not (images,), a label is not 0 or 1, or a score is not finite.

    Example:
        >>> thresholds, passed, rejected = sheets_curve([1, 1, 0], [0.9, 0.2, 0.2])
        >>> thresholds.tolist(), passed.tolist(), rejected.tolist()
        ([0.2, 0.9, inf], [0.0, 0.5, 1.0], [1.0, 0.0, 0.0])
    """
    counted = _count_at_thresholds(has_defect, scores)
    thresholds = np.append(counted.thresholds[::-1].astype(float), np.inf)
    caught, rejected = (np.append(counts[::-1], 0) for counts in (counted.positives, counted.negatives))
    return SheetsCurve(
        thresholds,
        ratios(caught[0] - caught, np.full(len(caught), caught[0])),
        ratios(rejected, np.full(len(rejected), rejected[0])),
    )


class OperatingPoint(NamedTuple):
    """A threshold, and the shares of sheets that it passes and rejects."""

    threshold: float
    passed: float
    rejected: float


def operating_point(has_defect, scores, recall):
    """Choose the threshold that rejects the fewest clean sheets while it still catches enough defective ones.

    Args:
        has_defect: whether each sheet has a defect, shape (images,), values 0 or 1.
        scores: same shape, finite; a sheet is rejected when its score is at or above the threshold.
        recall: share of the defective sheets to catch at the least, above 0 and up to 1.

    Returns:
        OperatingPoint; of several that reject equally few, the one that passes fewest. It is tuned to these
        sheets: judge it on others. `rejected` is NaN where no sheet is clean.

    Raises:
        ValueError: as `sheets_curve`; also where no sheet is defective, or recall is outside (0, 1].

    Example:
        >>> operating_point([1, 1, 0, 0], [0.9, 0.4, 0.5, 0.1], recall=0.5)
        OperatingPoint(threshold=0.9, passed=0.5, rejected=0.0)
        >>> operating_point([1, 1, 0, 0], [0.9, 0.4, 0.5, 0.1], recall=1.0)
        OperatingPoint(threshold=0.4, passed=0.0, rejected=0.5)
    """
    if not 0 < recall <= 1:
        raise ValueError(f"recall is {recall}; expected a share above 0 and up to 1. Is it in per cent?")
    counted = _count_at_thresholds(has_defect, scores)
    defective = counted.positives[-1] if counted.positives.size else 0
    if defective == 0:
        raise ValueError(
            f"None of the {len(has_defect)} sheets has a defect; expected some to measure the recall on. "
            "Choose the operating point on a split with defective sheets."
        )
    # Compared as caught / defective: 1 - passed would miss 19 of 20 for a wanted 0.95 by a rounding error.
    enough = counted.positives / defective >= recall
    best = np.flatnonzero(enough & (counted.negatives == counted.negatives[enough].min()))[-1]
    clean = counted.negatives[-1]
    return OperatingPoint(
        float(counted.thresholds[best]),
        float((defective - counted.positives[best]) / defective),
        float(ratios(counted.negatives[best], clean)),
    )


def point_at(threshold, has_defect, scores):
    """What a threshold that was chosen elsewhere does to sheets.

    Args:
        threshold: a sheet is rejected when its score is at or above it.
        has_defect: whether each sheet has a defect, shape (images,), values 0 or 1.
        scores: same shape.

    Returns:
        OperatingPoint.

    Example:
        >>> point_at(0.5, [1, 1, 0], [0.9, 0.2, 0.6])
        OperatingPoint(threshold=0.5, passed=0.5, rejected=1.0)
    """
    rejected = np.asarray(scores) >= threshold
    return OperatingPoint(float(threshold), sheets_passed(has_defect, rejected), sheets_rejected(has_defect, rejected))
