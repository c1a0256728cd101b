"""Augmentation: changes to a photograph that leave its label true, the masks moving along.

Every function takes and gives an image, uint8 (height, width, channels), and masks, uint8 (height, width, classes) of 0
and 1, and draws from the random generator that it is given, so that a training can be repeated step for step.
"""

from dataclasses import dataclass
from statistics import NormalDist

import cv2
import numpy as np

TOWARDS_DEFECT = 0.75  # share of the crops that are drawn around a defect where there is one
# The bell curve in 256 steps of equal weight, so that a random byte draws from it.
BELL = np.array([NormalDist().inv_cdf((number + 0.5) / 256) for number in range(256)], np.float32)
DARKEST = 8  # mean grey value below which a place is the black beside the sheet
ERASE_MARGIN = 3  # pixels around a defect that are erased with it, since marks are drawn by hand


@dataclass(frozen=True)
class Augmentation:
    """How strongly to change an image; 0 leaves a change out.

    Attributes:
        mirror: probability of each of the two mirrorings.
        brightness: largest change of brightness, fraction of full white.
        contrast: largest change of contrast, fraction.
        shift: largest shift along each side, fraction of that side.
        zoom: largest change of size, fraction: 0.2 shows the sheet at four fifths to six fifths of its size.
        turn: largest turn to either side, in degrees.
        quarter_turn: probability of a turn by 90 degrees, of square images alone; for steel without a direction.
        blur: probability of a slight blur.
        noise: largest standard deviation of added noise, fraction of full white.
        erase: probability that one defect is erased together with its label.
        paste: probability that a defect of another training image is laid on it, each class as likely as the others;
            done by `helpers.models.batches`, before the other changes.
    """

    mirror: float = 0.5
    brightness: float = 0.1
    contrast: float = 0.2
    shift: float = 0.06
    zoom: float = 0.0
    turn: float = 0.0
    quarter_turn: float = 0.0
    blur: float = 0.1
    noise: float = 0.02
    erase: float = 0.1
    paste: float = 0.0


def augment(image, masks, rng, settings):
    """Change an image and its masks in all the ways of `settings`, one after the other.

    Args:
        image: uint8 (height, width, channels).
        masks: uint8 (height, width, classes) of 0 and 1.
        rng: numpy random generator; the same state gives the same change.
        settings: an `Augmentation`.

    Returns:
        (image, masks) of the same shapes; the ones given stay as they are.
    """
    if rng.random() < settings.erase:
        image, masks = erase_defect(image, masks, rng)
    image, masks = mirror(image, masks, rng, settings.mirror)
    if settings.quarter_turn and image.shape[0] == image.shape[1] and rng.random() < settings.quarter_turn:
        image, masks = np.ascontiguousarray(np.rot90(image)), np.ascontiguousarray(np.rot90(masks))
    if settings.zoom or settings.turn:
        image, masks = move(image, masks, rng, settings.shift, settings.zoom, settings.turn)
    else:
        image, masks = shift(image, masks, rng, settings.shift)
    image = change_light(image, rng, settings.brightness, settings.contrast)
    if rng.random() < settings.blur:
        image = blur(image, rng)
    return add_noise(image, rng, settings.noise), masks


def mirror(image, masks, rng, probability=0.5):
    """Mirror left to right and top to bottom, each with the given probability."""
    for direction in (1, 0):  # as OpenCV counts them: left to right, top to bottom
        if rng.random() < probability:
            image, masks = (cv2.flip(array, direction).reshape(array.shape) for array in (image, masks))
    return image, masks


def shift(image, masks, rng, largest=0.06):
    """Shift by up to a fraction of each side; what comes into view is mirrored, and so is its label."""
    reach = [int(largest * side) for side in image.shape[:2]]
    rows, columns = (int(rng.integers(-most, most + 1)) for most in reach)
    return _shifted(image, rows, columns), _shifted(masks, rows, columns)


def move(image, masks, rng, shift=0.06, zoom=0.2, turn=5.0):
    """Shift, zoom and turn at once; what comes into view is mirrored, and so is its label.

    Args:
        image: uint8 (height, width, channels).
        masks: uint8 (height, width, classes) of 0 and 1.
        rng: numpy random generator.
        shift: largest shift along each side, fraction of that side.
        zoom: largest change of size, fraction.
        turn: largest turn to either side, in degrees.

    Returns:
        (image, masks) of the same shapes.
    """
    height, width = image.shape[:2]
    size = 1 + rng.uniform(-zoom, zoom)
    centre = ((width - 1) / 2, (height - 1) / 2)
    matrix = cv2.getRotationMatrix2D(centre, rng.uniform(-turn, turn), size)
    matrix[:, 2] += rng.uniform(-shift, shift) * width, rng.uniform(-shift, shift) * height
    arguments = {"M": matrix, "dsize": (width, height), "borderMode": cv2.BORDER_REFLECT}
    moved = np.zeros_like(masks)
    for number in classes_present(masks):
        # by area of the pixel's neighbours, so that thin masks keep their width
        plane = cv2.warpAffine(255 * cv2.extractChannel(masks, number), flags=cv2.INTER_LINEAR, **arguments)
        cv2.insertChannel((plane >= 128).astype(np.uint8), moved, number)
    return cv2.warpAffine(image, flags=cv2.INTER_LINEAR, **arguments).reshape(image.shape), moved


