"""Brightness of the photographs."""

import numpy as np


def grey_statistics(dataset, image_ids, channels=1):
    """Mean and standard deviation of the grey values of some images, to standardise a network's input with.

    Args:
        dataset: a `Dataset`.
        image_ids: training images; the holdout is not looked at.
        channels: 1 for grey, 3 for colour; all channels count together.

    Returns:
        (mean, standard deviation) as fractions of full white, over all pixels of all images.

    Raises:
        ValueError: there are no images, or all their pixels are of one value.
    """
    count, total, squares = 0, 0.0, 0.0
    for image_id in image_ids:
        histogram = np.bincount(dataset.image(image_id, channels).ravel(), minlength=256)
        values = np.arange(256) / 255
        count += histogram.sum()
        total += histogram @ values
        squares += histogram @ values**2
    if count == 0:
        raise ValueError("got no images, expected at least one. Does the split leave any to train on?")
    mean = total / count
    deviation = np.sqrt(max(squares / count - mean**2, 0.0))
    if deviation == 0:
        raise ValueError(f"every pixel of {len(image_ids)} images has the value {mean:.3f}. Are these photographs?")
    return float(mean), float(deviation)
