"""Figures of the post for general readers: few, plain, and with large letters."""

import math

import matplotlib.pyplot as plt
from matplotlib.patches import Rectangle

from helpers.report.colours import NEUTRAL, PREDICTION, TRUTH
from helpers.report.figures import class_legend, overlay, plain, show_picture

WIDTH, DPI = 7.0, 150  # inches, and pixels to one: large letters, for small screens
INK = "#30343B"
RIGHT = "#D5D9DF"  # of a sheet that is rightly judged
HUNDRED, ROW = 100, 10


def sheet_views(sheets, class_names):
    """Sheets large, each in several views; all below each other where they are wide.

    Args:
        sheets: list of sheets, each a dict of title -> uint8 picture (height, width, channels).
        class_names: a name for each class.

    Returns:
        matplotlib Figure.
    """
    height, width = next(iter(sheets[0].values())).shape[:2]
    views = [view for sheet in sheets for view in sheet.items()]
    columns = 1 if width > 2 * height else len(sheets[0])
    rows = len(views) // columns
    size = (WIDTH, rows * (WIDTH / columns * height / width + 0.35) + 0.5)
    figure, axes = plt.subplots(rows, columns, figsize=size, dpi=DPI, layout="constrained", squeeze=False)
    for ax, (title, picture) in zip(axes.flat, views, strict=True):
        show_picture(picture, "", ax)
        ax.set_title(title, fontsize="large")
    class_legend(figure, [plain(name) for name in class_names], loc="outside lower center", bbox_to_anchor=None,
                 fontsize="large")  # fmt: skip
    return figure


def three_views(image, true, found, class_names, marked_by):
    """A sheet as it is, with its true defects, and with the predicted ones.

    Args:
        image: uint8 array (height, width, channels).
        true: array (height, width, classes) of 0 and 1.
        found: the same, predicted.
        class_names: a name for each class.
        marked_by: who told where the defects are.

    Returns:
        matplotlib Figure.
    """
    sheet = {
        "bare": image,
        f"marked by {marked_by}": overlay(image, true),
        "marked by the network": overlay(image, found),
    }
    return sheet_views([sheet], class_names)


def mistakes_figure(mistakes, class_names, marked_by):
    """Sheets on which a network is wrong, each with its true defects and with the predicted ones.

    Args:
        mistakes: dict of what it shows, such as "missed" -> (image, true, found), as for `three_views`.
        class_names: a name for each class.
        marked_by: who told where the defects are.

    Returns:
        matplotlib Figure; None without mistakes.
    """
    sheets = [
        {f"{what}: marked by {marked_by}": overlay(image, true), "by the network": overlay(image, found)}
        for what, (image, true, found) in mistakes.items()
    ]
    return sheet_views(sheets, class_names) if sheets else None


def floor_bar(score, floor, low, high, ax=None):
    """A score over that of predicting nothing, on one bar, with the interval of their difference.

    Args:
        score: kaggle_dice.
        floor: all_empty_dice.
        low: lower end of the interval of score less floor.
        high: upper end.
        ax: Axes, or None for new ones.
    """
    ax = ax or plt.subplots(figsize=(WIDTH, 2.5), dpi=DPI, layout="constrained")[1]
    better = score >= floor
    colour = TRUTH if better else PREDICTION
    ax.barh([0], [1], color="white", edgecolor=INK, height=0.8)
    ax.barh([0], [floor], color=NEUTRAL, height=0.8)
    ax.barh([0], [abs(score - floor)], left=[min(score, floor)], color=colour, height=0.8,
            hatch=None if better else "//", edgecolor="white" if not better else colour)  # fmt: skip
    ax.plot([floor + low, floor + high], [0, 0], color="black", linewidth=2.5, solid_capstyle="butt")
    ax.plot([score], [0], "o", color="black", markersize=7)
    for place, side, words in ((floor, -1, "saying nothing"), (score, 1, "the network")):
        leftward = place > 0.5  # away from the nearer end of the bar
        ax.annotate(f"{words}: {place:.3f}", (place, 0.4 * side), xytext=(place + (-0.03 if leftward else 0.03), side),
                    ha="right" if leftward else "left", va="center", fontsize="x-large",
                    arrowprops={"arrowstyle": "-", "color": INK})  # fmt: skip
    ax.set(xlim=(0, 1), ylim=(-1.25, 1.25), yticks=[], xlabel="the competition's score: 0 to 1")
    ax.xaxis.label.set_fontsize("large")
    ax.tick_params(labelsize="large")
    ax.grid(visible=False)
    for side in ("left", "right", "top"):
        ax.spines[side].set_visible(False)
    return ax


def hundred_sheets(passed, rejected):
    """A hundred flawed and a hundred good sheets, those with a mistake crossed out.

    Args:
        passed: share of the flawed sheets that slip through.
        rejected: share of the good sheets that are thrown away; NaN where there are none.

    Returns:
        matplotlib Figure; a kind of sheet whose share is NaN is left out. None where both are.
    """
    kinds = [
        ("flawed", passed, "caught", "slip through"),
        ("good", rejected, "kept", "thrown away"),
    ]
    kinds = [kind for kind in kinds if not math.isnan(kind[1])]
    if not kinds:
        return None
    figure, axes = plt.subplots(
        1, len(kinds), figsize=(WIDTH * len(kinds) / 2, 3.2), dpi=DPI, layout="constrained", squeeze=False
    )
    for ax, (kind, share, right, wrong) in zip(axes[0], kinds, strict=True):
        mistakes = round(HUNDRED * share)
        for number in range(HUNDRED):
            left, bottom = number % ROW, -0.7 * (number // ROW)
            mistaken = number >= HUNDRED - mistakes
            colour = PREDICTION if mistaken else RIGHT
            ax.add_patch(Rectangle((left, bottom), 0.84, 0.52, facecolor=colour, edgecolor=INK, linewidth=0.6))
            if mistaken:
                for ends in ((0.1, 0.42), (0.42, 0.1)):
                    ax.plot([left + 0.15, left + 0.69], [bottom + end for end in ends], color="white", linewidth=1.4)
        ax.set(xlim=(-0.1, ROW), ylim=(-0.7 * ROW + 0.6, 0.6), aspect="equal")
        ax.set_axis_off()
        ax.set_title(f"{HUNDRED} {kind} sheets:\n{HUNDRED - mistakes} {right}, {mistakes} {wrong}", fontsize="x-large")
    return figure


def ruler_bars(values, ax=None):
    """One network by several measures, the largest on top.

    Args:
        values: dict of label -> fraction.
        ax: Axes, or None for new ones.
    """
    ax = ax or plt.subplots(figsize=(WIDTH, 0.6 + 0.45 * len(values)), dpi=DPI, layout="constrained")[1]
    ranked = sorted(values.items(), key=lambda item: item[1])
    bars = ax.barh([label for label, _ in ranked], [value for _, value in ranked], color="#56B4E9", edgecolor=INK)
    ax.bar_label(bars, fmt="{:.2f}", padding=4, fontsize="large")
    ax.set(xlim=(0, 1.12), xticks=[])
    ax.tick_params(axis="y", labelsize="large")
    ax.grid(visible=False)
    for side in ("right", "top", "bottom"):
        ax.spines[side].set_visible(False)
    return ax
