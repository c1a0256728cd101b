"""Predictions at the image's own size, one image at a time."""

from collections import deque

import numpy as np

from helpers.data.resize import resize_image, resize_probabilities
from helpers.inference.holes import fill_holes
from helpers.inference.tuning import Decisions

MIRRORINGS = ((), (1,), (2,), (1, 2))  # axes of a batch: as it is, upside down, left to right, and both


def predict_probabilities(model, bundle, images, batch_size=8):
    """Predict images in batches, and give the probabilities one image at a time.

    Args:
        model: the bundle's keras.Model.
        bundle: what `bundle.json` holds; where it says `mirrored`, the probabilities are means over the image and its
            three mirror images.
        images: iterable of uint8 arrays (height, width, channels), of any sizes.
        batch_size: images that go through the network together.

    Yields:
        float32 array (height, width, classes) of probabilities, at the image's own size.

    Raises:
        ValueError: an image is of another kind, the network gives NaN, or the batch size is below 1.
    """
    shapes = deque()

    def seen():
        for image in images:
            shapes.append(np.shape(image)[:2])
            yield image

    for versions in predict_at_network_size(model, bundle, seen(), batch_size):
        yield resize_probabilities(versions[-1], shapes.popleft())


def predict_at_network_size(model, bundle, images, batch_size=8):
    """Predict images in batches, and give what the network gives, one image at a time.

    Args, Raises:
        As `predict_probabilities`.

    Yields:
        float32 array (versions, height, width, classes) of probabilities, at the network's size: of the image as it is,
        and where the bundle says `mirrored` of the mean with its mirror images.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size: got {batch_size}, expected 1 or more images. 8 is usual.")
    if bundle.get("target", "masks") != "masks":
        raise ValueError(f"the bundle gives {bundle['target']}, expected masks. Take the bundle of a model of 04.")
    for batch in in_batches(images, batch_size):
        for image in batch:
            _check_image(image, bundle["channels"])
        yield from _predict_batch(model, bundle, batch)


def predict_masks(model, bundle, images, batch_size=8, state=None):
    """Predict images, and give the masks that the bundle's decisions make, one image at a time.

    A few images are held at a time, however many there are.

    Args:
        model: the bundle's keras.Model.
        bundle: what `bundle.json` holds.
        images: iterable of uint8 arrays (height, width, channels), of any sizes.
        batch_size: images that go through the network together.
        state: function of a list of images that gives the probability of a defect for each, as a classifier states it;
            needed where the bundle has gates.

    Yields:
        uint8 array (height, width, classes) of 0 and 1, at the image's own size.

    Raises:
        ValueError: the bundle has gates, and there is nobody to ask; and as `predict_probabilities`.
    """
    decisions = bundle_decisions(bundle)
    asks = any(decisions.gates)
    if asks and state is None:
        raise ValueError(f"the bundle asks the classifier {bundle['classifier']!r} first. Give what it states.")
    for batch in in_batches(images, batch_size):
        stated = state(batch) if asks else np.ones(len(batch))
        smallest = np.broadcast_to(decisions.smallest_of(stated), (len(batch), len(decisions.thresholds)))
        predicted = predict_probabilities(model, bundle, batch, batch_size)
        for probabilities, sizes in zip(predicted, smallest, strict=True):
            yield threshold_masks(probabilities, decisions.thresholds, sizes, decisions.filled)


def bundle_decisions(bundle):
    """The `Decisions` that a bundle carries."""
    keys = ("thresholds", "smallest_masks", "gates", "smallest_masks_clean", "filled")
    return Decisions(*(tuple(bundle.get(key, ())) for key in keys))


def in_batches(images, batch_size):
    """Lists of so many images, the last one perhaps shorter."""
    waiting = []
    for image in images:
        waiting.append(image)
        if len(waiting) == batch_size:
            yield waiting
            waiting = []
    if waiting:
        yield waiting


def mask_predictor(model, bundle, dataset, part="train", state=None):
    """A function that predicts images of a data set by their ids.

    Args:
        model: the bundle's keras.Model.
        bundle: what `bundle.json` holds.
        dataset: a `Dataset`.
        part: "train" or "test": the part that the images are of.
        state: as for `predict_masks`; it is given the images as the model is.

    Returns:
        Function of image ids that gives the masks of `predict_masks`, in that order.
    """

    def predict(image_ids):
        images = (dataset.image(image_id, bundle["channels"], part) for image_id in image_ids)
        return predict_masks(model, bundle, images, state=state)

    return predict


def threshold_masks(probabilities, thresholds, smallest=None, filled=()):
    """Masks where the probability reaches the threshold of its class.

    Args:
        probabilities: float array (height, width, classes).
        thresholds: a number for each class.
        smallest: for each class, the smallest mask that is believed, as a fraction of the image; a smaller one is
            taken back whole. None believes all.
        filled: for each class, whether the holes of its mask are filled, before its size is looked at; empty fills
            none.

    Returns:
        uint8 array of that shape, of 0 and 1.

    Raises:
        ValueError: there is not one threshold for each class, or not one of the others.
    """
    probabilities = np.asarray(probabilities)
    # In the precision of the probabilities, so that 0.3 reaches a threshold of 0.3.
    thresholds = np.asarray(thresholds, dtype=probabilities.dtype)
    smallest = np.zeros(probabilities.shape[-1:]) if smallest is None else np.asarray(smallest, dtype=float)
    filled = np.asarray(filled, dtype=bool) if len(filled) else np.zeros(smallest.shape, bool)
    for name, numbers in (("thresholds", thresholds), ("smallest masks", smallest), ("choices to fill", filled)):
        if numbers.shape != probabilities.shape[-1:]:
            raise ValueError(
                f"got {name} of shape {numbers.shape} for {probabilities.shape[-1]} classes, expected one for each. "
                "Are they those of this model's bundle?"
            )
    masks = (probabilities >= thresholds).astype(np.uint8)
    for index in np.flatnonzero(filled):
        masks[..., index] = fill_holes(masks[..., index])
    height, width = masks.shape[:2]
    masks[..., masks.sum(axis=(0, 1)) < smallest * (height * width)] = 0
    return masks


def _predict_batch(model, bundle, images):
    """Versions of the probabilities of a few images, each at the network's size."""
    shape = tuple(bundle["input_shape"])
    batch = np.stack([resize_image(image, shape) for image in images]).astype(np.float32) / 255
    mirrorings = MIRRORINGS if bundle["mirrored"] else MIRRORINGS[:1]
    predicted = np.stack([np.flip(model.predict_on_batch(np.flip(batch, axes)), axes) for axes in mirrorings])
    require_finite(predicted)
    versions = [predicted[0]]
    if bundle["mirrored"]:
        versions.append(predicted.mean(axis=0, dtype=np.float32))
    yield from np.stack(versions, axis=1)


def require_finite(predicted):
    """Stop where a network gives no numbers.

    Raises:
        ValueError: it does.
    """
    if not np.isfinite(predicted).all():
        raise ValueError(
            "the network gives NaN, expected probabilities. Did its training run away? Train it again at a lower "
            "learning rate."
        )


def _check_image(image, channels):
    """Stop at an image that is not of the kind that `read_image` gives."""
    image = np.asarray(image)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[-1] != channels:
        raise ValueError(
            f"got an image of shape {image.shape} and {image.dtype}, expected (height, width, {channels}) and uint8. "
            "Read it with `read_image`, with the bundle's channels."
        )
