"""Control charts, against a published example and by hand."""

import numpy as np
import pandas as pd
import pytest

from helpers.dashboard.control import count_by_period, p_chart

# Defective chips of 50 on each of 30 wafers: NIST/SEMATECH e-Handbook of Statistical Methods, 6.3.3.2.
WAFERS = [12, 15, 8, 10, 4, 7, 16, 9, 14, 10, 5, 6, 17, 12, 22, 8, 10, 5, 13, 11, 20, 18, 24, 15, 9, 12, 7, 13, 9, 6]


def test_p_chart_gives_the_limits_of_the_handbook():
    chart = p_chart(WAFERS, [50] * 30)
    assert chart["centre"].unique().round(4).tolist() == [0.2313]
    assert chart["upper"].unique().round(4).tolist() == [0.4102]
    assert chart["lower"].unique().round(4).tolist() == [0.0524]
    assert np.flatnonzero(chart["outside"]).tolist() == [14, 22]  # 22 and 24 of 50


@pytest.mark.parametrize(
    ("counts", "totals", "lower", "upper", "outside"),
    [
        # centre 0.5; 3 * sqrt(0.25 / 100) = 0.15, and for 25 images 0.3
        ([50, 50], [100, 100], [0.35, 0.35], [0.65, 0.65], [False, False]),
        ([30, 70], [100, 100], [0.35, 0.35], [0.65, 0.65], [True, True]),
        ([10, 40], [25, 75], [0.2, 0.5 - 1.5 / 75**0.5], [0.8, 0.5 + 1.5 / 75**0.5], [False, False]),
        # centre 0.1; 3 * sqrt(0.09 / 4) = 0.45: clipped at 0
        ([0, 1, 0], [4, 4, 2], [0, 0, 0], [0.55, 0.55, 0.1 + 0.9 / 2**0.5], [False, False, False]),
        # nothing has it, or all do: no spread
        ([0, 0], [5, 7], [0, 0], [0, 0], [False, False]),
        ([5, 7], [5, 7], [1, 1], [1, 1], [False, False]),
    ],
)
def test_p_chart_by_hand(counts, totals, lower, upper, outside):
    chart = p_chart(counts, totals)
    np.testing.assert_allclose(chart["lower"], lower, atol=1e-12)
    np.testing.assert_allclose(chart["upper"], upper, atol=1e-12)
    assert chart["outside"].tolist() == outside


def test_p_chart_without_images_in_a_period():
    chart = p_chart([1, 0, 1], [2, 0, 2])
    assert chart[["share", "lower", "upper"]].isna().all(axis=1).tolist() == [False, True, False]
    assert chart["centre"].tolist() == [0.5] * 3 and not chart["outside"].any()
    assert p_chart([0], [0])["centre"].isna().all()


@pytest.mark.parametrize(("counts", "totals"), [([1], [1, 2]), ([3], [2]), ([-1], [2])])
def test_p_chart_of_impossible_counts(counts, totals):
    with pytest.raises(
        ValueError, match=r"expected, for each period, a number from 0 .* Are both of the same periods\?"
    ):
        p_chart(counts, totals)


def test_count_by_period_leaves_no_gap():
    """Monday 2019-01-28 and Sunday 2019-02-03 are one week; two weeks on is another, with an empty one between."""
    taken = pd.Series(pd.to_datetime(["2019-01-28 00:00", "2019-02-03 23:59", "2019-02-11 00:00", None]))
    has = pd.DataFrame({1: [True, False, True, True], 2: [True, True, False, True]})
    weeks = count_by_period(taken, has, "week")
    assert weeks.index.strftime("%Y-%m-%d").tolist() == ["2019-01-28", "2019-02-04", "2019-02-11"]
    assert weeks.to_numpy().tolist() == [[2, 1, 2], [0, 0, 0], [1, 1, 0]]
    months = count_by_period(taken, has, "month")
    assert months.index.strftime("%Y-%m-%d").tolist() == ["2019-01-01", "2019-02-01"]
    assert months["images"].tolist() == [1, 2]
    assert count_by_period(taken[3:], has[3:], "week").empty
