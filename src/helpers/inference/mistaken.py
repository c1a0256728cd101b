"""Where a model is wrong: components, mix-ups of classes, sheets, and the images that show it best."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from tqdm import tqdm

from helpers.components import ComponentCounts, component_counts
from helpers.intervals import bootstrap_statistic
from helpers.metrics import dice_by_pair

NOTHING = "nothing"
FEWEST_PAIRS = 8  # with a defect, for quarters of them to be compared
BY_SIZE = {
    "dice_of_large": "mean Dice of the images and classes with a defect, the quarter with the largest defects",
    "dice_of_small": "mean Dice of the images and classes with a defect, the quarter with the smallest defects",
    "large_less_small": "mean Dice of the quarter with the largest defects less that of the quarter with the smallest",
}


@dataclass(frozen=True)
class Looked:
    """What a look at each judging image found.

    Attributes:
        components: `ComponentCounts`.
        mixed: int64 array (images, true classes, predicted classes + 1) of pixels; the last column is nothing.
        pixels: int64 array (images, classes) of the true pixels of each class.
        taken: int64 array (images, classes) of those that their own class misses, and another takes.
        inside: float array (images, classes): of the pixels of the true mask the largest probability of their class.
        outside: float array (images, classes): the same of the pixels outside the true mask.
    """

    components: ComponentCounts
    mixed: np.ndarray
    pixels: np.ndarray
    taken: np.ndarray
    inside: np.ndarray
    outside: np.ndarray


def look_at_images(step, dataset):
    """Decide the masks of all judging images, and count what needs the masks themselves.

    Args:
        step: a `helpers.inference.steps.ChainStep`.
        dataset: a `Dataset`.

    Returns:
        `Looked`, in the order of the judging images.
    """
    components, mixed, pixels, taken, inside, outside = [], [], [], [], [], []
    for image_id in tqdm(step.counted.trial.judged["image_id"], "Looking at masks", unit="image", mininterval=1):
        true = dataset.masks(image_id).astype(bool)
        probabilities, found = step.counted.decide_image(dataset, image_id, step.by_fold)
        found = found.astype(bool)
        components.append(component_counts(true, found))
        beside = np.concatenate([found, ~found.any(axis=-1, keepdims=True)], axis=-1)
        mixed.append(np.einsum("hwt,hwp->tp", true, beside, dtype=np.int64))
        pixels.append(true.sum(axis=(0, 1)))
        of_others = found.sum(axis=-1, keepdims=True) > found
        taken.append((true & ~found & of_others).sum(axis=(0, 1)))
        inside.append(np.where(true, probabilities, 0).max(axis=(0, 1)))
        outside.append(np.where(true, 0, probabilities).max(axis=(0, 1)))
    return Looked(ComponentCounts.concatenate(components), *map(np.array, (mixed, pixels, taken, inside, outside)))


def mix_ups(looked, class_names):
    """Share of each class's true pixels that are predicted as each class, or as nothing.

    Args:
        looked: `Looked`.
        class_names: a name for each class.

    Returns:
        Table with a row for each true class and a column for each predicted one; a pixel of several predicted classes
        counts for each, so that a row may add up to more than 1. NaN where a class has no pixel.
    """
    of_class = looked.pixels.sum(axis=0)[:, np.newaxis]
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = looked.mixed.sum(axis=0) / np.where(of_class == 0, np.nan, of_class)
    return pd.DataFrame(shares, index=pd.Index(class_names, name="true"), columns=[*class_names, NOTHING])


def sheet_scores(counts, smallest):
    """How sure a model is that a sheet has a defect: the highest threshold at which a mask is believed.

    Args:
        counts: `ThresholdCounts`.
        smallest: for each class the smallest mask that is believed, as a fraction of the image.

    Returns:
        float array (images,); 0 where no mask is believed at any threshold.
    """
    believed = counts.predicted >= np.maximum(np.asarray(smallest) * counts.pixels[:, np.newaxis], 1)[..., np.newaxis]
    return (believed.any(axis=1) * np.asarray(counts.thresholds)).max(axis=1)


def telling_images(step, looked, most=3):
    """The images that show best where a model is right and wrong.

    Args:
        step: the `ChainStep` that was looked at.
        looked: `Looked`.
        most: images of each kind.

    Returns:
        dict of kind -> list of (image id, what it shows), the most telling first: the best, the worst misses (most
        pixels of a class that are not found), the worst false alarms (the largest masks where nothing is),
        mix-ups (most pixels of one class taken for another), and labels to look at again (a mask where the model
        is sure of none, or none where it is sure of one).
    """
    counts, ids = step.counts, step.counted.trial.judged["image_id"].to_numpy()
    dice, has = dice_by_pair(counts), counts.true > 0
    mean = np.where(has, dice, 0).sum(axis=1) / np.maximum(has.sum(axis=1), 1)
    missed, alarmed = missed_and_invented(counts)
    unsure = np.where(has, 1 - looked.inside, looked.outside)
    kinds = {
        "best": (np.where(has.any(axis=1), mean, -1), lambda row: f"Dice {mean[row]:.2f}"),
        "worst misses": (missed, lambda row: f"{missed[row]:,} pixels missed"),
        "worst false alarms": (alarmed, lambda row: f"{alarmed[row]:,} pixels invented"),
        "mix-ups of classes": (
            looked.taken.max(axis=1),
            lambda row: f"{looked.taken[row].max():,} pixels of another class",
        ),
        "labels to look at again": (unsure.max(axis=1), lambda row: _suspicion(row, has, looked)),
    }
    told = {}
    for kind, (order, words) in kinds.items():
        rows = np.argsort(-order, kind="stable")[:most]
        told[kind] = [(ids[row], words(row)) for row in rows if order[row] > 0]
    return told


def missed_and_invented(counts):
    """How much of a defect each image's prediction misses, and how much it invents.

    Args:
        counts: `PixelCounts`.

    Returns:
        Two int64 arrays (images,) of pixels: of the class of which most is missed, and of the class with the largest
        mask where there is nothing of it.
    """
    has = counts.true > 0
    missed = np.where(has, counts.true - counts.shared, 0)
    return missed.max(axis=1), np.where(has, 0, counts.predicted).max(axis=1)


def worst_images(counts, image_ids):
    """The image of which most is missed, and that on which most is invented.

    Args:
        counts: `PixelCounts` of images.
        image_ids: their ids.

    Returns:
        dict of "missed" and "invented" -> image id; without those that there are none of.
    """
    kinds = zip(("missed", "invented"), missed_and_invented(counts), strict=True)
    return {kind: list(image_ids)[int(pixels.argmax())] for kind, pixels in kinds if pixels.any()}


def _suspicion(row, has, looked):
    """Why an image's label should be looked at again, in few words."""
    unsure = np.where(has[row], 1 - looked.inside[row], looked.outside[row])
    index = int(unsure.argmax())
    if has[row, index]:
        return f"labelled, at most {looked.inside[row, index]:.2f} sure of it"
    return f"not labelled, {looked.outside[row, index]:.2f} sure of it"


