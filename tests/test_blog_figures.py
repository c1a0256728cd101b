"""Figures of the post."""

import math

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex

from helpers.report.blog_figures import floor_bar, hundred_sheets, mistakes_figure, ruler_bars, three_views
from helpers.report.colours import PREDICTION, TRUTH


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


def sheet(shape):
    """A grey sheet of that shape with one true defect, and another predicted."""
    image, true, found = np.full((*shape, 1), 90, np.uint8), np.zeros((*shape, 2), np.uint8), np.zeros((*shape, 2), int)
    true[:5, :5, 0] = found[10:, 10:, 1] = 1
    return image, true, found


@pytest.mark.parametrize(("shape", "grid"), [((20, 100), (3, 1)), ((40, 40), (1, 3))])
def test_three_views_lie_below_each_other_where_the_sheet_is_wide(shape, grid):
    figure = three_views(*sheet(shape), ["pits", "cr$cks"], "people")
    assert figure.axes[0].get_gridspec().get_geometry() == grid
    assert [ax.get_title() for ax in figure.axes] == ["bare", "marked by people", "marked by the network"]
    bare, true, found = (ax.images[0].get_array() for ax in figure.axes)
    assert bare.ndim == 2 and (true[2, 2] != 90).any() and (true[15, 15] == 90).all() and (found[15, 15] != 90).any()
    figure.canvas.draw()


def test_mistakes_are_shown_twice_each():
    figure = mistakes_figure({"missed": sheet((40, 40)), "invented": sheet((40, 40))}, ["pits", "cracks"], "people")
    assert figure.axes[0].get_gridspec().get_geometry() == (2, 2)
    assert [ax.get_title() for ax in figure.axes][::2] == ["missed: marked by people", "invented: marked by people"]
    assert mistakes_figure({}, ["pits"], "people") is None


@pytest.mark.parametrize(("score", "colour"), [(0.83, TRUTH), (0.61, PREDICTION)])
def test_floor_bar_shows_the_step_and_its_interval(score, colour):
    """A step up is green, one down is vermilion; the line is the floor plus the interval of the difference."""
    ax = floor_bar(score, 0.81, -0.1, 0.04)
    _, floor, step = ax.patches
    assert floor.get_width() == pytest.approx(0.81)
    assert (step.get_x(), step.get_width()) == pytest.approx((min(score, 0.81), abs(score - 0.81)))
    assert to_hex(step.get_facecolor()).upper() == colour
    np.testing.assert_allclose(ax.lines[0].get_xdata(), [0.71, 0.85])
    assert [text.get_text() for text in ax.texts] == ["saying nothing: 0.810", f"the network: {score:.3f}"]


def test_hundred_sheets_cross_out_the_mistakes():
    figure = hundred_sheets(0.038, 0.556)
    wrong = [sum(to_hex(patch.get_facecolor()).upper() == PREDICTION for patch in ax.patches) for ax in figure.axes]
    assert wrong == [4, 56] and [len(ax.patches) for ax in figure.axes] == [100, 100]
    assert [len(ax.lines) for ax in figure.axes] == [8, 112]
    assert figure.axes[1].get_title() == "100 good sheets:\n44 kept, 56 thrown away"


def test_hundred_sheets_leave_out_what_is_not_known():
    (ax,) = hundred_sheets(0.25, math.nan).axes
    assert ax.get_title().startswith("100 flawed sheets")
    assert hundred_sheets(math.nan, math.nan) is None


def test_ruler_bars_are_ranked():
    ax = ruler_bars({"low": 0.2, "high": 0.9})
    assert [label.get_text() for label in ax.get_yticklabels()] == ["low", "high"]
    assert [patch.get_width() for patch in ax.patches] == [0.2, 0.9]
    assert [text.get_text() for text in ax.texts] == ["0.20", "0.90"]
