"""Patterns that repeat within an image, such as the ribs of chequered plate: two sheets of it are no copies."""

import numpy as np

from helpers.data.groups.landmarks import reduced_shape
from helpers.data.groups.symmetries import FLIP_COLUMNS, FLIP_ROWS, TRANSPOSE

LEAST_MATCH = 0.85  # correlation of two landmarks of the same image
FEWEST_REPEATS = 6  # few images without a pattern have as many
CELL = 4  # steps that differ by less are the same, pixels of the reduced image


def find_step(landmarks):
    """The step after which an image repeats.

    Args:
        landmarks: Landmarks of the image.

    Returns:
        (rows, columns) in pixels of the reduced image, or None where the image does not repeat.
    """
    waves = landmarks.waves.reshape(len(landmarks.waves), -1).astype(np.float32)
    one, other = np.nonzero(np.triu(waves @ waves.T >= LEAST_MATCH, 1))
    steps = landmarks.positions[other].astype(int) - landmarks.positions[one]
    steps = steps[(np.abs(steps) <= np.array(reduced_shape(landmarks.shape)) / 3).all(axis=1)]
    if len(steps) < FEWEST_REPEATS:
        return None
    steps[np.sign(steps) @ (2, 1) < 0] *= -1  # a step and its opposite are the same
    most, found = 0, None
    for offset in (0, CELL // 2):  # twice, so that no border between cells parts what belongs together
        _, members, counts = np.unique((steps + offset) // CELL, axis=0, return_inverse=True, return_counts=True)
        if counts.max() > most:
            most, found = counts.max(), steps[members.ravel() == counts.argmax()]
    return tuple(np.rint(np.median(found, axis=0)).astype(int).tolist()) if most >= FEWEST_REPEATS else None


def move_step(symmetry, step):
    """The step of an image that was moved by a symmetry.

    Example:
        >>> move_step(4, (3, 5)), move_step(1, (3, 5))
        ((5, 3), (3, -5))
    """
    rows, columns = step[::-1] if symmetry & TRANSPOSE else step
    return (-rows if symmetry & FLIP_ROWS else rows), (-columns if symmetry & FLIP_COLUMNS else columns)
