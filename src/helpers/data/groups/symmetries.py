"""The eight symmetries of a rectangle's picture: four turns, each also mirrored.

A symmetry is a number from 0 to 7: `4 * transpose + 2 * flip the rows + flip the columns`, done in this order.
"""

import numpy as np

TRANSPOSE, FLIP_ROWS, FLIP_COLUMNS = 4, 2, 1
NAMES = (
    "same",
    "mirrored left-right",
    "mirrored top-bottom",
    "rotated 180",
    "mirrored at the main diagonal",
    "rotated 90 clockwise",
    "rotated 90 counterclockwise",
    "mirrored at the other diagonal",
)


def apply(symmetry, image):
    """The image, moved by a symmetry; a view of it.

    Args:
        symmetry: 0 to 7.
        image: array (height, width).

    Example:
        >>> apply(NAMES.index("rotated 90 clockwise"), np.array([[1, 2, 3], [4, 5, 6]])).tolist()
        [[4, 1], [5, 2], [6, 3]]
    """
    if symmetry & TRANSPOSE:
        image = image.T
    if symmetry & FLIP_ROWS:
        image = image[::-1]
    return image[:, ::-1] if symmetry & FLIP_COLUMNS else image


def apply_to_positions(symmetry, positions, shape):
    """Where pixels of an image go.

    Args:
        symmetry: 0 to 7; an array gives each position its own.
        positions: array (n, 2) of rows and columns.
        shape: (height, width) of the image *after* the move.
    """
    symmetry = np.broadcast_to(symmetry, len(positions))
    moved = np.where((symmetry & TRANSPOSE).astype(bool)[:, None], positions[:, ::-1], positions)
    rows = np.where(symmetry & FLIP_ROWS, shape[0] - 1 - moved[:, 0], moved[:, 0])
    columns = np.where(symmetry & FLIP_COLUMNS, shape[1] - 1 - moved[:, 1], moved[:, 1])
    return np.stack([rows, columns], axis=1)


def combine(second, first):
    """The symmetry that does `first` and then `second`.

    Example:
        >>> quarter = NAMES.index("rotated 90 clockwise")
        >>> NAMES[combine(quarter, quarter)]
        'rotated 180'
    """
    return _NUMBERS[_as_key(apply(second, apply(first, _CORNERS)))]


def _as_key(corners):
    """Corners of a picture as something that can be looked up."""
    return tuple(corners.ravel().tolist())


_CORNERS = np.array([[0, 1], [2, 3]])
_NUMBERS = {_as_key(apply(symmetry, _CORNERS)): symmetry for symmetry in range(len(NAMES))}
