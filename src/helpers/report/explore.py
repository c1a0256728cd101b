"""Figures of the exploration."""

import matplotlib.pyplot as plt
import numpy as np
import seaborn

from helpers.report.colours import NEUTRAL, PREDICTION, TRUTH, class_colours
from helpers.report.figures import WIDTH, plain


def class_pair_map(pairs, class_names, ax=None):
    """How many images have each pair of classes; on the diagonal, the class alone.

    Args:
        pairs: table of `helpers.data.explore.class_pairs`.
        class_names: a name for each class.
        ax: Axes, or None for the current ones.
    """
    ax = ax or plt.gca()
    names = [plain(name) for name in class_names]
    seaborn.heatmap(pairs, annot=True, fmt=",d", cmap="Blues", cbar=False, square=True, linewidths=1, ax=ax,
                    xticklabels=names, yticklabels=names)  # fmt: skip
    ax.set(xlabel="", ylabel="")
    ax.tick_params(axis="y", rotation=0)
    return ax


def component_sizes(components, class_names):
    """Number of components of a label, and the area of a component, for each class.

    Args:
        components: table of `helpers.data.explore.component_areas`.
        class_names: a name for each class.

    Returns:
        matplotlib Figure.
    """
    figure, axes = plt.subplots(1, 2, figsize=(WIDTH, 3), layout="constrained")
    ids = range(1, len(class_names) + 1)
    per_label = components.groupby(["ClassId", "ImageId"]).size().rename("components").reset_index()
    for ax, table, column in ((axes[0], per_label, "components"), (axes[1], components, "area")):
        values = [table.loc[table["ClassId"] == class_id, column].to_numpy() for class_id in ids]
        boxes = ax.boxplot(values, orientation="horizontal", patch_artist=True, showfliers=False, widths=0.6,
                           medianprops={"color": "black"})  # fmt: skip
        for box, colour in zip(boxes["boxes"], class_colours(len(class_names)), strict=True):
            box.set_facecolor(colour)
        ax.set_yticks(ids, [plain(name) for name in class_names])
        ax.invert_yaxis()
        ax.grid(axis="y", visible=False)
    axes[0].set(xlabel="components of a label", title="How many pieces a label has")
    axes[1].set(xlabel="area of a component, pixels", xscale="log", title="How large a piece is")
    return figure


def defect_maps(maps, class_names, shape):
    """Where on the sheet the defects of each class lie.

    Args:
        maps: arrays of `helpers.data.explore.defect_map`, one for each class.
        class_names: a name for each class.
        shape: (height, width) of the images in pixels.

    Returns:
        matplotlib Figure; each panel has its own scale, since rare places of one class outdo common ones of another.
    """
    height = min(WIDTH * shape[0] / shape[1], 4) + 0.55
    figure, axes = plt.subplots(len(maps), 1, figsize=(WIDTH, height * len(maps) * 0.62), layout="constrained",
                                sharex=True, squeeze=False)  # fmt: skip
    for ax, values, name in zip(axes[:, 0], maps, class_names, strict=True):
        extent = (0, shape[1], shape[0], 0)
        shown = ax.imshow(100 * values, extent=extent, cmap="magma", vmin=0, aspect="equal")
        figure.colorbar(shown, ax=ax, label="% of labels", pad=0.01)
        ax.set_title(plain(name))
        ax.set_ylabel("row")
        ax.grid(visible=False)
    axes[-1, 0].set_xlabel("column, pixels")
    return figure


def light_histograms(light):
    """Brightness, contrast and dark margins of the training and the test images.

    Args:
        light: table of `helpers.data.explore.describe_light`.

    Returns:
        matplotlib Figure.
    """
    figure, axes = plt.subplots(1, 3, figsize=(WIDTH, 2.8), layout="constrained")
    labels = {
        "brightness": "mean grey value of the steel, fraction of white",
        "contrast": "standard deviation of the steel, fraction of white",
        "margin": "dark columns, fraction of the width",
    }
    for ax, (column, label) in zip(axes, labels.items(), strict=True):
        edges = np.linspace(0, max(float(light[column].max()), 0.01), 31)
        for part, colour in (("train", TRUTH), ("test", PREDICTION)):
            values = light.loc[light["part"] == part, column]
            if len(values):
                ax.hist(values, bins=edges, weights=np.full(len(values), 1 / len(values)), color=colour, alpha=0.55,
                        label=f"{part} ({len(values):,} images)")  # fmt: skip
        ax.set(xlabel=label)
        ax.set_title(column)
    axes[0].set_ylabel("share of the images")
    axes[0].legend(fontsize="x-small")
    return figure


def clean_and_defective(clean, defective, ax=None):
    """How many images have a defect, and how many have none, as one bar."""
    ax = ax or plt.gca()
    total = clean + defective
    ax.barh([0], [clean], color=NEUTRAL, label="no defect")
    ax.barh([0], [defective], left=[clean], color=PREDICTION, label="with a defect")
    for start, count in ((0, clean), (clean, defective)):
        if count:
            ax.text(start + count / 2, 0, f"{count:,} ({count / total:.1%})", ha="center", va="center", color="white")
    ax.set(yticks=[], xlabel="images", xlim=(0, total))
    ax.grid(visible=False)
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
    return ax
