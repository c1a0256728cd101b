"""Figures of what goes wrong."""

import matplotlib.pyplot as plt
from matplotlib.ticker import PercentFormatter, SymmetricalLogLocator

from helpers.report.colours import NEUTRAL, PREDICTION, TRUTH
from helpers.report.figures import WIDTH

LINEAR = 10  # losses up to here are drawn on a linear axis
COLOURS = (PREDICTION, "#56B4E9", TRUTH)


def runaway_figure(runs):
    """Loss and soft Dice by step, a line for each training.

    Args:
        runs: dict of label -> table of `helpers.models.runaway.train_with_labels`.

    Returns:
        matplotlib Figure.
    """
    figure, (loss, dice) = plt.subplots(1, 2, figsize=(WIDTH, 3.6), layout="constrained")
    for (label, table), colour in zip(runs.items(), COLOURS, strict=False):
        loss.plot(table["step"], table["loss"], color=colour, label=label)
        dice.plot(table["step"], table["dice_coef"], color=colour, label=label)
    loss.axhline(0, color=NEUTRAL, linestyle=":")
    loss.set(xlabel="step", ylabel="loss of the batch")
    loss.set_yscale("symlog", linthresh=LINEAR)
    loss.yaxis.set_major_locator(SymmetricalLogLocator(base=10, linthresh=LINEAR))
    loss.yaxis.get_major_locator().set_params(numticks=7)
    dice.axhline(1, color=NEUTRAL, linestyle=":")
    dice.set(xlabel="step", ylabel="soft Dice of the batch, fraction")
    loss.legend(fontsize="small")
    return figure


def found_and_dice(curve, reported, share, ax=None):
    """The flattened Dice by the share of the largest defects that are found.

    Args:
        curve: table of `helpers.data.mistakes.dice_of_the_largest`.
        reported: a published Dice, to be marked.
        share: the share with which it is reached.
        ax: Axes, or None for new ones.
    """
    ax = ax or plt.subplots(figsize=(WIDTH / 2, 3.6), layout="constrained")[1]
    ax.plot(curve["share"], curve["batch_dice"], color=PREDICTION, label="flattened Dice")
    ax.plot([0, 1], [0, 1], color=TRUTH, label="defect_dice")
    ax.axhline(reported, color=NEUTRAL, linestyle="--", label=f"published, {reported:g}")
    reached = curve.loc[curve["share"] >= share, "batch_dice"].iloc[0]
    ax.plot([share], [reached], "o", color=PREDICTION)
    ax.set(xlabel="share of the image-and-class pairs found, the largest first", ylabel="fraction")
    ax.xaxis.set_major_formatter(PercentFormatter(1))
    ax.legend(fontsize="small", loc="lower right")
    return ax
