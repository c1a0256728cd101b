"""Near copies: a second photograph of a sheet, as where two photographs of the strip overlap."""

import cv2
import numpy as np

from helpers.data.made_up.textures import pixel_scale


def near_copy(rng, image, masks):
    """Photograph a sheet again: a little further along the strip, in other light, labelled by another hand.

    Args:
        rng: source of all randomness.
        image: grey levels, uint8, shape (height, width).
        masks: uint8, values 0 and 1, shape (height, width, classes).

    Returns:
        image and masks of the same shapes; no class is lost. What comes into view is mirrored from what was
        there.
    """
    scale = pixel_scale(image.shape)
    rows = int(rng.choice([-1, 1])) * max(1, round(rng.uniform(0.02, 0.12) * image.shape[0]))
    for shift in (rows, -rows, 0):  # the first that moves no class out of the image
        moved = _shifted(masks, shift)
        if (moved.sum(axis=(0, 1)) >= 0.6 * masks.sum(axis=(0, 1))).all():
            break
    noise = 1.5 * rng.standard_normal(image.shape, dtype=np.float32)
    copy = np.float32(rng.uniform(0.92, 1.08)) * _shifted(image, shift).astype(np.float32) + noise
    relabelled = _relabelled(rng, moved, max(1, round(2 * scale)))
    return np.clip(np.rint(copy), 0, 255).astype(np.uint8), relabelled


def _shifted(plane, rows):
    """Move an image down by some rows; what comes into view is mirrored."""
    height = plane.shape[0]
    source = np.abs(np.arange(height) - rows)
    return plane[np.where(source >= height, 2 * (height - 1) - source, source)]


def _relabelled(rng, masks, radius):
    """The same labels, each drawn a little wider or tighter. They still do not overlap, and none is lost."""
    kernel = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    result = masks.copy()
    for plane in range(masks.shape[2]):
        others = np.delete(result, plane, axis=2).any(axis=2)
        change = cv2.dilate if rng.random() < 0.5 else cv2.erode
        changed = change(np.ascontiguousarray(masks[:, :, plane]), kernel)
        changed[others] = 0
        if 2 * changed.sum() >= masks[:, :, plane].sum():
            result[:, :, plane] = changed
    return result
