"""Scores of predicted masks, in NumPy alone.

Two scales are in use for this data. `kaggle_dice` counts the many (image, class) pairs without a defect, each
worth 1 when it is predicted empty; `defect_dice` leaves them out. `all_empty_dice` is what the first gives
for predicting nothing at all, and belongs beside it.

Every score of a split is computed from a few counts for each image, so that no more than one batch of masks
is ever in memory and images may differ in size::

    counts = PixelCounts.concatenate([pixel_counts(y_true, y_pred) for y_true, y_pred in batches])
    kaggle_dice(counts), all_empty_dice(counts), defect_dice(counts)

A score that is undefined, such as the Dice of a class that has no defect, is NaN and never a silent 0; a mean
leaves undefined parts out. Intervals come from `helpers.intervals`, scores of defects as objects from
`helpers.components`, scores of one answer for a whole image from `helpers.classification`.
"""

from dataclasses import dataclass

import numpy as np

from helpers.counts import PixelCounts, check_binary, check_probabilities, check_same_shape, pixel_counts

__all__ = [
    "PixelCounts",
    "ScoreTerms",
    "all_empty_dice",
    "batch_dice_coef",
    "defect_dice",
    "defect_dice_by_class",
    "defect_dice_class_mean",
    "dice_by_pair",
    "dice_score",
    "empty_accuracy",
    "iou_by_class",
    "kaggle_dice",
    "kaggle_dice_from_parts",
    "mean_of_ratios",
    "miou",
    "pixel_counts",
    "pixel_score_terms",
    "ratios",
]


def ratios(numerator, denominator):
    """Divide element by element, NaN where the denominator is 0."""
    numerator, denominator = np.asarray(numerator, float), np.asarray(denominator, float)
    return np.divide(numerator, denominator, out=np.full(numerator.shape, np.nan), where=denominator > 0)


def mean_of_ratios(numerator, denominator):
    """Mean along the last axis of numerator / denominator without the 0 denominators; NaN if all are 0."""
    values = ratios(numerator, denominator)
    known = ~np.isnan(values)
    return ratios(np.where(known, values, 0).sum(axis=-1), known.sum(axis=-1))


@dataclass(frozen=True, eq=False)
class ScoreTerms:
    """A score as sums over images: the mean, over the columns, of sum(numerator) / sum(denominator).

    All shares and means in this package have this form, which is what makes their bootstrap quick: it only
    weighs the images anew.

    Attributes:
        numerator: shape (images, columns), or (images,) for one column.
        denominator: same shape, nowhere below 0; a column whose sum is 0 is left out of the mean.

    Raises:
        ValueError: the shapes differ or have more than two axes, some value is not finite, or a denominator
            is negative.

    Example:
        >>> ScoreTerms([1, 0, 1, 1], [1, 1, 1, 1]).score()
        0.75
    """

    numerator: np.ndarray
    denominator: np.ndarray

    def __post_init__(self):
        """Check the two arrays and give them two axes."""
        numerator, denominator = np.asarray(self.numerator, float), np.asarray(self.denominator, float)
        sound = np.isfinite(numerator).all() and np.isfinite(denominator).all() and (denominator >= 0).all()
        if numerator.shape != denominator.shape or numerator.ndim not in (1, 2) or not sound:
            raise ValueError(
                f"The numerator has shape {numerator.shape}, the denominator {denominator.shape}; expected "
                "the same shape (images, columns), finite values and no denominator below 0. "
                "Leave an image out by a denominator of 0."
            )
        columns = (*numerator.shape, 1)[:2]
        object.__setattr__(self, "numerator", numerator.reshape(columns))
        object.__setattr__(self, "denominator", denominator.reshape(columns))

    def __len__(self):
        """Count the images."""
        return len(self.numerator)

    def by_column(self):
        """Give the ratio of each column, NaN where the denominators sum to 0."""
        return ratios(self.numerator.sum(axis=0), self.denominator.sum(axis=0))

    def score(self):
        """Give the score, a float; NaN where no column has a ratio."""
        return float(mean_of_ratios(self.numerator.sum(axis=0), self.denominator.sum(axis=0)))


def pixel_score_terms(counts):
    """Write every score of pixels as sums over images.

    Args:
        counts: PixelCounts.

    Returns:
        dict of ScoreTerms by the names of the scores: `kaggle_dice`, `all_empty_dice`, `above_floor` (the
        first less the second), `defect_dice`, `defect_dice_class_mean`, `empty_accuracy`, `miou`, and, where
        the background was counted, `miou_with_background`.

    Example:
        >>> counts = PixelCounts(true=[[4, 0]], predicted=[[2, 0]], shared=[[2, 0]])
        >>> {name: round(terms.score(), 3) for name, terms in pixel_score_terms(counts).items()}
        ... # doctest: +NORMALIZE_WHITESPACE
        {'kaggle_dice': 0.833, 'all_empty_dice': 0.5, 'above_floor': 0.333, 'defect_dice': 0.667,
         'defect_dice_class_mean': 0.667, 'empty_accuracy': 1.0, 'miou': 0.5}
    """
    dice, defect = dice_by_pair(counts), counts.true > 0
    every = np.ones_like(defect)
    terms = {
        "kaggle_dice": _mean_over(dice, every),
        "all_empty_dice": _mean_over(~defect, every),
        "above_floor": _mean_over(dice - ~defect, every),
        "defect_dice": _mean_over(dice, defect),
        "defect_dice_class_mean": ScoreTerms(dice * defect, defect),
        "empty_accuracy": _mean_over(counts.predicted == 0, ~defect),
        "miou": _iou_terms(counts),
    }
    if counts.background is not None:
        terms["miou_with_background"] = _iou_terms(counts, background=True)
    return terms


