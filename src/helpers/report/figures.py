"""Figures. A one-panel function takes `ax`, draws, and returns the Axes; a multi-panel one returns the Figure."""

import matplotlib.pyplot as plt
import numpy as np
import seaborn
from matplotlib.patches import FancyArrowPatch, Patch, Rectangle

from helpers.report.colours import NEUTRAL, PREDICTION, TRUTH, class_colours

WIDTH = 11.0
TALLEST = 2.6  # height of a picture in a grid, inches


def set_style():
    """The look of every figure; call it once at the top of a notebook."""
    seaborn.set_theme(style="whitegrid", context="notebook", font_scale=0.85)
    plt.rcParams.update(
        {
            "figure.dpi": 100,
            "savefig.bbox": "tight",
            "axes.titlesize": "medium",
            "axes.titlelocation": "left",
            "legend.frameon": False,
            "image.cmap": "gray",
        }
    )


def overlay(image, masks, opacity=0.45):
    """A photograph with its masks laid over in the colours of the classes.

    Args:
        image: uint8 array (height, width, 1 or 3).
        masks: array (height, width, classes) of 0 and 1.
        opacity: of the colours, 0 to 1; outlines are drawn full.

    Returns:
        uint8 array (height, width, 3).
    """
    picture = np.repeat(image[..., :1], 3, axis=-1).astype(float) if image.shape[-1] == 1 else image.astype(float)
    for class_index, colour in enumerate(class_colours(masks.shape[-1])):
        mask = masks[..., class_index].astype(bool)
        paint = np.array([int(colour[start : start + 2], 16) for start in (1, 3, 5)], dtype=float)
        picture[mask] = (1 - opacity) * picture[mask] + opacity * paint
        picture[_outline(mask)] = paint
    return picture.round().astype(np.uint8)


def class_legend(figure, class_names, **arguments):
    """A legend of the classes below a figure."""
    handles = [
        Patch(color=colour, label=name)
        for name, colour in zip(class_names, class_colours(len(class_names)), strict=True)
    ]
    arguments = {"loc": "lower center", "ncols": min(len(handles), 7), "bbox_to_anchor": (0.5, -0.02)} | arguments
    figure.legend(handles=handles, **arguments)


def show_picture(picture, title="", ax=None):
    """One picture without axes; grey where it has one channel."""
    ax = ax or plt.gca()
    ax.imshow(np.squeeze(picture), cmap="gray", vmin=0, vmax=255)
    ax.set_title(title, fontsize="small")
    ax.set_axis_off()
    return ax


def picture_columns(rows, row_titles, column_titles, class_names):
    """A grid of pictures: one row an image, one column a view of it.

    Args:
        rows: list of lists of uint8 pictures.
        row_titles: a title for each row, put above its first picture.
        column_titles: a title for each column.
        class_names: for the legend.

    Returns:
        matplotlib Figure.
    """
    columns = len(column_titles)
    height, width = rows[0][0].shape[:2]
    panel_width = min(WIDTH / columns, TALLEST * width / height)
    size = (panel_width * columns, (panel_width * height / width + 0.32) * len(rows) + 0.5)
    figure, axes = plt.subplots(len(rows), columns, figsize=size, squeeze=False, layout="constrained")
    for row, (pictures, row_title) in enumerate(zip(rows, row_titles, strict=True)):
        for column, picture in enumerate(pictures):
            words = [column_titles[column]] if row == 0 else []
            words += [plain(row_title)] if column == 0 else []
            show_picture(picture, ", ".join(words), axes[row, column])
    class_legend(figure, class_names, loc="outside lower center", bbox_to_anchor=None)
    return figure


def class_count_bars(counts, class_names):
    """Absolute and relative counts of the classes (the paper's Figure 2).

    Args:
        counts: table of `helpers.data.labels.class_counts`.
        class_names: a name for each class.

    Returns:
        matplotlib Figure.
    """
    figure, axes = plt.subplots(1, 2, figsize=(WIDTH, 3), layout="constrained")
    colours = class_colours(len(class_names))
    for ax, column, label in ((axes[0], "images", "images"), (axes[1], "share", "share of defective images")):
        bars = ax.bar([plain(name) for name in class_names], counts[column], color=colours)
        ax.bar_label(bars, fmt="{:,.0f}" if column == "images" else "{:.1%}", fontsize="small")
        ax.set(ylabel=label, xlabel="class")
        ax.grid(axis="x", visible=False)
        ax.margins(y=0.12)
    axes[0].set_title("Images with each class")
    axes[1].set_title("Share of the images with a defect")
    return figure


