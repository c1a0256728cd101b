"""How far a score may be off: bootstrap intervals over groups of images, and the table of results with them.

Near-duplicate photographs are no independent evidence, so whole groups are drawn, with replacement, as many
as there are. A score that is written as `ScoreTerms` needs its images only as sums, and a draw only weighs
the groups anew: thousands of draws cost one product of matrices. Any other statistic goes through
`bootstrap_statistic`. NumPy alone.

Source:
    Efron and Tibshirani (1993), "An Introduction to the Bootstrap", chapter 13 (percentile intervals). Field
    and Welsh (2007), "Bootstrapping clustered data", Journal of the Royal Statistical Society B 69(3),
    369-390.
"""

from typing import NamedTuple

import numpy as np

from helpers.metrics import mean_of_ratios, pixel_score_terms

# Draws held at once, in a few arrays of 16 MB each, whatever the number of repeats.
_DRAWS_AT_ONCE = 2_000_000


class Estimate(NamedTuple):
    """A score with its interval; both ends are NaN where there is but one group or no defined draw."""

    value: float
    low: float
    high: float


def bootstrap_interval(terms, groups=None, *, repeats=1000, level=0.95, seed=0):
    """Give a score and its percentile interval.

    Args:
        terms: ScoreTerms of the score, for example `pixel_score_terms(counts)["kaggle_dice"]`.
        groups: label of each image's group, shape (images,); None makes each image its own.
        repeats: number of draws, at least 1.
        level: share of the draws inside the interval, between 0 and 1.
        seed: the same seed gives the same interval.

    Returns:
        Estimate. Draws in which the score is undefined (a rare class was not drawn) are left out.

    Raises:
        ValueError: the labels are not one for each image, one is missing, or repeats or level is out of
            range.

    Example:
        >>> from helpers.metrics import ScoreTerms
        >>> terms = ScoreTerms([1, 0, 1, 1], [1, 1, 1, 1])
        >>> bootstrap_interval(terms)
        Estimate(value=0.75, low=0.25, high=1.0)
        >>> bootstrap_interval(terms, ["a", "a", "a", "a"])
        Estimate(value=0.75, low=nan, high=nan)
    """
    return interval_table({"score": terms}, groups, repeats=repeats, level=level, seed=seed)["score"]


def paired_bootstrap(terms, other, groups=None, *, repeats=1000, level=0.95, seed=0):
    """Give the difference of two scores on the same images, and its interval.

    Both are taken from the same draws, so that what is hard or easy for both cancels out. One is better than
    the other where the interval does not hold 0.

    Args:
        terms: ScoreTerms of the first score.
        other: ScoreTerms of the second, for the same images in the same order.
        groups: label of each image's group, shape (images,); None makes each image its own.
        repeats: number of draws, at least 1.
        level: share of the draws inside the interval, between 0 and 1.
        seed: the same seed gives the same interval.

    Returns:
        Estimate of the first score less the second.

    Raises:
        ValueError: the two have another number of images; or as `bootstrap_interval`.

    Example:
        >>> from helpers.metrics import ScoreTerms
        >>> paired_bootstrap(ScoreTerms([1, 1, 1, 0], [1] * 4), ScoreTerms([1, 0, 0, 0], [1] * 4))
        Estimate(value=0.5, low=0.0, high=1.0)
    """
    scores = [terms, other]
    first, second = _draw_scores(scores, _check_groups(groups, _count_images(scores)), repeats, seed).T
    return _estimate(terms.score() - other.score(), first - second, level)