def _mean_over(values, chosen):
    """Mean over the chosen (image, class) pairs."""
    return ScoreTerms((values * chosen).sum(axis=1), chosen.sum(axis=1))


def _iou_terms(counts, *, background=False):
    """Shared over covered pixels, a column for each class; the background last."""
    shared, covered = counts.shared, counts.true + counts.predicted - counts.shared
    if not background:
        return ScoreTerms(shared, covered)
    if counts.background is None:
        raise ValueError(
            "These counts have no background; expected its pixels beside those of the classes. "
            "Count them with `pixel_counts`, and join with `PixelCounts.concatenate`."
        )
    outside = _iou_terms(counts.background)
    return ScoreTerms(np.hstack([shared, outside.numerator]), np.hstack([covered, outside.denominator]))


def dice_by_pair(counts, *, empty=1.0):
    """Dice score of each (image, class) pair.

    Args:
        counts: PixelCounts.
        empty: score of a pair whose two masks are both empty.

    Returns:
        Array of float, shape (images, classes).

    Example:
        >>> dice_by_pair(PixelCounts([[3, 0]], [[1, 0]], [[1, 0]])).tolist()
        [[0.5, 1.0]]
    """
    total = counts.true + counts.predicted
    return np.where(total == 0, empty, 2 * counts.shared / np.maximum(total, 1))


def dice_score(y_true, y_pred, *, empty=1.0):
    """Mean Dice score over a batch of binary masks.

    Args:
        y_true: true masks, shape (batch, height, width), values 0 or 1.
        y_pred: predicted masks, same shape; threshold them first.
        empty: score of an image whose two masks are both empty.

    Returns:
        float in [0, 1], higher is better; NaN for a batch of no images.

    Raises:
        ValueError: shapes differ or have another number of axes, or values other than 0 and 1.

    Source:
        Dice (1945), doi:10.2307/1932409. `empty` follows the competition's evaluation page.

    Example:
        >>> round(dice_score([[[1, 1, 0]]], [[[1, 0, 0]]]), 3)
        0.667
    """
    true, predicted = check_binary(y_true, "y_true"), check_binary(y_pred, "y_pred")
    check_same_shape(true, predicted)
    if true.ndim != 3:
        raise ValueError(
            f"Masks have shape {true.shape}; expected (batch, height, width). "
            "For masks of several classes take `pixel_counts` and `kaggle_dice`."
        )
    dice = dice_by_pair(pixel_counts(true[..., np.newaxis], predicted[..., np.newaxis]), empty=empty)
    return float(ratios(dice.sum(), dice.size))


def kaggle_dice(counts):
    """The competition's score: mean Dice over every (image, class), 1 where both masks are empty.

    Args:
        counts: PixelCounts.

    Returns:
        float in [0, 1], higher is better; NaN without images. Read it beside `all_empty_dice`.

    Source:
        Evaluation page of the Kaggle competition "Severstal: Steel Defect Detection" (2019).

    Example:
        >>> round(kaggle_dice(PixelCounts([[2, 0]], [[1, 0]], [[1, 0]])), 3)
        0.833
    """
    return pixel_score_terms(counts)["kaggle_dice"].score()


def all_empty_dice(counts):
    """The floor under `kaggle_dice`, what predicting nothing scores: the share of defect-free pairs.

    Args:
        counts: PixelCounts; only the true pixels matter.

    Returns:
        float in [0, 1]; NaN without images. 0.8589 on the competition's training set.

    Example:
        >>> all_empty_dice(PixelCounts([[2, 0]], [[1, 0]], [[1, 0]]))
        0.5
    """
    return pixel_score_terms(counts)["all_empty_dice"].score()


def defect_dice(counts):
    """Mean Dice over the (image, class) pairs that do have a defect.

    Args:
        counts: PixelCounts.

    Returns:
        float in [0, 1], higher is better; NaN where nothing has a defect.

    Example:
        >>> round(defect_dice(PixelCounts([[2, 0]], [[1, 0]], [[1, 0]])), 3)
        0.667
    """
    return pixel_score_terms(counts)["defect_dice"].score()


