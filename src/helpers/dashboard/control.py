"""Shares over time, with the limits within which they vary by chance."""

import numpy as np
import pandas as pd

PERIODS = {"week": "W-SUN", "month": "M"}


def p_chart(counts, totals):
    """The control chart of a share, with limits of three standard deviations for each period's number of images.

    Args:
        counts: whole numbers (periods,): images that have what is watched.
        totals: whole numbers (periods,): all images of the period.

    Returns:
        Table with share, centre, lower, upper and outside (whether the share lies beyond its limits), a row for each
        period. The centre is the share of all periods together; limits are clipped to [0, 1]. A period without images
        has a share and limits of NaN.

    Raises:
        ValueError: the lengths differ, or more images have it than there are.

    Source:
        NIST/SEMATECH e-Handbook of Statistical Methods, 6.3.3.2, "Proportions control charts".

    Example:
        >>> p_chart([1, 0], [4, 4]).round(3).values.tolist()[0]
        [0.25, 0.125, 0.0, 0.621, False]
    """
    counts, totals = np.asarray(counts, float), np.asarray(totals, float)
    if counts.shape != totals.shape or (counts > totals).any() or (counts < 0).any():
        raise ValueError(
            f"got {counts.tolist()} of {totals.tolist()} images; expected, for each period, a number from 0 to that of "
            "its images. Are both of the same periods?"
        )
    some = totals > 0
    centre = counts.sum() / totals.sum() if some.any() else np.nan
    share, spread = np.full(len(totals), np.nan), np.full(len(totals), np.nan)
    share[some] = counts[some] / totals[some]
    spread[some] = 3 * np.sqrt(centre * (1 - centre) / totals[some])
    lower, upper = np.clip(centre - spread, 0, 1), np.clip(centre + spread, 0, 1)
    return pd.DataFrame(
        {
            "share": share,
            "centre": centre,
            "lower": lower,
            "upper": upper,
            "outside": (share < lower) | (share > upper),
        }
    )


def count_by_period(taken, has, period):
    """How many images each period has, and how many of them have each class.

    Args:
        taken: Series of timestamps (images,); images without one are left out.
        has: bool table (images, classes).
        period: one of `PERIODS`.

    Returns:
        Table indexed by the first day of each period, without a gap from the first to the last: `images`, and the
        columns of `has`. Empty where no image has a date.
    """
    known = taken.notna().to_numpy()
    periods = taken[known].dt.to_period(PERIODS[period])
    counts = has[known].astype("int64").assign(images=1).groupby(periods.to_numpy()).sum()
    if counts.empty:
        return pd.DataFrame(columns=["images", *has.columns], dtype="int64")
    every = pd.period_range(periods.min(), periods.max(), freq=PERIODS[period])
    counts = counts.reindex(every, fill_value=0)
    return counts[["images", *has.columns]].set_axis(every.start_time, axis=0)
