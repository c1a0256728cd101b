"""Between the size of the photographs and the size of the network."""

import math

import cv2
import numpy as np
import pandas as pd

from helpers.data.images import read_image
from helpers.rle import rle2mask

MULTIPLE = 32


def network_shape(shape, max_pixels, multiple=MULTIPLE):
    """The size that images are trained at: their own, scaled down to at most about `max_pixels`.

    Args:
        shape: (height, width) of the images in pixels.
        max_pixels: area to stay near; 0 means the images' own size.
        multiple: both sides become a multiple of this many pixels, since each pooling halves them.

    Returns:
        (height, width) in pixels.

    Example:
        >>> network_shape((256, 1600), 128 * 800)
        (128, 800)
        >>> network_shape((200, 200), 0)
        (192, 192)
    """
    if max_pixels < 0:
        raise ValueError(f"max_pixels: got {max_pixels}, expected 0 (the images' own size) or more.")
    scale = min(1.0, math.sqrt(max_pixels / (shape[0] * shape[1]))) if max_pixels else 1.0
    return tuple(max(multiple, round(side * scale / multiple) * multiple) for side in shape)


def resize_image(image, shape):
    """Resize a photograph: by area when it shrinks, linearly when it grows.

    Args:
        image: uint8 array (height, width, channels).
        shape: (height, width) wanted, in pixels.

    Returns:
        uint8 array of that size, with the same channels.
    """
    return _resize_channels(image, shape)


def resize_masks(masks, shape):
    """Resize masks by area; a pixel is set where at least half of what it covers was.

    Args:
        masks: array (height, width, classes) of 0 and 1.
        shape: (height, width) wanted, in pixels.

    Returns:
        uint8 array of that size, of 0 and 1.
    """
    if _is_of_size(masks, shape):
        return masks.astype(np.uint8)
    covered = _resize_channels(255 * masks.astype(np.uint8), shape)
    return (covered >= 128).astype(np.uint8)


def read_image_at(path, own, shape, channels=1):
    """Read an image at the network's size; a JPEG of just 2, 4 or 8 times that size is decoded smaller at once.

    Args:
        path: the file.
        own: (height, width) of the image in pixels.
        shape: (height, width) wanted, in pixels.
        channels: 1 for grey, 3 for colour.

    Returns:
        uint8 array of the wanted size. Decoding smaller averages blocks of pixels as scaling by area does; it differs
        from reading in full and scaling by rounding alone, by a fraction of a grey value on average.

    Raises:
        ValueError: the file is no image.
    """
    exact = [factor for factor in (2, 4, 8) if tuple(own) == (factor * shape[0], factor * shape[1])]
    return resize_image(read_image(path, channels, shrink=exact[0] if exact else 1), shape)


def masks_at(runs, own, shape):
    """Masks at the network's size, straight from the runs; as `resize_masks(build_masks(runs, own), shape)`.

    Args:
        runs: run-length texts, one for each class.
        own: (height, width) of the image in pixels.
        shape: (height, width) wanted, in pixels.

    Returns:
        uint8 array (height, width, classes) of 0 and 1. Classes without a run take no work.
    """
    masks = np.zeros((*shape, len(runs)), np.uint8)
    for number, text in enumerate(runs):
        if text:
            # a decoded mask lies in memory column by column, so that its transpose is what OpenCV takes as it is
            columns = 255 * rle2mask(text, own).T
            shape_wh = (int(shape[0]), int(shape[1]))
            masks[..., number] = (_scale(columns, shape_wh) >= 128).T
    return masks


def resize_probabilities(probabilities, shape):
    """Resize probabilities linearly, so that a score can be taken at the image's own size.

    Args:
        probabilities: float array (height, width, classes).
        shape: (height, width) wanted, in pixels.

    Returns:
        float32 array of that size.
    """
    return _resize_channels(probabilities.astype(np.float32), shape, shrink=cv2.INTER_LINEAR)


def resize_cost(dataset, shape):
    """What the network's size costs: Dice of each true mask after going to that size and back.

    Args:
        dataset: a `Dataset`.
        shape: (height, width) of the network's input in pixels.

    Returns:
        Table indexed by class id: masks (images that have the class), dice (their mean), lost (masks that vanish).
    """
    scores = {class_id: [] for class_id in range(1, dataset.num_classes + 1)}
    for row in dataset.labels.itertuples(index=False):
        own = dataset.shape_of(row.ImageId)
        mask = rle2mask(row.EncodedPixels, own)[..., np.newaxis]
        back = resize_probabilities(resize_masks(mask, shape), own) >= 0.5
        scores[row.ClassId].append(
            2 * np.count_nonzero(mask & back) / (np.count_nonzero(mask) + np.count_nonzero(back))
        )
    table = pd.DataFrame(
        {
            "masks": {class_id: len(found) for class_id, found in scores.items()},
            "dice": {class_id: np.mean(found) if found else np.nan for class_id, found in scores.items()},
            "lost": {class_id: sum(score == 0 for score in found) for class_id, found in scores.items()},
        }
    )
    return table.rename_axis("ClassId")


def _is_of_size(array, shape):
    """Whether (height, width, channels) is of that size already."""
    if array.ndim != 3:
        raise ValueError(f"got an array of shape {array.shape}, expected (height, width, channels). Add the last axis.")
    return tuple(array.shape[:2]) == tuple(shape)


def _resize_channels(array, shape, shrink=cv2.INTER_AREA):
    """Resize each channel of (height, width, channels); OpenCV itself takes at most four together."""
    if _is_of_size(array, shape):
        return array
    shape_wh = (int(shape[1]), int(shape[0]))
    channels = [
        _scale(np.ascontiguousarray(array[..., channel]), shape_wh, shrink) for channel in range(array.shape[-1])
    ]
    # of a single one `np.stack` would make a copy
    return np.stack(channels, axis=-1) if len(channels) > 1 else channels[0][..., np.newaxis]


def _scale(plane, shape_wh, shrink=cv2.INTER_AREA):
    """Scale one plane: linearly where it grows, by `shrink` where it gets smaller."""
    if plane.shape == shape_wh[::-1]:
        return plane
    grows = shape_wh[0] * shape_wh[1] > plane.shape[0] * plane.shape[1]
    return cv2.resize(plane, shape_wh, interpolation=cv2.INTER_LINEAR if grows else shrink)
