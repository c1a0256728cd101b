"""Figures of an evaluation: thresholds, sizes, calibration of pixels, classes taken for each other, and a gallery."""

import matplotlib.pyplot as plt
import numpy as np
import seaborn
from matplotlib.ticker import PercentFormatter

from helpers.inference.tuning import dice_cube
from helpers.metrics import dice_by_pair
from helpers.report.colours import NEUTRAL, PREDICTION, TRUTH, class_colours
from helpers.report.figures import TALLEST, WIDTH, class_legend, overlay, plain, show_picture

MEASURES = ("defect_dice", "kaggle_dice")


def pixel_curves(counts, class_names):
    """Precision and recall of the pixels of each class, over the thresholds.

    Args:
        counts: `ThresholdCounts`.
        class_names: a name for each class.

    Returns:
        matplotlib Figure.
    """
    figure, (curve, single) = plt.subplots(1, 2, figsize=(WIDTH, 3.8), layout="constrained")
    for index, (name, colour) in enumerate(zip(class_names, class_colours(len(class_names)), strict=True)):
        true = counts.true[:, index].sum()
        predicted, shared = counts.predicted[:, index].sum(axis=0), counts.shared[:, index].sum(axis=0)
        if not true:
            continue
        said = predicted > 0
        recall, precision = shared[said] / true, shared[said] / predicted[said]
        thresholds = np.array(counts.thresholds)[said]
        curve.plot(recall, precision, "o-", markersize=3, color=colour, label=plain(name))
        single.plot(thresholds, precision, color=colour, label=f"precision, {plain(name)}")
        single.plot(thresholds, recall, "--", color=colour, label=f"recall, {plain(name)}")
    curve.set(xlabel="recall of pixels", ylabel="precision of pixels", xlim=(0, 1.02), ylim=(0, 1.02))
    single.set(xlabel="threshold", ylabel="fraction (dashed: recall)", xlim=(0, 1), ylim=(0, 1.02))
    curve.legend(fontsize="small")
    return figure


def threshold_curves(counts, class_names):
    """Both measures of each class by the threshold, with every mask believed.

    Args:
        counts: `ThresholdCounts`.
        class_names: a name for each class.

    Returns:
        matplotlib Figure.
    """
    figure, axes = plt.subplots(1, 2, figsize=(WIDTH, 3.6), layout="constrained")
    for ax, measure in zip(axes, MEASURES, strict=True):
        for index, (name, colour) in enumerate(zip(class_names, class_colours(len(class_names)), strict=True)):
            cube, judged = dice_cube(counts, index, measure, (0.0,))
            if judged.any():
                ax.plot(counts.thresholds, cube[:, 0].mean(axis=0), color=colour, label=plain(name))
        ax.axvline(0.5, color=NEUTRAL, linestyle=":")
        ax.set(xlabel="threshold", ylabel=f"{measure}, fraction", xlim=(0, 1), ylim=(0, 1.02))
    axes[0].legend(fontsize="small")
    return figure


def dice_by_size(counts, pixels, class_names, ax=None):
    """Dice of each image and class that has a defect, by the defect's share of the image.

    Args:
        counts: `PixelCounts`.
        pixels: int array (images,) of the images' areas.
        class_names: a name for each class.
        ax: Axes, or None for new ones.
    """
    ax = ax or plt.subplots(figsize=(WIDTH, 3.8), layout="constrained")[1]
    dice, shares = dice_by_pair(counts), 100 * counts.true / np.asarray(pixels)[:, np.newaxis]
    for index, (name, colour) in enumerate(zip(class_names, class_colours(len(class_names)), strict=True)):
        has = counts.true[:, index] > 0
        ax.plot(shares[has, index], dice[has, index], "o", color=colour, alpha=0.75, markersize=5, label=plain(name))
    every = counts.true > 0
    if every.sum() >= 8:
        order = np.argsort(shares[every])
        parts = np.array_split(order, 4)
        ax.plot(
            [np.exp(np.log(shares[every][part]).mean()) for part in parts],
            [dice[every][part].mean() for part in parts],
            "-", color="#30343B", linewidth=2, label="mean of each quarter",
        )  # fmt: skip
    ax.set(xscale="log", xlabel="area of the defect, % of the image", ylabel="Dice, fraction", ylim=(-0.03, 1.03))
    ax.legend(fontsize="small")
    return ax


