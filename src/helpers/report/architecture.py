"""Drawings of how a network works: convolution and pooling on a real patch, and a network as a U, from its layers."""

from dataclasses import dataclass
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle

from helpers.report.colours import NEUTRAL, PREDICTION, TRUTH
from helpers.report.figures import WIDTH, plain, show_picture

# The right column of a window less its left one: large where it gets brighter from left to right.
KERNEL = np.array([[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]])
PATCH = 8  # side of the patch whose grey values are written out, in pixels
AROUND = 96  # height of what is shown around it, at most, in pixels
SHRUNK = 0.6  # of an image's area, when its sides are halved and rounded up
JOINS = ("Concatenate", "Add")
DOWN, BOTTOM, UP = "#D6ECF9", "#F3DCEA", "#CDEBDF"


@dataclass(frozen=True)
class Stage:
    """Layers of a network that follow each other and have the same size of image.

    Attributes:
        level: how often the image was halved.
        shape: (height, width) in pixels.
        channels: the most that a layer has, joined ones aside.
        parameters: weights.
        multiply_adds: for one image.
        names: of its layers.
        joins: names of the layers from outside that are joined to it.
    """

    level: int
    shape: tuple
    channels: int
    parameters: int
    multiply_adds: int
    names: tuple
    joins: tuple


def network_stages(layers):
    """A network with encoder and decoder as a list of stages.

    Args:
        layers: list of `helpers.models.describe.describe_layers`.

    Returns:
        List of `Stage`; empty where the network is no U: its images don't get smaller step by step, and then larger.
    """
    layers = [layer for layer in layers if len(layer["shape"]) == 3]
    areas = [layer["shape"][0] * layer["shape"][1] for layer in layers]
    sizes = _level_sizes(areas)
    runs = []
    for layer, area in zip(layers, areas, strict=True):
        level = int(np.abs(np.log(area / sizes)).argmin())
        if not runs or runs[-1][0] != level:
            runs.append((level, []))
        runs[-1][1].append(layer)
    levels = [level for level, _ in runs]
    deepest = max(levels)
    if levels != [*range(deepest + 1), *range(deepest - 1, levels[-1] - 1, -1)] or levels[-1] == deepest:
        return []
    return [_stage(level, members) for level, members in runs]


def _level_sizes(areas):
    """The area of the image on each level: a new one begins where hardly more than a half is left.

    Halving may round up, and padding may add a little; neither makes a level.
    """
    sizes = areas[:1]
    for area in areas:
        if area <= SHRUNK * sizes[-1]:
            sizes.append(area)
    return np.array(sizes)


def _stage(level, members):
    """The stage of some layers."""
    names = tuple(layer["name"] for layer in members)
    joins = [source for layer in members if layer["kind"] in JOINS for source in layer["inputs"]]
    return Stage(
        level=level,
        shape=members[-1]["shape"][:2],
        channels=max(layer["shape"][-1] for layer in members if layer["kind"] not in JOINS),
        parameters=sum(layer["parameters"] for layer in members),
        multiply_adds=sum(layer["multiply_adds"] for layer in members),
        names=names,
        joins=tuple(name for name in joins if name not in names),
    )


def draw_u(stages, ax=None):
    """A network as a U: each box a stage with its size, channels, weights and work; skip connections dashed.

    Args:
        stages: list of `network_stages`, not empty.
        ax: Axes, or None for new ones.

    Returns:
        matplotlib Axes.
    """
    depth = max(stage.level for stage in stages)
    if ax is None:
        _, ax = plt.subplots(figsize=(WIDTH, 0.78 * (depth + 1) + 0.4), layout="constrained")
    step, boxes = 2.9 / depth, []
    for place, stage in enumerate(stages):
        side = int(np.sign(place - depth))
        boxes.append((side * (1.55 + step * (depth - stage.level)) if side else 0, -stage.level))
        work = f"{stage.parameters:,} weights, {stage.multiply_adds / 1e6:,.0f} million multiply-adds"
        if not stage.parameters:
            work = "the image" if place == 0 else "probabilities"
        _draw_stage(ax, stage, boxes[place], (DOWN, BOTTOM, UP)[side + 1], work)
    for place, (first, then) in enumerate(pairwise(boxes)):
        side, down = -1 if place < depth else 1, then[1] < first[1]
        x = side if 0 in (first[0], then[0]) else (first[0] + then[0]) / 2
        ends = [(x, first[1] + (-0.3 if down else 0.3)), (x, then[1] + (0.3 if down else -0.3))]
        _arrow(ax, *ends, PREDICTION if down else TRUTH, "-")
    for place, stage in enumerate(stages[:depth]):
        for other, later in enumerate(stages[depth + 1 :], start=depth + 1):
            if later.level == stage.level and set(later.joins) & set(stage.names):
                _arrow(
                    ax,
                    (boxes[place][0] + 1.5, boxes[place][1]),
                    (boxes[other][0] - 1.5, boxes[other][1]),
                    NEUTRAL,
                    "--",
                )
    ax.set(xlim=(-6.2, 6.2), ylim=(-depth - 0.45, 0.45))
    ax.set_axis_off()
    return ax


def _draw_stage(ax, stage, place, colour, work):
    """One box with its text."""
    x, y = place
    shape = {"boxstyle": "round,pad=0,rounding_size=0.06", "facecolor": colour, "edgecolor": NEUTRAL}
    ax.add_patch(FancyBboxPatch((x - 1.45, y - 0.28), 2.9, 0.56, **shape))
    height, width = stage.shape
    channels = f"{stage.channels} channel{'s' if stage.channels > 1 else ''}"
    ax.text(x, y + 0.1, f"{height} x {width}, {channels}", ha="center", va="center", fontsize=8.5)
    ax.text(x, y - 0.12, work, ha="center", va="center", fontsize=7.5, color="#3A4048")