def area_histograms(areas, class_names, bins=40):
    """Histograms of the area of each class, in logarithmic steps (the paper's Figure 3).

    Args:
        areas: table of defect pixels, a row for each image, a column for each class.
        class_names: a name for each class.
        bins: number of steps.

    Returns:
        matplotlib Figure; the title of each panel gives the share of images that have none.
    """
    figure, axes = plt.subplots(
        1, len(class_names), figsize=(WIDTH, 2.6), sharex=True, layout="constrained", squeeze=False
    )
    edges = np.geomspace(1, max(int(areas.to_numpy().max()), 10), bins + 1)
    for ax, column, name, colour in zip(
        axes[0], areas.columns, class_names, class_colours(len(class_names)), strict=True
    ):
        present = areas.loc[areas[column] > 0, column]
        ax.hist(present, bins=edges, color=colour)
        ax.set(xscale="log", xlabel="area, pixels")
        ax.set_title(f"{plain(name)}\n{(areas[column] == 0).mean():.1%} have none", fontsize="small")
    axes[0, 0].set_ylabel("images")
    return figure


def split_shares(split, class_names, ax=None):
    """Share of the images with each class, in each part of the split.

    Args:
        split: table of `helpers.data.split.make_split`.
        class_names: a name for each class.
        ax: Axes, or None for the current ones.
    """
    ax = ax or plt.gca()
    parts = list(dict.fromkeys(split["split"]))
    positions = np.arange(len(class_names) + 1)
    for offset, part in enumerate(parts):
        combinations = split.loc[split["split"] == part, "combination"].str.split("+")
        keys = [*(str(number + 1) for number in range(len(class_names))), "none"]
        shares = [combinations.map(lambda classes, key=key: key in classes).mean() for key in keys]
        ax.bar(
            positions + (offset - (len(parts) - 1) / 2) * 0.27,
            shares,
            width=0.25,
            label=f"{part} ({len(combinations)} images)",
        )
    ax.set_xticks(positions, [*(plain(name) for name in class_names), "no defect"])
    ax.set(ylabel="share of the images")
    ax.grid(axis="x", visible=False)
    ax.legend()
    return ax


def training_curves(history, column, label, ax=None, *, log=False):
    """A number by epoch, in training and validation (the paper's Figure 8, for `dice_coef`).

    Args:
        history: table of `train_model`, with or without a validation.
        column: such as "dice_coef" or "loss"; the validation's is `val_` and the same.
        label: for the y axis.
        ax: Axes, or None for the current ones.
        log: whether the y axis has logarithmic steps, so that single spikes don't flatten the rest.
    """
    ax = ax or plt.gca()
    marker = "o" if len(history) < 3 else None
    ax.plot(history["epoch"], history[column], color=TRUTH, marker=marker, label="training")
    if f"val_{column}" in history:
        ax.plot(history["epoch"], history[f"val_{column}"], color=PREDICTION, marker=marker, label="validation")
    ax.set(xlabel="epoch", ylabel=label, yscale="log" if log else "linear")
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.legend()
    return ax


CURVES = {"dice_coef": "batch Dice, fraction", "defect_dice": "defect_dice, fraction", "auc": "AUC, fraction"}


def training_figure(history):
    """How a training went: loss, the scores that were watched, and learning rate, by epoch.

    Args:
        history: table of `train_model`.

    Returns:
        matplotlib Figure.
    """
    watched = [name for name in CURVES if name in history]
    figure, axes = plt.subplots(*((2, 2) if len(watched) > 1 else (1, 3)), figsize=(WIDTH, 2.6 * min(2, len(watched))),
                                layout="constrained")  # fmt: skip
    loss, *scores, rate = axes.flat
    training_curves(history, "loss", "loss", loss, log=True)
    for ax, name in zip(scores, watched, strict=True):
        training_curves(history, name, CURVES[name], ax)
    rate.plot(history["epoch"], history["learning_rate"], color=NEUTRAL, marker="o" if len(history) < 3 else None)
    rate.set(xlabel="epoch", ylabel="learning rate at the epoch's end")
    rate.xaxis.get_major_locator().set_params(integer=True)
    rate.set_ylim(bottom=0)
    return figure


