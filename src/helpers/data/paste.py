"""Pasting: a defect of one sheet laid on another, so that few examples of a rare class are seen on many sheets."""

import cv2
import numpy as np

from helpers.data.augment import DARKEST

MARGIN = 6  # pixels of the donor's steel that come along around the defect, fading out
TRIES = 8  # places that are looked at before it is given up
BRIGHTEST = 2.0  # largest change of the defect's light to that of its new place, as a factor


def paste_defect(image, masks, donor_image, donor_masks, class_index, rng):
    """Lay a defect of a donor on an image, with its label.

    The piece is a connected defect of the class with whatever other defects lie in its box, mirrored at random, brought
    to the light of its new place and faded out around its edge. What it covers loses its label. Where no place on the
    sheet is found, nothing is changed.

    Args:
        image: uint8 (height, width, channels).
        masks: uint8 (height, width, classes) of 0 and 1.
        donor_image: uint8 image with as many channels, of any size.
        donor_masks: uint8 masks of the donor.
        class_index: class of the defect; a donor that shows none of it changes nothing.
        rng: numpy random generator.

    Returns:
        (image, masks) of the same shapes; the ones given stay as they are.

    Source:
        Ghiasi et al. (2021), doi:10.1109/CVPR46437.2021.00294, for copying and pasting; light and edges are ours.
    """
    if not donor_masks[..., class_index].any():
        return image, masks
    piece, labels = _cut_piece(donor_image, donor_masks, class_index, rng, image.shape[:2])
    if rng.random() < 0.5:
        piece, labels = piece[:, ::-1], labels[:, ::-1]
    if rng.random() < 0.5:
        piece, labels = piece[::-1], labels[::-1]
    defect = np.ascontiguousarray(labels.any(axis=-1), np.uint8)
    light = _mean_light(piece, defect)
    place = _find_place(image, defect.shape, rng)
    if place is None or light < DARKEST:
        return image, masks
    image, masks = image.copy(), masks.copy()
    under, under_masks = image[place], masks[place]
    factor = np.clip(_mean_light(under, under_masks.any(axis=-1)) / light, 1 / BRIGHTEST, BRIGHTEST)
    opacity = np.maximum(cv2.GaussianBlur(_widened(defect, MARGIN // 2).astype(np.float32), (0, 0), MARGIN / 3), defect)
    opacity = opacity[..., np.newaxis]
    blended = opacity * factor * piece.astype(np.float32) + (1 - opacity) * under
    image[place] = np.clip(blended.round(), 0, 255).astype(np.uint8)
    masks[place] = np.where(opacity >= 0.5, labels, under_masks)
    return image, masks


def _cut_piece(image, masks, class_index, rng, largest):
    """(image, masks) of the box around a connected defect, cut down at random to the size given."""
    plane = cv2.extractChannel(np.ascontiguousarray(masks), int(class_index))
    _, _, boxes, _ = cv2.connectedComponentsWithStats(plane)
    left, top, width, height, _ = boxes[rng.integers(1, len(boxes))]
    box = []
    for start, length, side, most in (
        (top, height, image.shape[0], largest[0]),
        (left, width, image.shape[1], largest[1]),
    ):
        start, stop = max(0, start - MARGIN), min(side, start + length + MARGIN)
        if stop - start > most:
            start = int(rng.integers(start, stop - most + 1))
            stop = start + most
        box.append(slice(int(start), int(stop)))
    return image[tuple(box)], masks[tuple(box)]


def _find_place(image, shape, rng):
    """A random box of an image that is not black beside the sheet; None where none was found."""
    for _ in range(TRIES):
        box = tuple(
            slice(start, start + length)
            for start, length in ((int(rng.integers(side - length + 1)), length)
                                  for side, length in zip(image.shape[:2], shape, strict=True))
        )  # fmt: skip
        piece = image[box]
        if all(edge.mean() >= DARKEST for edge in (piece[0], piece[-1], piece[:, 0], piece[:, -1])):
            return box
    return None


def _mean_light(image, defect):
    """Mean grey value around the defects, or of all where they fill the image."""
    clean = _widened(np.ascontiguousarray(defect, np.uint8), MARGIN // 2) == 0
    return float(image[clean].mean()) if clean.any() else float(image.mean())


def _widened(mask, reach):
    """A mask with its neighbours up to so many pixels away."""
    return cv2.dilate(mask, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