def interval_table(terms, groups=None, *, repeats=1000, level=0.95, seed=0):
    """Give several scores of the same images with their intervals, all from the same draws.

    Args:
        terms: dict of ScoreTerms, as `pixel_score_terms`, `component_score_terms`, `classification_terms` and
            `sheet_terms` give them.
        groups: label of each image's group, shape (images,); None makes each image its own.
        repeats: number of draws, at least 1.
        level: share of the draws inside the interval, between 0 and 1.
        seed: the same seed gives the same intervals.

    Returns:
        dict of Estimate, by the same names.

    Raises:
        ValueError: the scores have different numbers of images; or as `bootstrap_interval`.

    Example:
        >>> from helpers.metrics import ScoreTerms
        >>> right, wrong = ScoreTerms([1, 0, 1, 1], [1] * 4), ScoreTerms([0, 1, 0, 0], [1] * 4)
        >>> interval_table({"right": right, "wrong": wrong})
        {'right': Estimate(value=0.75, low=0.25, high=1.0), 'wrong': Estimate(value=0.25, low=0.0, high=0.75)}
    """
    scores = list(terms.values())
    drawn = _draw_scores(scores, _check_groups(groups, _count_images(scores)), repeats, seed)
    return {
        name: _estimate(score.score(), column, level)
        for name, score, column in zip(terms, scores, drawn.T, strict=True)
    }


def score_table(counts, groups=None, *, class_names=None, repeats=1000, level=0.95, seed=0):
    """Give every score of pixels with its interval, over all classes and for each class.

    Args:
        counts: PixelCounts of a split.
        groups: label of each image's near-duplicate group, shape (images,); None makes each image its own.
        class_names: a name for each class; None counts them from 1, as the competition does.
        repeats: number of draws, at least 1.
        level: share of the draws inside the interval, between 0 and 1.
        seed: the same seed gives the same intervals.

    Returns:
        dict of rows: `"all"` first, then a row for each class. A row is a dict of Estimate by the names of
        `pixel_score_terms`. In a class's row `miou` is its IoU, both means of `defect_dice` are the same, and
        there is no background. A prediction beats the floor where `above_floor.low` is above 0.

    Raises:
        ValueError: the class names are too few, too many, repeated or hold "all"; or as `bootstrap_interval`.

    Example:
        >>> from helpers.metrics import PixelCounts
        >>> table = score_table(PixelCounts([[2, 0], [2, 3]], [[2, 0], [0, 3]], [[2, 0], [0, 3]]))
        >>> list(table), table["1"]["defect_dice"]
        (['all', '1', '2'], Estimate(value=0.5, low=0.0, high=1.0))
    """
    names = _check_class_names(class_names, counts.true.shape[1])
    parts = {"all": counts, **{name: counts.of_class(index) for index, name in enumerate(names)}}
    terms = {(row, name): score for row, part in parts.items() for name, score in pixel_score_terms(part).items()}
    estimates = interval_table(terms, groups, repeats=repeats, level=level, seed=seed)
    table = {row: {} for row in parts}
    for (row, name), estimate in estimates.items():
        table[row][name] = estimate
    return table


def bootstrap_statistic(statistic, arrays, groups=None, *, repeats=1000, level=0.95, seed=0):
    """Give any statistic of images and its interval; slow, since every draw computes the statistic anew.

    Args:
        statistic: function of as many arrays as are given, to a float; NaN where it is undefined. For a
            paired difference of two predictions, give both and return the difference of their scores.
        arrays: sequence of arrays whose first axis is the image, all of the same length.
        groups: label of each image's group, shape (images,); None makes each image its own.
        repeats: number of draws, at least 1.
        level: share of the draws inside the interval, between 0 and 1.
        seed: the same seed gives the same interval.

    Returns:
        Estimate. Draws in which the statistic is undefined are left out of the interval.

    Raises:
        ValueError: the arrays have different lengths, or there is none; or as `bootstrap_interval`.

    Example:
        >>> bootstrap_statistic(np.median, [np.arange(9)])
        Estimate(value=4.0, low=1.0, high=7.0)
    """
    arrays = [np.asarray(array) for array in arrays]
    groups = _check_groups(groups, _count_images(arrays))
    order, sizes = np.argsort(groups, kind="stable"), np.bincount(groups)
    starts = np.cumsum(sizes) - sizes
    drawn = []
    for groups_drawn in _draws(len(sizes), repeats, seed):
        for chosen in groups_drawn:
            # The members of a drawn group lie side by side in `order`, from its start on.
            lengths = sizes[chosen]
            within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
            rows = order[np.repeat(starts[chosen], lengths) + within]
            drawn.append(statistic(*(array[rows] for array in arrays)))
    return _estimate(statistic(*arrays), np.asarray(drawn, float), level)


