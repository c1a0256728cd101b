"""Predictions at the image's own size, one image at a time."""

import time

import cv2
import numpy as np

from helpers.data.resize import resize_image, resize_probabilities
from helpers.inference.holes import fill_holes
from helpers.inference.tuning import Decisions
from helpers.models.versions import Version, parts_of

MIRRORINGS = ((1,), (2,), (1, 2))  # axes of a batch that are turned around: upside down, left to right, and both
MOST_CHANNELS = 128  # that OpenCV turns around


class Passes:
    """A network that is asked for versions of a prediction, a few images at a time.

    Attributes:
        parts: the versions of a single size that are predicted, as tuple of `Version`.
        seconds: dict of part -> list of the seconds that an image took, with a number for each batch.
    """

    def __init__(self, model, network, versions, any_size=False):
        """Prepare the passes through a network.

        Args:
            model: keras.Model, or anything else with its `predict_on_batch`.
            network: dict with input_shape and channels, such as a bundle; for other sizes than the network's own also
                architecture and arguments.
            versions: the versions of its predictions that are wanted.
            any_size: whether the model takes other sizes than the network's own as it is; an engine says so itself.

        Raises:
            ValueError: the network gives something else than masks.
        """
        if network.get("target", "masks") != "masks":
            raise ValueError(f"the bundle gives {network['target']}, expected masks. Take the bundle of a model of 04.")
        self.parts = parts_of(versions)
        self.seconds = {part: [] for part in self.parts}
        self._shape, self._channels = tuple(network["input_shape"]), network["channels"]
        self._models = dict.fromkeys((size for part in self.parts for size in part.sizes), model)
        others = [size for size in self._models if size != 1]
        if others and not (any_size or getattr(model, "any_size", False)):
            from helpers.models.build import any_size_twin

            twin = any_size_twin(model, network["architecture"], network["arguments"])
            self._models |= dict.fromkeys(others, twin)

    def predict(self, images):
        """What the network gives for a few images.

        Args:
            images: list of uint8 arrays (height, width, channels), of any sizes.

        Returns:
            float32 array (images, parts, height, width, classes) of probabilities, at the network's own size.

        Raises:
            ValueError: an image is of another kind, or the network gives NaN.
        """
        for image in images:
            check_image(image, self._channels)
        found = {}
        for size, model in self._models.items():
            shape = tuple(round(side * size) for side in self._shape)
            wanted = [part for part in self.parts if part.sizes == (size,)]
            begun = time.perf_counter()
            batch = np.stack([resize_image(image, shape) for image in images]).astype(np.float32)
            batch /= 255
            predicted = {(): model.predict_on_batch(batch)}
            for part in sorted(wanted, key=lambda part: part.mirrored):
                if part.mirrored:
                    predicted |= {axes: model.predict_on_batch(np.flip(batch, axes)) for axes in MIRRORINGS}
                mean = _mean(predicted)
                require_finite(mean)
                found[part] = (
                    mean if size == 1 else np.stack([resize_probabilities(each, self._shape) for each in mean])
                )
                self.seconds[part].append((time.perf_counter() - begun) / len(images))
        if len(self.parts) == 1:
            return found[self.parts[0]][:, np.newaxis]
        return np.stack([found[part] for part in self.parts], axis=1)

    def predict_at_own_size(self, images):
        """The mean of the parts for a few images, one at a time: float32 array (height, width, classes)."""
        for image, parts in zip(images, self.predict(images), strict=True):
            yield resize_probabilities(parts.mean(axis=0, dtype=np.float32), np.shape(image)[:2])


def predict_probabilities(model, bundle, images, batch_size=8):
    """Predict images in batches, and give the probabilities one image at a time.

    Args:
        model: the bundle's keras.Model.
        bundle: what `bundle.json` holds; where it says `mirrored` or has several `sizes`, the probabilities are means
            over the image's mirror images and over these sizes.
        images: iterable of uint8 arrays (height, width, channels), of any sizes.
        batch_size: images that go through the network together.

    Yields:
        float32 array (height, width, classes) of probabilities, at the image's own size.

    Raises:
        ValueError: an image is of another kind, the network gives NaN, or the batch size is below 1.
    """
    passes = Passes(model, bundle, [Version.of(bundle)])
    for batch in in_batches(images, batch_size):
        yield from passes.predict_at_own_size(batch)


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
    passes = Passes(model, bundle, [decisions.version])
    for batch in in_batches(images, batch_size):
        stated = state(batch) if asks else np.ones(len(batch))
        smallest = np.broadcast_to(decisions.smallest_of(stated), (len(batch), len(decisions.thresholds)))
        for probabilities, sizes in zip(passes.predict_at_own_size(batch), smallest, strict=True):
            yield threshold_masks(probabilities, decisions.thresholds, sizes, decisions.filled)


def bundle_decisions(bundle):
    """The `Decisions` that a bundle carries."""
    keys = ("thresholds", "smallest_masks", "gates", "smallest_masks_clean", "filled")
    return Decisions(*(tuple(bundle.get(key, ())) for key in keys), Version.of(bundle))


def in_batches(images, batch_size):
    """Lists of so many images, the last one perhaps shorter.

    Raises:
        ValueError: the batch size is below 1.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size: got {batch_size}, expected 1 or more images. 8 is usual.")
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


def _mean(predicted):
    """Mean of predictions of mirror images: dict of the axes that were turned around -> float32 array of one shape.

    One image after the other, since all of them are more than a processor holds close at hand. The values are those of
    `np.mean`, in a third of the time; of a single prediction it is that itself.
    """
    if list(predicted) == [()]:
        return predicted[()]
    mean = np.empty_like(predicted[()])
    for number, total in enumerate(mean):
        total[...] = predicted[()][number]
        for axes in MIRRORINGS:
            total += _turn(predicted[axes][number], axes)
        total /= len(predicted)
    return mean


def _turn(plane, axes):
    """An array (height, width, channels) turned around along axes of its batch; OpenCV reverses rows much faster."""
    if 2 in axes:
        reverses = plane.shape[-1] <= MOST_CHANNELS
        plane = cv2.flip(plane, 1).reshape(plane.shape) if reverses else plane[:, ::-1]
    return plane[::-1] if 1 in axes else plane


def require_finite(predicted):
    """Stop where a network gives no numbers.

    Raises:
        ValueError: it does.
    """
    if not np.isfinite(predicted.sum()):  # a single NaN makes the sum one; half the time of looking at each
        raise ValueError(
            "the network gives NaN, expected probabilities. Did its training run away? Train it again at a lower "
            "learning rate."
        )


def check_image(image, channels):
    """Stop at an image that is not of the kind that `read_image` gives.

    Raises:
        ValueError: it isn't.
    """
    image = np.asarray(image)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[-1] != channels or not image.size:
        raise ValueError(
            f"got an image of shape {image.shape} and {image.dtype}, expected (height, width, {channels}) and uint8. "
            "Read it with `read_image`, with the bundle's channels."
        )
