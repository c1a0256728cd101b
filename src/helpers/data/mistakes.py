"""What often goes wrong with this kind of data, and what it costs: measured on the labels alone."""

import math

import numpy as np
import pandas as pd

from helpers.data.split import HOLDOUT, TRAIN, class_combinations
from helpers.rle import rle2mask


def shift_by_one(mask):
    """A mask as a decoder gives it that takes the first pixel's number, 1, for its place, 0.

    Args:
        mask: array (height, width).

    Returns:
        Array of that shape and kind: each pixel where the one before it was, going down each column; the last is lost.

    Example:
        >>> shift_by_one(np.array([[1, 0], [0, 1]])).tolist()
        [[0, 0], [1, 0]]
    """
    mask = np.asarray(mask)
    flat = np.zeros(mask.size, mask.dtype)
    flat[1:] = mask.ravel(order="F")[:-1]
    return flat.reshape(mask.shape, order="F")


def off_by_one_costs(dataset, image_ids):
    """Dice of each true mask with itself as decoded one pixel too late.

    Args:
        dataset: a `Dataset`.
        image_ids: labelled images.

    Returns:
        Table with a row for each image and class that has a defect: image_id, ClassId, pixels and dice.
    """
    rows = []
    for image_id in image_ids:
        for class_id, runs in zip(dataset.areas.columns, dataset.runs(image_id), strict=True):
            if runs:
                mask = rle2mask(runs, dataset.shape_of(image_id)).astype(bool)
                late = shift_by_one(mask)
                dice = 2 * np.count_nonzero(mask & late) / (np.count_nonzero(mask) + np.count_nonzero(late))
                rows.append((image_id, class_id, np.count_nonzero(mask), dice))
    return pd.DataFrame(rows, columns=["image_id", "ClassId", "pixels", "dice"])


def dice_of_the_largest(areas):
    """The paper's Dice, flattened over all images, of finding only the largest defects, and those perfectly.

    Args:
        areas: table of defect pixels by image id and class.

    Returns:
        Table with a row for each number of image-and-class pairs found, from none to all: share (of the pairs, which
        is their `defect_dice`) and batch_dice.

    Example:
        >>> dice_of_the_largest(pd.DataFrame({1: [60, 0], 2: [0, 20]})).round(3).to_dict("list")
        {'share': [0.0, 0.5, 1.0], 'batch_dice': [0.0, 0.857, 1.0]}
    """
    pixels = np.sort(areas.to_numpy()[areas.to_numpy() > 0])[::-1].astype(float)
    found = np.append(0.0, np.cumsum(pixels))
    total = pixels.sum()
    return pd.DataFrame(
        {"share": np.arange(len(found)) / max(len(pixels), 1), "batch_dice": 2 * found / np.maximum(found + total, 1)}
    )


def share_found_for(curve, dice):
    """The smallest share of the pairs with which the largest reach a batch Dice; of `dice_of_the_largest`."""
    return float(curve.loc[curve["batch_dice"] >= dice, "share"].iloc[0]) if len(curve) > 1 else math.nan


def dropped_images(counts, batch_sizes):
    """Images that a generator leaves out which gives whole batches alone.

    Args:
        counts: dict of part -> number of images.
        batch_sizes: numbers of images in a batch.

    Returns:
        Table with part, images, batch_size, dropped and share.
    """
    rows = [
        (part, count, size, count % size, count % size / count)
        for part, count in counts.items()
        for size in batch_sizes
        if count
    ]
    return pd.DataFrame(rows, columns=["part", "images", "batch_size", "dropped", "share"])


def known_from_copies(areas, groups, parts):
    """How many images that judge are known to a memory of the training images, which never looks at them.

    The memory answers with the classes of a training image of the same group where there is one, and else says that
    there is no defect.

    Args:
        areas: table of defect pixels by image id and class.
        groups: Series of group numbers by image id.
        parts: Series of "train", "validation" and "holdout" by image id.

    Returns:
        dict: images, with_copy (that have a training image in their group), right (of these, whose classes the memory
        gives).
    """
    combinations = class_combinations(areas)
    combinations = pd.Series(np.asarray(combinations), index=areas.index)
    judged, known = parts.index[parts == HOLDOUT], parts.index[parts == TRAIN]
    memory = pd.Series(combinations[known].to_numpy(), index=groups[known].to_numpy())
    memory = memory[~memory.index.duplicated()]
    copied = [image_id for image_id in judged if groups[image_id] in memory.index]
    right = sum(memory[groups[image_id]] == combinations[image_id] for image_id in copied)
    return {"images": len(judged), "with_copy": len(copied), "right": int(right)}
