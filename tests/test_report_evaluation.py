"""Figures of an evaluation."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from helpers.classification import point_at, sheets_curve
from helpers.inference.threshold_counts import ThresholdCounts
from helpers.inference.tuning import Decisions, decided_counts
from helpers.report.evaluation import (
    dice_by_size,
    gallery,
    mix_up_map,
    pixel_calibration,
    pixel_curves,
    sheets_figure,
    threshold_curves,
)

# Two images, two classes, three thresholds; the second class is nowhere.
COUNTS = ThresholdCounts(
    np.array([[400, 0], [100, 0]]),
    np.array([[[1000, 400, 100], [300, 0, 0]], [[200, 100, 0], [0, 0, 0]]]),
    np.array([[[400, 300, 100], [0, 0, 0]], [[100, 50, 0], [0, 0, 0]]]),
    np.array([10_000, 10_000]),
    (0.25, 0.5, 0.75),
)
NAMES = ["pits", "cr$cks"]


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


def test_pixel_curves_are_the_counts():
    """Precision 500/1200, 350/500, 100/100 and recall 500, 350 and 100 of 500; a class that is nowhere is left out."""
    curve, single = pixel_curves(COUNTS, NAMES).axes
    np.testing.assert_allclose(curve.lines[0].get_xydata(), [[1, 5 / 12], [0.7, 0.7], [0.2, 1]])
    assert len(curve.lines) == 1 and len(single.lines) == 2
    np.testing.assert_allclose(single.lines[1].get_xydata(), [[0.25, 1], [0.5, 0.7], [0.75, 0.2]])


def test_threshold_curves_are_the_scores():
    """At 0.5 the class's Dice is 600/800 and 100/200; the empty class is right on one image of two at 0.25."""
    defect, kaggle = threshold_curves(COUNTS, NAMES).axes
    assert defect.lines[0].get_ydata()[1] == pytest.approx((600 / 800 + 100 / 200) / 2)
    assert [line.get_label() for line in kaggle.lines[:2]] == ["pits", r"cr\$cks"]
    np.testing.assert_allclose(kaggle.lines[1].get_ydata(), [0.5, 1, 1])


def test_dice_by_size_is_in_per_cent():
    counts = decided_counts(COUNTS, Decisions((0.5, 0.5), (0.0, 0.0)))
    ax = dice_by_size(counts, COUNTS.pixels, NAMES)
    np.testing.assert_allclose(ax.lines[0].get_xydata(), [[4, 0.75], [1, 0.5]])
    assert ax.get_xscale() == "log" and len(ax.lines[1].get_xdata()) == 0


def test_pixel_calibration_is_the_share_between_thresholds():
    """Of 700 pixels between 0.25 and 0.5, 150 are; 250 of 400 above, and all 100 at the top; no bin is small."""
    ax = pixel_calibration(COUNTS, NAMES)
    np.testing.assert_allclose(ax.lines[1].get_xydata(), [[0.375, 150 / 700], [0.625, 250 / 400], [0.875, 1]])
    np.testing.assert_allclose(ax.lines[2].get_xydata(), [[0.375, 0]])


def test_mix_up_map_shows_the_table():
    table = pd.DataFrame([[0.5, 0.2, 0.3], [np.nan] * 3], index=NAMES, columns=[*NAMES, "nothing"])
    ax = mix_up_map(table)
    assert [text.get_text() for text in ax.texts] == ["0.50", "0.20", "0.30"]
    ax.figure.canvas.draw()


def test_sheets_figure_marks_the_chosen_point():
    truth, scores = np.array([1, 1, 0, 0]), np.array([0.9, 0.4, 0.5, 0.1])
    ax = sheets_figure({"ours": sheets_curve(truth, scores)}, {"ours": point_at(0.45, truth, scores)})
    assert ax.lines[1].get_xydata().tolist() == [[0.5, 0.5]]


@pytest.mark.parametrize(("shape", "columns"), [((20, 60), 2), ((40, 60), 4)])
def test_gallery_has_four_pictures_of_each_image(shape, columns):
    image, masks = np.full((*shape, 1), 90, np.uint8), np.zeros((*shape, 2), np.uint8)
    figure = gallery([("a $ b", image, masks, masks, np.zeros((*shape, 2)))] * 2, NAMES)
    assert [len(ax.images) for ax in figure.axes] == [1] * 8
    assert [ax.get_title() for ax in figure.axes] == 2 * [r"a \$ b", "truth", "prediction", "probability"]
    assert figure.axes[0].get_gridspec().ncols == columns
    figure.canvas.draw()