def change_light(image, rng, brightness=0.1, contrast=0.2):
    """Change contrast around the image's mean, then brightness; black margins brighten with the sheet."""
    factor = 1 + rng.uniform(-contrast, contrast)
    offset = 255 * rng.uniform(-brightness, brightness)
    mean = float(image.mean())
    levels = np.clip((np.arange(256) - mean) * factor + mean + offset, 0, 255).round().astype(np.uint8)
    return levels[image]


def blur(image, rng, largest=1.2):
    """Blur slightly, as a camera out of focus does; `largest` is the standard deviation in pixels."""
    blurred = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, largest))
    return blurred.reshape(image.shape)


def add_noise(image, rng, largest=0.02):
    """Add noise to each pixel; `largest` is the standard deviation as a fraction of full white."""
    if largest == 0:
        return image
    steps = np.round(255 * rng.uniform(0, largest) * BELL).astype(np.int16)
    noise = steps[rng.integers(256, size=(*image.shape[:2], 1), dtype=np.uint8)]
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def classes_present(masks):
    """Positions of the classes that have a pixel: `np.flatnonzero(masks.any(axis=(0, 1)))`, ten times as fast."""
    found = [number for number in range(masks.shape[-1]) if cv2.countNonZero(cv2.extractChannel(masks, number))]
    return np.array(found, dtype=int)


def crop(image, masks, rng, shape, towards_defect=TOWARDS_DEFECT):
    """Cut a window, mostly around a defect where there is one, each class of the image as likely as the others.

    Args:
        image: uint8 (height, width, channels).
        masks: uint8 (height, width, classes) of 0 and 1.
        rng: numpy random generator.
        shape: (height, width) of the window in pixels, no larger than the image.
        towards_defect: probability that the window is drawn to hold a pixel of a defect.

    Returns:
        (image, masks) of the window.

    Raises:
        ValueError: the window is larger than the image.
    """
    size = image.shape[:2]
    if shape[0] > size[0] or shape[1] > size[1]:
        raise ValueError(
            f"shape: a window of {shape[0]} x {shape[1]} doesn't fit an image of {size[0]} x {size[1]} pixels. "
            "Choose a smaller window."
        )
    centre = None
    present = classes_present(masks)
    if len(present) and rng.random() < towards_defect:
        pixels = np.argwhere(masks[..., rng.choice(present)])
        centre = pixels[rng.integers(len(pixels))]
    corner = [_draw_corner(rng, side, window, None if centre is None else int(centre[axis]))
              for axis, (side, window) in enumerate(zip(size, shape, strict=True))]  # fmt: skip
    window = np.s_[corner[0] : corner[0] + shape[0], corner[1] : corner[1] + shape[1]]
    return np.ascontiguousarray(image[window]), np.ascontiguousarray(masks[window])


def erase_defect(image, masks, rng):
    """Erase one connected defect together with its label, by laying clean steel from the same rows over it.

    The steel beside a defect has the same light and the same rolling texture. Where no clean piece of its size lies in
    the same rows, or there is no defect, nothing is changed.

    Returns:
        (image, masks).
    """
    present = classes_present(masks)
    if not len(present):
        return image, masks
    class_index = rng.choice(present)
    count, labels = cv2.connectedComponents(np.ascontiguousarray(masks[..., class_index]))
    chosen = (labels == rng.integers(1, count)).astype(np.uint8)
    reach = 2 * ERASE_MARGIN + 1
    wide = cv2.dilate(chosen, np.ones((reach, reach), np.uint8))
    rows, columns = np.flatnonzero(wide.any(axis=1)), np.flatnonzero(wide.any(axis=0))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    start = _clean_window(image, masks, (top, bottom), right - left, left, rng)
    if start is None or (masks[top:bottom, left:right].any(axis=-1) & (chosen[top:bottom, left:right] == 0)).any():
        return image, masks
    opacity = cv2.GaussianBlur(wide[top:bottom, left:right].astype(np.float32), (0, 0), ERASE_MARGIN)
    opacity = np.maximum(opacity, chosen[top:bottom, left:right])[..., np.newaxis]
    image, masks = image.copy(), masks.copy()
    steel = image[top:bottom, start : start + right - left].astype(np.float32)
    under = image[top:bottom, left:right].astype(np.float32)
    image[top:bottom, left:right] = (opacity * steel + (1 - opacity) * under).round().astype(np.uint8)
    masks[..., class_index][chosen == 1] = 0
    return image, masks


def _clean_window(image, masks, rows, width, left, rng):
    """The first column of a window of these rows that holds neither defect nor black margin; None if there is none."""
    top, bottom = rows
    busy = masks[top:bottom].any(axis=(0, 2)) | (image[top:bottom].mean(axis=(0, 2)) < DARKEST)
    busy_before = np.concatenate([[0], np.cumsum(busy)])
    starts = np.flatnonzero(busy_before[width:] == busy_before[:-width])
    if not len(starts):
        return None
    near = starts[np.argsort(np.abs(starts - left), kind="stable")[: max(1, len(starts) // 4)]]
    return int(rng.choice(near))


def _draw_corner(rng, side, window, centre):
    """Where a window begins along one side; around `centre` where that is given."""
    low, high = 0, side - window
    if centre is not None:
        low, high = max(low, centre - window + 1), min(high, centre)
    return int(rng.integers(low, high + 1))


def _shifted(array, rows, columns):
    """An array moved down and right; mirrored at the borders."""
    height, width = array.shape[:2]
    padding = [(max(rows, 0), max(-rows, 0)), (max(columns, 0), max(-columns, 0)), (0, 0)]
    padded = np.pad(array, padding, mode="symmetric")
    top, left = max(-rows, 0), max(-columns, 0)
    return padded[top : top + height, left : left + width]
