"""Scores of a model on labelled images, at the images' own size."""

import numpy as np
import pandas as pd

from helpers.counts import PixelCounts, pixel_counts
from helpers.inference.predict import mask_predictor
from helpers.intervals import score_table
from helpers.metrics import dice_by_pair
from helpers.results import format_estimate

SCORE_DEFINITIONS = {
    "kaggle_dice": "mean Dice over every image and class; 1 where both masks are empty",
    "all_empty_dice": "kaggle_dice of predicting nothing: the floor",
    "above_floor": "kaggle_dice less all_empty_dice, paired",
    "defect_dice": "mean Dice over the images and classes that do have a defect",
    "defect_dice_class_mean": "mean of the classes' mean Dice over the images that have the class",
    "empty_accuracy": "share of the defect-free images and classes that are predicted empty",
    "miou": "intersection over union summed over the split for each class; mean of the defect classes",
    "miou_with_background": "miou with the background as one more class",
    "sheets_passed": "share of the defective sheets that get no mask at all",
    "sheets_rejected": "share of the clean sheets that get one",
}


def count_pixels(model, bundle, dataset, image_ids):
    """Predict images, and count for each image and class the true, predicted and shared pixels.

    Args:
        model: the bundle's keras.Model.
        bundle: what `bundle.json` holds.
        dataset: a `Dataset`.
        image_ids: training images, which have labels.

    Returns:
        `PixelCounts` with a row for each image, in order.
    """
    image_ids = list(image_ids)
    predicted = mask_predictor(model, bundle, dataset)(image_ids)
    return PixelCounts.concatenate(
        pixel_counts(dataset.masks(image_id), masks) for image_id, masks in zip(image_ids, predicted, strict=True)
    )


def score_rows(counts, groups, class_names):
    """A table of scores: a row for all classes together and one for each class, a column for each score.

    Args:
        counts: `PixelCounts` of a split.
        groups: label of each image's group.
        class_names: a name for each class.

    Returns:
        (table of texts "value (low to high)", dict of row -> score -> Estimate).
    """
    estimates = score_table(counts, groups, class_names=class_names)
    return estimate_texts(estimates).rename_axis("class").fillna("–"), estimates


def estimate_texts(estimates):
    """A table of texts "value (low to high)", a row and a column for each.

    Args:
        estimates: dict of row -> score -> Estimate.
    """
    texts = {
        row: {name: format_estimate(*estimate) for name, estimate in scores.items()}
        for row, scores in estimates.items()
    }
    return pd.DataFrame(texts).T


def record_scores(results, estimates, split, prefix="", condition=""):
    """Record a row of scores of `score_rows` under their names.

    Args:
        results: `Results` of the notebook.
        estimates: dict of score -> Estimate, of all classes or of one.
        split: the part of the data that was scored.
        prefix: put before each name, such as "validation_".
        condition: what the definitions add, such as "behind a gate".
    """
    for name, estimate in estimates.items():
        results.record(
            f"{prefix}{name}",
            estimate.value,
            "fraction",
            split,
            "; ".join(filter(None, [SCORE_DEFINITIONS[name], condition])),
            low=estimate.low,
            high=estimate.high,
        )


def image_dice(counts, image_ids):
    """Mean Dice of each image over the classes that it has; Series by image id, without the defect-free images."""
    dice, defect = dice_by_pair(counts), counts.true > 0
    with np.errstate(invalid="ignore"):
        means = (dice * defect).sum(axis=1) / defect.sum(axis=1)
    return pd.Series(means, index=list(image_ids), name="dice").dropna()