def pixel_calibration(counts, class_names, ax=None):
    """How often a pixel is of a class, by the probability stated, between the thresholds counted.

    Args:
        counts: `ThresholdCounts`.
        class_names: a name for each class.
        ax: Axes, or None for new ones.
    """
    ax = ax or plt.subplots(figsize=(WIDTH / 2, 4), layout="constrained")[1]
    edges = np.array([*counts.thresholds, 1.0])
    middle = (edges[:-1] + edges[1:]) / 2
    ax.plot([0, 1], [0, 1], ":", color=NEUTRAL, label="as often as stated")
    for index, (name, colour) in enumerate(zip(class_names, class_colours(len(class_names)), strict=True)):
        stated, true = (
            -np.diff(np.append(table[:, index].sum(axis=0), 0)) for table in (counts.predicted, counts.shared)
        )
        some = stated >= FEWEST_PIXELS
        ax.plot(middle[some], true[some] / stated[some], "o-", markersize=3, color=colour, label=plain(name))
    ax.set(xlabel="probability stated", ylabel="share of the pixels that are", xlim=(0, 1.02), ylim=(0, 1.02))
    ax.legend(fontsize="small")
    return ax


FEWEST_PIXELS = 100  # a bin of fewer is left out


def mix_up_map(table, ax=None):
    """Classes taken for each other: a row a true class, a column a predicted one.

    Args:
        table: of `helpers.inference.mistaken.mix_ups`.
        ax: Axes, or None for new ones.
    """
    ax = ax or plt.subplots(figsize=(WIDTH / 2, 0.9 + 0.55 * len(table)), layout="constrained")[1]
    named = table.rename(index=plain, columns=plain)
    seaborn.heatmap(named, annot=True, fmt=".2f", vmin=0, vmax=1, cmap="Blues", cbar=False, ax=ax)
    ax.set(xlabel="predicted", ylabel="true")
    return ax


def sheets_figure(curves, marked, ax=None):
    """Sheets passed against sheets rejected, a line for each model.

    Args:
        curves: dict of label -> `helpers.classification.SheetsCurve`.
        marked: dict of label -> `OperatingPoint`, drawn as dots.
        ax: Axes, or None for new ones.
    """
    ax = ax or plt.subplots(figsize=(WIDTH / 2, 4), layout="constrained")[1]
    for (label, curve), colour in zip(curves.items(), (PREDICTION, TRUTH, "#56B4E9", "#CC79A7"), strict=False):
        ax.plot(curve.rejected, curve.passed, color=colour, drawstyle="steps-post", label=label)
        if label in marked:
            ax.plot([marked[label].rejected], [marked[label].passed], "o", color=colour)
    ax.set(xlabel="sheets_rejected: clean sheets thrown away", ylabel="sheets_passed: defective sheets let through",
           xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))  # fmt: skip
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(PercentFormatter(1))
    ax.legend(fontsize="small")
    return ax


def gallery(rows, class_names):
    """Images as they are, with truth, with prediction, and the largest probability of any class.

    Args:
        rows: list of (title, uint8 image (height, width, channels), true masks, predicted masks, probabilities).
        class_names: a name for each class.

    Returns:
        matplotlib Figure.
    """
    height, width = rows[0][1].shape[:2]
    columns = 2 if width > 2 * height else 4  # strips would be too small beside each other
    lines = len(rows) * 4 // columns
    panel_width = min(WIDTH / columns, TALLEST * width / height)
    size = (columns * panel_width, (panel_width * height / width + 0.32) * lines + 0.6)
    figure, axes = plt.subplots(lines, columns, figsize=size, squeeze=False, layout="constrained")
    for panels, (title, image, true, found, probabilities) in zip(axes.reshape(-1, 4), rows, strict=True):
        pictures = (overlay(image, np.zeros_like(true)), overlay(image, true), overlay(image, found))
        for ax, picture, head in zip(panels, pictures, (plain(title), "truth", "prediction"), strict=False):
            show_picture(picture, "", ax)
            ax.set_title(head, fontsize="small")
        panels[3].imshow(probabilities.max(axis=-1), cmap="magma", vmin=0, vmax=1)
        panels[3].set_axis_off()
        panels[3].set_title("probability", fontsize="small")
    class_legend(figure, class_names, loc="outside lower center", bbox_to_anchor=None)
    return figure
