"""Pictures for the browser: photographs, and masks and probabilities to lay over them, as bytes."""

import cv2
import numpy as np

from helpers.report.colours import class_colours

JPEG, PNG = "image/jpeg", "image/png"
QUALITY = 88
QUICK = (cv2.IMWRITE_PNG_COMPRESSION, 1)
PALETTE = cv2.applyColorMap(np.arange(256, dtype=np.uint8)[:, np.newaxis], cv2.COLORMAP_MAGMA)
LEAST_SHOWN = 13  # of 255: a probability of 5 % and less shows the photograph alone


def encode_photograph(image, width=None):
    """A photograph as JPEG.

    Args:
        image: uint8 array (height, width, 1 or 3).
        width: in pixels, where it shall be smaller; a narrower photograph stays as it is.

    Returns:
        bytes.
    """
    if width is not None and image.shape[1] > width:
        height = max(1, round(image.shape[0] * width / image.shape[1]))
        image = np.atleast_3d(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA))
    return _encode(".jpg", image[..., ::-1], (cv2.IMWRITE_JPEG_QUALITY, QUALITY))


def encode_masks(masks, width=None):
    """Masks as a PNG that is transparent where there is nothing, in the colours of the classes.

    Args:
        masks: array (height, width, classes) of 0 and 1.
        width: in pixels, where it shall be smaller; a part of a mask that is smaller than a pixel stays to be seen.

    Returns:
        bytes.
    """
    if width is not None and masks.shape[1] > width:
        masks = _shrink(masks, width)
    picture = np.zeros((*masks.shape[:2], 4), np.uint8)
    for index, colour in enumerate(class_colours(masks.shape[-1])):
        picture[masks[..., index] > 0] = (*_blue_green_red(colour), 255)
    return _encode(".png", picture, QUICK)


def encode_probabilities(probabilities):
    """The probability of one class as a PNG from dark violet to pale yellow, transparent where it is near 0.

    Args:
        probabilities: float array (height, width) in [0, 1].

    Returns:
        bytes.

    Source:
        The colours of `magma`: Smith and van der Walt (2015), even to the eye also without colour.
    """
    levels = np.round(np.clip(probabilities, 0, 1) * 255).astype(np.uint8)
    alpha = np.where(levels > LEAST_SHOWN, 255, 0).astype(np.uint8)
    return _encode(".png", np.dstack([PALETTE[levels, 0], alpha]), QUICK)


def paint(image, masks, opacity=0.5):
    """A photograph with its masks laid over, as PNG, to be handed on.

    Args:
        image: uint8 array (height, width, 1 or 3).
        masks: array (height, width, classes) of 0 and 1.
        opacity: of the colours, 0 to 1.

    Returns:
        bytes.
    """
    picture = np.repeat(image, 3, axis=-1) if image.shape[-1] == 1 else image[..., ::-1]
    picture = picture.astype(np.float32)
    for index, colour in enumerate(class_colours(masks.shape[-1])):
        inside = masks[..., index] > 0
        picture[inside] = (1 - opacity) * picture[inside] + opacity * np.array(_blue_green_red(colour))
    return _encode(".png", picture.round().astype(np.uint8), ())


def _shrink(masks, width):
    """Masks at another width; each pixel tells whether there was anything in its place."""
    height = max(1, round(masks.shape[0] * width / masks.shape[1]))
    planes = [
        cv2.resize(masks[..., index].astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
        for index in range(masks.shape[-1])
    ]
    return np.dstack(planes) > 0


def _blue_green_red(colour):
    """A colour such as "#E69F00" in OpenCV's order."""
    return tuple(int(colour[start : start + 2], 16) for start in (5, 3, 1))


def _encode(ending, picture, settings):
    """A picture as the bytes of a file."""
    encoded, data = cv2.imencode(ending, np.ascontiguousarray(picture), settings)
    if not encoded:
        raise ValueError(
            f"a picture of shape {picture.shape} can't be encoded; expected one of at least a pixel a side. "
            "Look at the image with `steel check`."
        )
    return data.tobytes()
