"""Landmarks: a few spots of an image that are found again in a copy of it, and a short description of each.

Source:
    Spots: Shi and Tomasi (1994), "Good features to track", doi:10.1109/CVPR.1994.323794. Matching images by
    descriptions of such spots: Schmid and Mohr (1997), doi:10.1109/34.589215; Lowe (2004),
    doi:10.1023/B:VISI.0000029664.99615.94. Low frequencies of a cosine transform as a perceptual hash: Zauner
    (2010), "Implementation and benchmarking of perceptual image hash functions".
"""

from dataclasses import dataclass

import cv2
import numpy as np

from helpers.data.groups.symmetries import FLIP_COLUMNS, FLIP_ROWS, TRANSPOSE

REDUCED_SIDE = 64  # the shorter side of an image is reduced to this many pixels at most
SURROUNDINGS = 5.0  # brightness and contrast are evened out over so many pixels (standard deviation)
SMOOTHING = 1.0  # before landmarks are looked for, so that a shift by half a pixel matters little
LEAST_CONTRAST = 0.6  # grey levels; what varies less, such as a dark margin, holds no landmark
SPACING = 5  # between two landmarks, pixels
PATCH = 17  # side of the square around a landmark that is described, pixels
FREQUENCIES = 6  # of the cosine transform, along each axis
FEWEST_LANDMARKS, MOST_LANDMARKS = 40, 80

_WINDOW = np.outer(np.hanning(PATCH + 2)[1:-1], np.hanning(PATCH + 2)[1:-1]).astype(np.float32)
_COSINES = np.cos(np.pi / PATCH * np.outer(np.arange(FREQUENCIES), np.arange(PATCH) + 0.5)).astype(np.float32)
_COSINES /= np.linalg.norm(_COSINES, axis=1, keepdims=True)


@dataclass(frozen=True)
class Landmarks:
    """Landmarks of one image, which is reduced by `factor` first.

    Attributes:
        shape: (height, width) of the whole image in pixels.
        factor: pixels to one pixel of the reduced image.
        positions: int16 (n, 2), row and column in the reduced image.
        waves: float16 (n, FREQUENCIES, FREQUENCIES), the cosine transform around each, of length 1.
    """

    shape: tuple
    factor: int
    positions: np.ndarray
    waves: np.ndarray


def reduction(shape):
    """By which whole number an image of a shape is divided to find its landmarks."""
    return max(1, -(-min(shape) // REDUCED_SIDE))


def reduced_shape(shape):
    """Height and width of the reduced image, in pixels."""
    factor = reduction(shape)
    return tuple(max(1, round(side / factor)) for side in shape)


def find_landmarks(image):
    """Find and describe the landmarks of an image.

    Args:
        image: uint8 (height, width).

    Returns:
        Landmarks. A blank image has none.
    """
    height, width = reduced_shape(image.shape)
    reduced = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
    even, contrast = _evened_out(cv2.GaussianBlur(reduced, (0, 0), SMOOTHING))
    count = int(np.clip(np.sqrt(even.size) / 2, FEWEST_LANDMARKS, MOST_LANDMARKS))
    corners = cv2.goodFeaturesToTrack(even, count, 1e-3, SPACING, mask=contrast, blockSize=5)
    columns_rows = np.zeros((0, 2), np.int16) if corners is None else corners[:, 0].astype(np.int16)
    positions = columns_rows[:, ::-1]
    return Landmarks(image.shape, reduction(image.shape), positions, _describe(even, positions))


def _evened_out(reduced):
    """The image with the same brightness and contrast everywhere, and where it has any (uint8, 0 or 1)."""
    difference = reduced - cv2.GaussianBlur(reduced, (0, 0), SURROUNDINGS)
    deviation = np.sqrt(np.maximum(cv2.GaussianBlur(difference * difference, (0, 0), SURROUNDINGS), 0))
    return np.clip(difference / (deviation + 1), -3, 3), (deviation > LEAST_CONTRAST).astype(np.uint8)


def _describe(even, positions):
    """Low frequencies of the cosine transform around each position."""
    half = PATCH // 2
    padded = np.pad(even, half)
    patches = np.lib.stride_tricks.sliding_window_view(padded, (PATCH, PATCH))[positions[:, 0], positions[:, 1]]
    means = np.einsum("nij,ij->n", patches, _WINDOW) / _WINDOW.sum()
    waves = _COSINES @ ((patches - means[:, None, None]) * _WINDOW) @ _COSINES.T
    waves[:, 0, 0] = 0
    lengths = np.linalg.norm(waves, axis=(1, 2), keepdims=True)
    return (waves / np.maximum(lengths, 1e-6)).astype(np.float16)


def move_waves(waves, symmetry):
    """Cosine transforms of the patches moved by a symmetry: mirroring turns the sign of the odd frequencies.

    Args:
        waves: (n, FREQUENCIES, FREQUENCIES).
        symmetry: 0 to 7.
    """
    if symmetry & TRANSPOSE:
        waves = waves.transpose(0, 2, 1)
    signs = (-1.0) ** np.arange(FREQUENCIES, dtype=np.float32)
    rows = signs if symmetry & FLIP_ROWS else np.ones_like(signs)
    columns = signs if symmetry & FLIP_COLUMNS else np.ones_like(signs)
    return waves * np.outer(rows, columns)


def invariants(waves, square):
    """What stays the same of the cosine transforms under mirroring, and for squares also under quarter turns.

    Args:
        waves: (n, FREQUENCIES, FREQUENCIES).
        square: whether the two axes may be exchanged.

    Returns:
        float32 (n, FREQUENCIES ** 2).
    """
    sizes = np.abs(waves.astype(np.float32))
    if square:
        turned = sizes.transpose(0, 2, 1)
        upper = np.triu(np.ones((FREQUENCIES, FREQUENCIES), bool))
        sizes = np.where(upper, np.maximum(sizes, turned), np.minimum(sizes, turned))
    return sizes.reshape(len(sizes), -1)