def _count_images(parts):
    """Count the images of several arrays or terms, which must agree."""
    lengths = sorted({len(part) for part in parts})
    if len(lengths) != 1:
        raise ValueError(
            f"Got values for {' and '.join(map(str, lengths)) or 'no'} images; expected the same images "
            "throughout. Are both predictions of the whole split, in the same order?"
        )
    return lengths[0]


def _check_groups(groups, images):
    """Number the groups from 0: shape (images,)."""
    if groups is None:
        return np.arange(images)
    labels = np.asarray(groups)
    if labels.shape != (images,):
        raise ValueError(
            f"groups has shape {labels.shape}; expected ({images},), a label for each image. "
            "Was it made for another split?"
        )
    missing = [position for position, label in enumerate(labels.tolist()) if label is None or label != label]
    if missing:
        raise ValueError(
            f"The image at position {missing[0]} (counted from 0) has no group; expected a label for each. "
            "Give an image without near-duplicates a label of its own."
        )
    return np.unique(labels, return_inverse=True)[1]


def _check_class_names(class_names, classes):
    """Give names fit for the rows of a table."""
    names = [str(number) for number in range(1, classes + 1)] if class_names is None else list(class_names)
    if len(names) != classes or len({*names, "all"}) != classes + 1:
        raise ValueError(
            f"The class names are {names}; expected {classes} different ones, none of them 'all', "
            "which names the row over all classes. Take them from the data set."
        )
    return names


def _draws(groups, repeats, seed):
    """Draw groups with replacement, some repeats at a time: arrays of shape (some repeats, groups)."""
    if repeats < 1 or repeats != int(repeats):
        raise ValueError(f"repeats is {repeats}; expected a whole number of at least 1. 1000 is usual.")
    if groups < 2:
        # One group drawn again and again says nothing about another one.
        return
    random = np.random.default_rng(seed)
    at_once = max(1, _DRAWS_AT_ONCE // groups)
    for start in range(0, int(repeats), at_once):
        yield random.integers(groups, size=(min(at_once, int(repeats) - start), groups))


def _draw_scores(scores, groups, repeats, seed):
    """Draw, and compute several scores of each draw: shape (repeats, scores)."""
    columns = np.hstack([np.hstack([score.numerator, score.denominator]) for score in scores])
    count = int(groups.max()) + 1 if len(groups) else 0
    sums = np.stack([np.bincount(groups, weights=column, minlength=count) for column in columns.T], axis=1)
    drawn = [_weights(chosen) @ sums for chosen in _draws(count, repeats, seed)]
    drawn = np.concatenate([np.empty((0, columns.shape[1])), *drawn])
    ends = np.cumsum([2 * score.numerator.shape[1] for score in scores])[:-1]
    return np.stack(
        [mean_of_ratios(*np.split(part, 2, axis=1)) for part in np.split(drawn, ends, axis=1)],
        axis=1,
    )


def _weights(chosen):
    """Count how often each group was drawn: shape (repeats, groups), as float for the product of matrices."""
    repeats, groups = chosen.shape
    places = chosen + groups * np.arange(repeats)[:, np.newaxis]
    return np.bincount(places.ravel(), minlength=chosen.size).reshape(chosen.shape).astype(float)


def _estimate(value, drawn, level):
    """Put a value and the quantiles of its draws together."""
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; expected a share between 0 and 1. Is it given in per cent?")
    known = drawn[~np.isnan(drawn)]
    if known.size == 0:
        return Estimate(float(value), float("nan"), float("nan"))
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(float(value), float(low), float(high))
