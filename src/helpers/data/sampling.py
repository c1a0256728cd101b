"""How often a training draws each image: rare classes more often, defect-free images in their right share."""

import numpy as np
import pandas as pd


def sampling_weights(areas, lift=0.5, clean_share=None):
    """How often to draw each image, relative to the others.

    An image counts by the rarest class that it has: a class that n of the images have, where the most frequent class
    has m, is lifted by (m / n) to the power of `lift`. The lift only moves draws among the images with a defect.

    Args:
        areas: table of defect pixels by image id, a column for each class.
        lift: 0 draws each image with a defect as often as the others; 1 draws each class as often as the others.
        clean_share: share of the draws that go to defect-free images; None means the share that they have.

    Returns:
        Series of weights by image id, above or equal to 0, with a mean of 1.

    Raises:
        ValueError: there are no images, `lift` is below 0, or `clean_share` can't be reached with these images.
    """
    if not len(areas):
        raise ValueError("areas: got no images, expected at least one. Does the split leave any in this part?")
    if not lift >= 0:
        raise ValueError(f"lift: got {lift}, expected 0 (as the images come) or more; 1 evens the classes out.")
    present = areas.to_numpy() > 0
    clean = ~present.any(axis=1)
    share = float(clean.mean()) if clean_share is None else clean_share
    if not 0 <= share <= 1 or (share > 0 and not clean.any()) or (share < 1 and clean.all()):
        raise ValueError(
            f"clean_share: got {clean_share}, but {int(clean.sum())} of {len(clean)} images are free of defects. "
            "Give a share from 0 to 1 that these images can fill, or None for the one they have."
        )
    counts = present.sum(axis=0)
    rarity = (counts.max(initial=0) / np.maximum(counts, 1)) ** lift
    weights = np.where(clean, 1.0, (present * rarity).max(axis=1, initial=0))
    for chosen, wanted in ((clean, share), (~clean, 1 - share)):
        if chosen.any():
            weights[chosen] *= wanted * len(weights) / weights[chosen].sum()
    return pd.Series(weights, index=areas.index, name="weight")


def draw_positions(weights, rng):
    """As many positions as there are weights, each as often as its weight says, in random order.

    The draw is systematic: an image of weight 2.3 comes two or three times, never once or five times.

    Args:
        weights: array of weights with a mean of 1.
        rng: numpy random generator.

    Returns:
        int64 array of positions.

    Source:
        Systematic resampling: Kitagawa (1996), doi:10.1080/10618600.1996.10474692.
    """
    weights = np.asarray(weights, dtype=float)
    order = rng.permutation(len(weights))
    marks = np.cumsum(weights[order]) * (len(weights) / weights.sum())
    places = np.searchsorted(marks, np.arange(len(weights)) + rng.random(), side="right")
    return rng.permutation(order[np.minimum(places, len(weights) - 1)])