def _arrow(ax, start, end, colour, style):
    """An arrow from point to point."""
    ax.add_patch(
        FancyArrowPatch(start, end, arrowstyle="->", mutation_scale=9, linestyle=style, color=colour, linewidth=1.2)
    )


def convolve(values, kernel=KERNEL):
    """What a convolution gives: for each window as large as the kernel, the sum of the products with it.

    Args:
        values: array (height, width).
        kernel: array (rows, columns), no larger; it is laid on as it is, not turned, as in networks.

    Returns:
        Array (height - rows + 1, width - columns + 1).

    Example:
        >>> convolve(np.array([[1, 2, 5], [1, 2, 5], [1, 2, 5]])).tolist()
        [[12]]
    """
    windows = np.lib.stride_tricks.sliding_window_view(np.asarray(values), kernel.shape)
    return (windows * kernel).sum(axis=(-2, -1))


def pool(values):
    """The largest value of each square of two by two; an odd last row or column is left out.

    Example:
        >>> pool(np.array([[1, 2, 0, 0], [3, 4, 0, 9]])).tolist()
        [[4, 9]]
    """
    height, width = (side // 2 * 2 for side in values.shape)
    return values[:height, :width].reshape(height // 2, 2, width // 2, 2).max(axis=(1, 3))


def choose_patch(image, mask, size=PATCH):
    """Where the kernel finds most inside a defect.

    Args:
        image: uint8 array (height, width), both at least `size`.
        mask: array (height, width) of 0 and 1; all of the image counts where it is empty.
        size: side of the patch, in pixels.

    Returns:
        (row, column) of the patch's first pixel, counted from 0.
    """
    found = convolve(image.astype(int)).astype(float)
    inside = mask[1:-1, 1:-1].astype(bool)
    if inside.any():
        found[~inside] = -np.inf
    row, column = np.unravel_index(found.argmax(), found.shape)
    starts = (row + 1 - size // 2, column + 1 - size // 2)
    return tuple(int(np.clip(start, 0, side - size)) for start, side in zip(starts, image.shape, strict=True))


def convolution_figure(image, place, size=PATCH):
    """Convolution and pooling on a patch of a photograph, as numbers and as pictures.

    Args:
        image: uint8 array (height, width).
        place: (row, column) of the patch, as from `choose_patch`.
        size: side of the patch, in pixels.

    Returns:
        matplotlib Figure.
    """
    values = image.astype(int)
    (row, column), (height, width) = place, image.shape
    tall = min(AROUND, height)
    wide = min(tall * 5 // 3, width)
    top, left = (
        int(np.clip(start + size // 2 - length // 2, 0, side - length))
        for start, length, side in ((row, tall, height), (column, wide, width))
    )
    around = values[top : top + tall, left : left + wide]
    response = np.maximum(convolve(around), 0)
    figure = plt.figure(figsize=(WIDTH, 5.6), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=[1, 1.25])
    pictures = above.subplots(1, 3)
    show_picture(around, "part of an image, the patch framed", pictures[0])
    pictures[0].add_patch(
        Rectangle((column - left - 0.5, row - top - 0.5), size, size, fill=False, edgecolor=PREDICTION)
    )
    for ax, shown, title in (
        (pictures[1], response, "after the convolution, negative values cut off"),
        (pictures[2], pool(response), "after pooling: half as high and wide"),
    ):
        ax.imshow(shown, cmap="magma", vmin=0)
        ax.set_title(title, fontsize="small")
        ax.set_axis_off()
    patch = values[row : row + size, column : column + size]
    felt = np.maximum(convolve(patch), 0)
    strongest = np.array(np.unravel_index(felt.argmax(), felt.shape))
    numbers = below.subplots(1, 4, width_ratios=[size, 3, size - 2, size // 2])
    _number_grid(numbers[0], patch, "grey values of the patch", "gray", (0, 255), (strongest, 3))
    _number_grid(numbers[1], KERNEL, "kernel", "RdBu_r", (-2, 2), None)
    _number_grid(numbers[2], felt, "convolution, cut off at zero", "magma", (0, felt.max()), (strongest // 2 * 2, 2))
    _number_grid(numbers[3], pool(felt), "largest of each four", "magma", (0, felt.max()), (strongest // 2, 1))
    return figure


def _number_grid(ax, values, title, colours, limits, framed):
    """A small array as coloured squares with their numbers; `framed` is ((row, column), side) of a frame."""
    low, high = limits
    ax.imshow(values, cmap=colours, vmin=low, vmax=max(high, low + 1))
    shades = plt.get_cmap(colours)((values - low) / max(high - low, 1))[..., :3] @ [0.299, 0.587, 0.114]
    for (row, column), value in np.ndenumerate(values):
        ink = "black" if shades[row, column] > 0.5 else "white"
        ax.text(column, row, f"{value}".replace("-", "−"), ha="center", va="center", fontsize=7, color=ink)
    if framed:
        (row, column), side = framed
        ax.add_patch(Rectangle((column - 0.5, row - 0.5), side, side, fill=False, edgecolor="#56B4E9", linewidth=2.5))
    ax.set_title(plain(title), fontsize="small")
    ax.set(xticks=[], yticks=[])
    ax.grid(False)
