"""The textures that sheets and defects are drawn with: noise, blobs, blur and relief."""

import cv2
import numpy as np

FULL_SHAPE = (256, 1600)  # of the competition's images


def pixel_scale(shape):
    """Size of one pixel of the competition's images, in pixels of ours."""
    return float(np.sqrt(shape[0] * shape[1] / (FULL_SHAPE[0] * FULL_SHAPE[1])))


def noise(rng, shape, cell):
    """Smooth noise, about standard normal, whose grains measure `cell` (height, width) pixels."""
    height, width = shape
    rows, columns = (max(2, int(np.ceil(side / max(1.0, grain))) + 1) for side, grain in zip(shape, cell, strict=True))
    coarse = rng.standard_normal((rows, columns), dtype=np.float32)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC) * np.float32(1.25)


def ramp(values, width):
    """0 below zero, 1 above `width`, straight between."""
    return np.clip(values / np.float32(width), 0, 1)


def blur(values, sigma):
    """Gaussian blur; none below a fifth of a pixel."""
    return cv2.GaussianBlur(values, (0, 0), sigma, borderType=cv2.BORDER_REFLECT) if sigma > 0.2 else values


def lit_relief(height_map, sideways=0.5):
    """Brightness of a relief lit from above and somewhat sideways."""
    down = cv2.Sobel(height_map, cv2.CV_32F, 0, 1, ksize=3, scale=0.125)
    across = cv2.Sobel(height_map, cv2.CV_32F, 1, 0, ksize=3, scale=0.125)
    return down + np.float32(sideways) * across


def blob(rng, shape, roughness, power):
    """Height above an irregular outline that nearly fills the box: positive inside, negative outside.

    A power of 2 gives an ellipse, a higher one a box with round corners.
    """
    rows = np.linspace(-1.06, 1.06, shape[0], dtype=np.float32)[:, None]
    columns = np.linspace(-1.06, 1.06, shape[1], dtype=np.float32)[None, :]
    distance = (np.abs(rows) ** power + np.abs(columns) ** power) ** (1 / power)
    size = min(shape)
    wobble = noise(rng, shape, (size / 2.2, size / 2.2)) + 0.45 * noise(rng, shape, (size / 6, size / 6))
    return 1 - distance - np.float32(0.6 * roughness) * (wobble + 1.2)


def coordinates(shape):
    """Row and column of each pixel, float32, ready to broadcast."""
    height, width = shape
    return np.arange(height, dtype=np.float32)[:, None], np.arange(width, dtype=np.float32)[None, :]
