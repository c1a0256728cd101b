"""Where a model is wrong: components, mix-ups of classes, sheets, and the images that show it best."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from tqdm import tqdm

from helpers.components import ComponentCounts, component_counts
from helpers.metrics import dice_by_pair

NOTHING = "nothing"


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
    missed = np.where(has, counts.true - counts.shared, 0)
    alarmed = np.where(has, 0, counts.predicted)
    unsure = np.where(has, 1 - looked.inside, looked.outside)
    kinds = {
        "best": (np.where(has.any(axis=1), mean, -1), lambda row: f"Dice {mean[row]:.2f}"),
        "worst misses": (missed.max(axis=1), lambda row: f"{missed[row].max():,} pixels missed"),
        "worst false alarms": (alarmed.max(axis=1), lambda row: f"{alarmed[row].max():,} pixels invented"),
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


def _suspicion(row, has, looked):
    """Why an image's label should be looked at again, in few words."""
    unsure = np.where(has[row], 1 - looked.inside[row], looked.outside[row])
    index = int(unsure.argmax())
    if has[row, index]:
        return f"labelled, at most {looked.inside[row, index]:.2f} sure of it"
    return f"not labelled, {looked.outside[row, index]:.2f} sure of it"