def defect_dice_by_class(counts):
    """Mean Dice over the images that have a defect of the class, for each class.

    Args:
        counts: PixelCounts.

    Returns:
        Array of float, shape (classes,); NaN for a class without a defect.

    Example:
        >>> defect_dice_by_class(PixelCounts([[3, 0], [1, 0]], [[1, 0], [1, 0]], [[1, 0], [1, 0]])).tolist()
        [0.75, nan]
    """
    return pixel_score_terms(counts)["defect_dice_class_mean"].by_column()


def defect_dice_class_mean(counts):
    """Mean of `defect_dice_by_class`, so that a rare class weighs as much as a common one.

    Args:
        counts: PixelCounts.

    Returns:
        float in [0, 1], higher is better; classes without a defect are left out, NaN if that leaves none.

    Example:
        >>> defect_dice_class_mean(PixelCounts([[3, 0], [1, 0]], [[1, 0], [1, 0]], [[1, 0], [1, 0]]))
        0.75
    """
    return pixel_score_terms(counts)["defect_dice_class_mean"].score()


def empty_accuracy(counts):
    """Share of the defect-free (image, class) pairs that are predicted empty.

    Args:
        counts: PixelCounts.

    Returns:
        float in [0, 1], higher is better; NaN where every pair has a defect.

    Example:
        >>> empty_accuracy(PixelCounts([[2, 0, 0]], [[1, 5, 0]], [[1, 0, 0]]))
        0.5
    """
    return pixel_score_terms(counts)["empty_accuracy"].score()


def kaggle_dice_from_parts(floor, accuracy, dice):
    """Put `kaggle_dice` together from the three scores that explain it.

    Args:
        floor: `all_empty_dice`, the share of defect-free pairs.
        accuracy: `empty_accuracy`; not looked at where the floor is 0, since it is NaN there.
        dice: `defect_dice`; not looked at where the floor is 1, since it is NaN there.

    Returns:
        float: floor * accuracy + (1 - floor) * dice.

    Example:
        >>> round(kaggle_dice_from_parts(0.86, 0.97, 0.63), 4)
        0.9224
        >>> kaggle_dice_from_parts(1.0, 0.97, float("nan"))
        0.97
    """
    if floor == 0:
        return float(dice)
    if floor == 1:
        return float(accuracy)
    return float(floor * accuracy + (1 - floor) * dice)


def iou_by_class(counts, *, background=False):
    """Intersection over union of each class, both summed over all images.

    Args:
        counts: PixelCounts.
        background: whether to add the pixels of no class as a last class.

    Returns:
        Array of float, shape (classes,), or (classes + 1,) with the background; NaN where no image has a true
        or predicted pixel.

    Raises:
        ValueError: the background is wanted but was not counted.

    Source:
        Jaccard (1912), doi:10.1111/j.1469-8137.1912.tb05611.x; summed before dividing, as PASCAL VOC does.

    Example:
        >>> iou_by_class(PixelCounts([[3, 0], [1, 0]], [[1, 0], [1, 0]], [[1, 0], [1, 0]])).tolist()
        [0.5, nan]
    """
    return _iou_terms(counts, background=background).by_column()


def miou(counts, *, background=False):
    """Mean of `iou_by_class` over the defect classes.

    Args:
        counts: PixelCounts.
        background: whether the pixels of no class count as one more class, which lifts the mean on this data.

    Returns:
        float in [0, 1], higher is better; classes of NaN are left out, NaN if that leaves none.

    Raises:
        ValueError: the background is wanted but was not counted.

    Example:
        >>> counts = pixel_counts([[[1], [1], [0], [0]]], [[[1], [0], [0], [0]]])
        >>> miou(counts), round(miou(counts, background=True), 3)
        (0.5, 0.583)
    """
    return _iou_terms(counts, background=background).score()


def batch_dice_coef(y_true, probabilities, smooth=1.0):
    """The U-Net paper's Dice, only to stand beside its figure: soft, flattened over the batch, smoothed.

    It depends on how the images fall into batches, and a batch of nothing but empty masks gives 1 only where
    the probabilities vanish. The mean over batches is the caller's.

    Args:
        y_true: true masks of one batch, any shape, values 0 or 1.
        probabilities: same shape, not thresholded, in [0, 1].
        smooth: added above and below the fraction; not below 0. With 0, a batch without any pixel gives NaN.

    Returns:
        float in [0, 1]; higher is better.

    Raises:
        ValueError: shapes differ, a label is not 0 or 1, a probability lies outside [0, 1], or smooth is
            negative.

    Source:
        `dice_coef` of Keras U-Net examples; the soft form is that of Milletari et al. (2016),
        arXiv:1606.04797, without their squares.

    Example:
        >>> round(batch_dice_coef([[1, 0]], [[0.5, 0.5]]), 3)
        0.667
    """
    true, predicted = check_binary(y_true, "y_true"), np.asarray(probabilities)
    check_same_shape(true, predicted)
    check_probabilities(predicted)
    if not smooth >= 0:
        raise ValueError(f"smooth is {smooth}; expected 0 or more. The paper takes 1.")
    shared = predicted[true].sum(dtype=float)
    return float(ratios(2 * shared + smooth, np.count_nonzero(true) + predicted.sum(dtype=float) + smooth))
