"""Figures of classifiers."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from helpers.inference.classify import Answers
from helpers.report.answers import (
    attention_maps,
    confusion_maps,
    ranking_curves,
    reliability_diagram,
    threshold_sweep,
)

TRUTH = np.array([1, 1, 1, 0, 0], bool)
STATED = np.array([0.9, 0.8, 0.3, 0.7, 0.1])


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


def test_confusion_maps_count_sheets():
    """Rows are what a sheet is, columns what is said: 1 clean right, 1 rejected, 1 passed, 2 caught."""
    figure = confusion_maps(TRUTH, {"half": STATED >= 0.5, "never": STATED > 1})
    first, second = figure.axes
    assert [text.get_text() for text in first.texts] == ["1", "1", "1", "2"]
    assert [text.get_text() for text in second.texts] == ["2", "0", "3", "0"]
    assert first.get_title() == "half"


def test_ranking_curves_go_through_the_hand_worked_points():
    """At 0.8 two of three are caught, and nothing is rejected; an answer that is always the same is left out."""
    images = pd.DataFrame({"image_id": list("abcde"), "group": range(5), "fold": 0})
    truth, stated = np.column_stack([TRUTH, np.zeros(5, bool)]), np.column_stack([STATED, STATED])
    roc, precision = ranking_curves(Answers(images, truth, stated, ("defect", "pits"))).axes
    points = {tuple(np.round(point, 3)) for point in roc.lines[0].get_xydata()}
    assert {(0, 0), (0, 0.667), (0.5, 0.667), (0.5, 1), (1, 1)} <= points
    assert len(roc.lines) == 2  # the curve and the diagonal
    points = {tuple(np.round(point, 3)) for point in precision.lines[0].get_xydata()}
    assert {(0.333, 1), (0.667, 1), (0.667, 0.667), (1, 0.75), (1, 0.6)} <= points
    assert "defect, 0.83" in roc.get_legend_handles_labels()[1]


def test_threshold_sweep_falls_and_rises():
    ax = threshold_sweep(TRUTH, STATED, {"0.01": 0.01, "0.5": 0.5})
    passed, rejected = (line.get_ydata() for line in ax.lines[:2])
    assert (np.diff(passed) >= 0).all() and (np.diff(rejected) <= 0).all()
    assert (passed[0], rejected[0]) == (0, 1)
    assert [text.get_text() for text in ax.texts] == ["0.01", "0.5"]
    assert {line.get_xdata()[0] for line in ax.lines[2:]} == {0.01, 0.5}


def test_reliability_diagram_shows_frequencies():
    """Five bins of one image each."""
    ax = reliability_diagram({"raw": (TRUTH, STATED)})
    np.testing.assert_allclose(ax.lines[1].get_xydata(), [[0.1, 0], [0.3, 1], [0.7, 0], [0.8, 1], [0.9, 1]])


@pytest.mark.parametrize(("shape", "columns"), [((20, 100), 2), ((40, 50), 3)])
def test_attention_maps_lay_the_map_over_the_picture(shape, columns):
    pictures = [np.full((*shape, 3), 128, np.uint8)] * 4
    figure = attention_maps(pictures, [np.eye(3)] * 4, ["a $ b", "c", "d", "e"])
    assert len(figure.axes) == 2 * -(-4 // columns) * columns
    below = figure.axes[columns]
    assert len(below.images) == 2
    assert below.images[1].get_extent() == [0, shape[1], shape[0], 0]