def size_effect(counts, pixels, groups):
    """How much better large defects are outlined than small ones.

    Args:
        counts: `PixelCounts` of the judging images.
        pixels: int array (images,) of the images' areas.
        groups: label of each image's group.

    Returns:
        dict of Estimate, by the names of `BY_SIZE`; empty where fewer than `FEWEST_PAIRS` pairs have a defect.
    """
    has = counts.true > 0
    if has.sum() < FEWEST_PAIRS:
        return {}
    shares = (counts.true / np.asarray(pixels)[:, np.newaxis])[has]
    arrays, of_pair = (dice_by_pair(counts)[has], shares), np.repeat(np.asarray(groups), has.sum(axis=1))
    statistics = (
        lambda dice, sizes: _quarters(dice, sizes)[1],
        lambda dice, sizes: _quarters(dice, sizes)[0],
        lambda dice, sizes: _quarters(dice, sizes)[1] - _quarters(dice, sizes)[0],
    )
    return {
        name: bootstrap_statistic(statistic, arrays, of_pair)
        for name, statistic in zip(BY_SIZE, statistics, strict=True)
    }


def _quarters(dice, sizes):
    """Mean Dice of the quarter of the smallest, and of the quarter of the largest."""
    ranked, quarter = dice[np.argsort(sizes, kind="stable")], max(1, len(dice) // 4)
    return ranked[:quarter].mean(), ranked[-quarter:].mean()
