"""Figures of what goes wrong."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from helpers.data.mistakes import dice_of_the_largest, share_found_for
from helpers.report.mistakes import found_and_dice, runaway_figure


def test_runaway_figure_draws_each_training_in_both_charts():
    """Numbers beyond all bounds and none at all don't stop it."""
    runs = {
        "wrong": pd.DataFrame({"step": [1, 2, 3], "loss": [0.5, -1e20, np.nan], "dice_coef": [0.1, 1.9, np.nan]}),
        "right": pd.DataFrame({"step": [1, 2, 3], "loss": [1.5, 1.2, 1.1], "dice_coef": [0.1, 0.2, 0.3]}),
    }
    loss, dice = runaway_figure(runs).axes
    assert loss.get_yscale() == "symlog" and loss.get_legend_handles_labels()[1] == list(runs)
    for ax, column in ((loss, "loss"), (dice, "dice_coef")):
        for line, table in zip(ax.lines, runs.values(), strict=False):
            np.testing.assert_array_equal(line.get_ydata(), table[column])
    loss.figure.canvas.draw()
    assert 2 < len(loss.get_yticks()) < 12
    plt.close("all")


def test_found_and_dice_marks_the_published_value_on_the_curve():
    curve = dice_of_the_largest(pd.DataFrame({1: [8, 2], 2: [0, 4]}))
    share = share_found_for(curve, 0.7)
    ax = found_and_dice(curve, 0.7, share)
    (x, y) = ax.lines[3].get_xydata()[0]
    assert x == share and y == curve.loc[curve["share"] == share, "batch_dice"].iloc[0] >= 0.7
    plt.close("all")
