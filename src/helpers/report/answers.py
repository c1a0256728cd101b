"""Figures of classifiers: what they answer, how well they rank, and how far their probabilities can be believed."""

import matplotlib.pyplot as plt
import numpy as np
import seaborn
from matplotlib.ticker import PercentFormatter

from helpers.classification import average_precision, confusion_matrix, roc_auc, sheets_curve
from helpers.report.colours import NEUTRAL, PREDICTION, TRUTH, class_colours
from helpers.report.figures import WIDTH, plain

BINS = 5
ANY = "#30343B"  # the answer whether there is any defect, beside the colours of the classes


def confusion_maps(truth, decisions):
    """Sheets by what they are and what is said of them, a square for each decision.

    Args:
        truth: bool array (images,).
        decisions: dict of title -> bool array (images,).

    Returns:
        matplotlib Figure.
    """
    figure, axes = plt.subplots(
        1, len(decisions), figsize=(WIDTH, 0.8 + WIDTH / max(3, len(decisions))), layout="constrained", squeeze=False
    )
    for ax, (title, yes) in zip(axes[0], decisions.items(), strict=True):
        counts = confusion_matrix(truth, yes)
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        seaborn.heatmap(
            shares, annot=counts, fmt=",d", vmin=0, vmax=1, cmap="Blues", cbar=False, square=True, ax=ax,
            xticklabels=["clean", "defective"], yticklabels=["clean", "defective"],
        )  # fmt: skip
        ax.set(title=title, xlabel="said to be", ylabel="is")
    return figure


def ranking_curves(answers):
    """ROC and precision-recall curve of each answer.

    Args:
        answers: `helpers.inference.classify.Answers`.

    Returns:
        matplotlib Figure.
    """
    figure, (roc, precision) = plt.subplots(1, 2, figsize=(WIDTH, 3.6), layout="constrained")
    colours = [ANY, *class_colours(len(answers.names) - 1)]
    styles = ["-", *["--"] * (len(answers.names) - 1)]
    for name, colour, style in zip(answers.names, colours, styles, strict=True):
        truth, probabilities = answers.of(name)
        if truth.all() or not truth.any():
            continue
        curve = sheets_curve(truth, probabilities)
        caught = 1 - curve.passed
        roc.plot(
            curve.rejected, caught, style, color=colour, label=f"{plain(name)}, {roc_auc(truth, probabilities):.2f}"
        )
        found, wrong = caught * truth.sum(), curve.rejected * (~truth).sum()
        said = found + wrong > 0
        label = f"{plain(name)}, {average_precision(truth, probabilities):.2f}"
        share = found / np.maximum(found + wrong, 1)
        precision.plot(caught[said], share[said], style, color=colour, label=label, drawstyle="steps-post")
    roc.plot([0, 1], [0, 1], ":", color=NEUTRAL)
    roc.set(xlabel="share of the images without it that are said to have it", ylabel="recall", title="ROC; area")
    precision.set(xlabel="recall", ylabel="precision", ylim=(0, 1.03), title="precision and recall; mean precision")
    for ax in (roc, precision):
        ax.legend(fontsize="small")
    return figure


def threshold_sweep(truth, probabilities, marked, ax=None):
    """Sheets passed and rejected by the threshold, with some thresholds marked.

    Args:
        truth: bool array (images,).
        probabilities: float array (images,).
        marked: dict of label -> threshold.
        ax: Axes, or None for the current ones.
    """
    ax = ax or plt.gca()
    curve = sheets_curve(truth, probabilities)
    inside = np.isfinite(curve.thresholds)
    thresholds = np.clip(np.append(curve.thresholds[inside], 1.0), 1e-4, 1)
    for values, colour, label in (
        (curve.passed, PREDICTION, "sheets_passed: defective, said to be clean"),
        (curve.rejected, TRUTH, "sheets_rejected: clean, said to be defective"),
    ):
        # A threshold between two probabilities decides as the next one above.
        values = np.append(values[inside], values[-1])
        ax.plot(thresholds, values, color=colour, drawstyle="steps-pre", label=label)
    for number, (label, threshold) in enumerate(marked.items()):
        ax.axvline(max(threshold, 1e-4), color=NEUTRAL, linestyle=":")
        ax.annotate(
            label, (max(threshold, 1e-4), 1), xytext=(3, -10 - 11 * (number % 3)), textcoords="offset points",
            xycoords=("data", "axes fraction"), fontsize="small",
        )  # fmt: skip
    ax.set(xscale="log", xlim=(1e-4, 1), ylim=(-0.02, 1.02), xlabel="threshold of the probability of a defect",
           ylabel="share of the sheets")  # fmt: skip
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    ax.legend(loc="center left", fontsize="small")
    return ax


def reliability_diagram(versions, ax=None):
    """How often a defect is there, by the probability that is stated; in bins of about equally many images.

    Args:
        versions: dict of label -> (truth, probabilities), both of shape (images,).
        ax: Axes, or None for the current ones.
    """
    ax = ax or plt.gca()
    ax.plot([0, 1], [0, 1], ":", color=NEUTRAL, label="as often as stated")
    for (label, (truth, probabilities)), colour in zip(versions.items(), (PREDICTION, TRUTH), strict=False):
        order = np.argsort(probabilities, kind="stable")
        bins = [part for part in np.array_split(order, BINS) if len(part)]
        stated = [probabilities[part].mean() for part in bins]
        ax.plot(stated, [truth[part].mean() for part in bins], "o-", color=colour, label=label)
    ax.set(xlabel="mean probability stated", ylabel="share with a defect", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    ax.legend(fontsize="small")
    return ax


def attention_maps(pictures, maps, titles):
    """Photographs, and below each where a classifier looks.

    Args:
        pictures: uint8 arrays (height, width, 3).
        maps: float arrays (rows, columns) in [0, 1], over the same pictures.
        titles: of the pictures, as plain text.

    Returns:
        matplotlib Figure.
    """
    height, width = pictures[0].shape[:2]
    columns = 2 if width > 3 * height else 3
    rows = -(-len(pictures) // columns)
    size = (WIDTH, rows * (2 * WIDTH / columns * height / width + 0.75))
    figure, axes = plt.subplots(2 * rows, columns, figsize=size, layout="constrained", squeeze=False)
    for ax in axes.flat:
        ax.axis("off")
    for number, (picture, seen, title) in enumerate(zip(pictures, maps, titles, strict=True)):
        above, below = axes[2 * (number // columns) : 2 * (number // columns) + 2, number % columns]
        above.imshow(picture)
        above.set_title(plain(title), fontsize="small")
        below.imshow(picture)
        below.imshow(
            seen, cmap="magma", alpha=0.6, vmin=0, vmax=1, extent=(0, width, height, 0), interpolation="bilinear"
        )
    return figure
