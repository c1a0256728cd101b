"""Predictions at the image's own size, one image at a time."""

import numpy as np

from helpers.data.resize import resize_image, resize_probabilities


def predict_probabilities(model, bundle, images, batch_size=8):
    """Predict images in batches, and give the probabilities one image at a time.

    Args:
        model: the bundle's keras.Model.
        bundle: what `bundle.json` holds.
        images: iterable of uint8 arrays (height, width, channels), of any sizes.
        batch_size: images that go through the network together.

    Yields:
        float32 array (height, width, classes) of probabilities, at the image's own size.
    """
    waiting = []
    for image in images:
        waiting.append(image)
        if len(waiting) == batch_size:
            yield from _predict_batch(model, bundle, waiting)
            waiting = []
    if waiting:
        yield from _predict_batch(model, bundle, waiting)


def threshold_masks(probabilities, thresholds):
    """Masks where the probability reaches the threshold of its class.

    Args:
        probabilities: float array (height, width, classes).
        thresholds: a number for each class.

    Returns:
        uint8 array of that shape, of 0 and 1.
    """
    return (probabilities >= np.asarray(thresholds, dtype=np.float32)).astype(np.uint8)


def _predict_batch(model, bundle, images):
    """Probabilities of a few images, each at its own size."""
    shape = tuple(bundle["input_shape"])
    batch = np.stack([resize_image(image, shape) for image in images]).astype(np.float32) / 255
    for image, probabilities in zip(images, model.predict_on_batch(batch), strict=True):
        yield resize_probabilities(probabilities, image.shape[:2])