def probability_maps(pictures, probabilities, titles, class_names):
    """Truth and the probability of each class: a column for each image, a row for each view.

    Args:
        pictures: list of uint8 pictures that show the truth.
        probabilities: list of arrays (height, width, classes) in [0, 1].
        titles: a title for each image.
        class_names: a name for each class.

    Returns:
        matplotlib Figure.
    """
    height, width = pictures[0].shape[:2]
    panel_width = min(WIDTH / len(pictures), TALLEST * width / height)
    size = (panel_width * len(pictures) + 0.6, (panel_width * height / width + 0.32) * (len(class_names) + 1) + 0.5)
    figure, axes = plt.subplots(len(class_names) + 1, len(pictures), figsize=size, squeeze=False, layout="constrained")
    for column, (picture, maps, title) in enumerate(zip(pictures, probabilities, titles, strict=True)):
        show_picture(picture, plain(title), axes[0, column])
        for row, name in enumerate(class_names, start=1):
            drawn = axes[row, column].imshow(maps[..., row - 1], vmin=0, vmax=1, cmap="magma", aspect="auto")
            axes[row, column].set(xticks=[], yticks=[])
            if column == 0:
                axes[row, column].set_title(f"probability of {plain(name)}")
    figure.colorbar(drawn, ax=axes[1:, -1], label="probability", aspect=30)
    class_legend(figure, class_names, loc="outside lower center", bbox_to_anchor=None)
    return figure


NETWORK_COLOURS = {
    "InputLayer": NEUTRAL,
    "Rescaling": "#C9CED6",
    "Conv2D": "#56B4E9",
    "MaxPooling2D": "#D55E00",
    "Conv2DTranspose": "#009E73",
    "UpsampleTo": "#009E73",
    "UpSampling2D": "#009E73",
    "Concatenate": "#F0E442",
    "PixelsOfPlaces": "#CC79A7",
}


def draw_network(layers, ax=None):
    """A network with an encoder and a decoder, drawn from its layers.

    Args:
        layers: list of `helpers.models.describe.describe_layers`.
        ax: Axes, or None for new ones.

    Returns:
        matplotlib Axes. From left to right the order of the layers, from top to bottom ever smaller images; each
        box is a layer with its number of channels. Norms, activations and sums are left out.
    """
    if ax is None:
        _, ax = plt.subplots(figsize=(WIDTH, 4.2), layout="constrained")
    drawn = [layer for layer in layers if layer["kind"] in NETWORK_COLOURS]
    full_height = layers[0]["shape"][0]
    # the layers halve the image with rounding, so that a level is the nearest whole number
    levels = {layer["name"]: -round(np.log2(full_height / layer["shape"][0])) for layer in drawn}
    places = {layer["name"]: (number, levels[layer["name"]]) for number, layer in enumerate(drawn)}
    sources = {layer["name"]: layer["inputs"] for layer in layers}
    for layer in drawn:
        x, y = places[layer["name"]]
        box = Rectangle((x - 0.36, y - 0.31), 0.72, 0.62, edgecolor="black", linewidth=0.6)
        box.set_facecolor(NETWORK_COLOURS[layer["kind"]])
        ax.add_patch(box)
        ax.text(x, y, layer["shape"][-1], ha="center", va="center", fontsize=6.5 if len(drawn) < 50 else 5)
        if layer["kind"] == "Concatenate":
            starts = [places[_drawn_source(source, sources, places)] for source in layer["inputs"]]
            _draw_skip(ax, min(starts), (x, y))
    for level in sorted(set(levels.values())):
        height, width = next(layer["shape"][:2] for layer in drawn if levels[layer["name"]] == level)
        ax.text(-1.2, level, f"{height} x {width}", ha="right", va="center", fontsize=7)
    shown = {layer["kind"] for layer in drawn}
    handles = [
        Patch(facecolor=colour, edgecolor="black", label=kind)
        for kind, colour in NETWORK_COLOURS.items()
        if kind in shown
    ]
    ax.legend(handles=handles, loc="lower center", ncols=len(handles), fontsize="x-small", bbox_to_anchor=(0.5, -0.12))
    ax.set(xlim=(-len(drawn) / 8, len(drawn)), ylim=(min(levels.values()) - 0.6, 0.6))
    ax.set_axis_off()
    return ax


def _drawn_source(name, sources, places):
    """The nearest layer before this one that is drawn, or the layer itself."""
    while name not in places:
        name = sources[name][0]
    return name


def _draw_skip(ax, start, end):
    """A dashed arrow from box to box."""
    ax.add_patch(
        FancyArrowPatch(
            (start[0] + 0.36, start[1]),
            (end[0] - 0.36, end[1]),
            arrowstyle="->",
            mutation_scale=8,
            linestyle="--",
            color=NEUTRAL,
            linewidth=0.9,
        )
    )


def plain(text):
    """Text for a figure as it stands: matplotlib must not take a dollar sign for a formula."""
    return str(text).replace("$", r"\$")


def _outline(mask):
    """The pixels of a mask that have a neighbour outside it."""
    inside = np.pad(mask, 1, mode="edge")
    kept = inside[:-2, 1:-1] & inside[2:, 1:-1] & inside[1:-1, :-2] & inside[1:-1, 2:]
    return mask & ~kept
