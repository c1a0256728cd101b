"""Images of any size for a network of one size: scaled whole where they are like the trained ones, else in tiles.

A network knows defects at the scale that it was trained at. A photograph of the size that it was trained on is scaled
to the network's input, as in training, where a few per cent more or less make no difference. Any other is taken for
another piece of steel seen by the same camera, and not for the same piece seen larger or smaller: it is cut into
overlapping parts of the size of a trained one, each of which is scaled as these were.
"""

import itertools
import math
from dataclasses import dataclass

import numpy as np

ALIKE = 0.05  # a side may differ by that share from the trained one's, and the image still be scaled whole
OVERLAP = 0.25  # of neighbouring tiles, as a share of a tile's side


@dataclass(frozen=True)
class Tiling:
    """How one image goes through a network of one size.

    Attributes:
        own: (height, width) of the image in pixels.
        scaled: (height, width) that it is scaled to.
        tile: (height, width) of the network's input in pixels.
        corners: (row, column) of each tile's first pixel in the scaled image.
    """

    own: tuple
    scaled: tuple
    tile: tuple
    corners: tuple

    @property
    def whole(self):
        """Whether the image goes through the network in one piece, scaled to its input."""
        return self.scaled == self.tile

    def cut(self, image):
        """The parts of an image that the tiles show, one at a time.

        Args:
            image: uint8 array (height, width, channels) of the size `own`.

        Yields:
            (corner, uint8 array): as it is in the image, still to be scaled to the tile, so that a prediction at
            another size than the network's own sees all of it. Beyond the image's edge its mirror image goes on.
        """
        for corner in self.corners:
            sides = zip(corner, self.tile, self.own, self.scaled, strict=True)
            (top, bottom), (left, right) = (
                (round(start * own / scaled), round((start + side) * own / scaled))
                for start, side, own, scaled in sides
            )
            part = image[top:bottom, left:right]
            missing = [(0, bottom - top - part.shape[0]), (0, right - left - part.shape[1]), (0, 0)]
            yield corner, np.pad(part, missing, mode="symmetric") if np.any(missing) else part


class Blend:
    """The predictions of an image's tiles, put together.

    Where tiles overlap, each counts the less the nearer its edge is, and nothing in the outer quarter of the overlap:
    what a network gives at a tile's edge knows little of what lies beyond.
    """

    def __init__(self, tiling, overlap=OVERLAP):
        self._tiling, self._overlap = tiling, overlap
        self._total = self._weights = None

    def add(self, corner, predicted):
        """Add what the network gave for a tile: float32 array (height, width, classes)."""
        if len(self._tiling.corners) == 1:
            self._total = predicted[: self._tiling.scaled[0], : self._tiling.scaled[1]]
            return
        if self._total is None:
            self._total = np.zeros((*self._tiling.scaled, predicted.shape[-1]), np.float32)
            self._weights = np.zeros((*self._tiling.scaled, 1), np.float32)
        profiles = [
            _profile(start, side, length, self._overlap)
            for start, side, length in zip(corner, self._tiling.tile, self._tiling.scaled, strict=True)
        ]
        weights = np.outer(*profiles)[..., np.newaxis]
        height, width = weights.shape[:2]
        place = np.s_[corner[0] : corner[0] + height, corner[1] : corner[1] + width]
        self._total[place] += weights * predicted[:height, :width]
        self._weights[place] += weights

    def finish(self):
        """float32 array (height, width, classes) of probabilities, of the size that the image was scaled to.

        Nothing can be added after that: for a large image it would take the same memory once more.
        """
        if self._weights is not None:
            self._total /= self._weights
            self._weights = None
        return self._total


def plan_tiles(own, tile, usual, overlap=OVERLAP):
    """How an image goes through a network.

    Args:
        own: (height, width) of the image in pixels.
        tile: (height, width) of the network's input in pixels.
        usual: (height, width) of the photographs that it was trained on, in pixels; None, where nobody knows, takes
            every image for one of these.
        overlap: of neighbouring tiles, as a share of a tile's side.

    Returns:
        `Tiling`.

    Example:
        >>> plan_tiles((256, 1600), (128, 800), (256, 1600)).scaled
        (128, 800)
        >>> plan_tiles((512, 512), (128, 800), (256, 1600))
        Tiling(own=(512, 512), scaled=(256, 256), tile=(128, 800), corners=((0, 0), (64, 0), (128, 0)))
    """
    own, tile = tuple(own), tuple(tile)
    if usual is None or all(abs(side / like - 1) <= ALIKE for side, like in zip(own, usual, strict=True)):
        return Tiling(own, tile, tile, ((0, 0),))
    sides = zip(own, tile, usual, strict=True)
    scaled = tuple(max(1, round(side * to / like)) for side, to, like in sides)
    corners = itertools.product(*(_starts(*sides, overlap) for sides in zip(scaled, tile, strict=True)))
    return Tiling(own, scaled, tile, tuple(corners))


def _starts(length, side, overlap):
    """Where tiles begin along one side: evenly, so that they overlap by at least that share, the last at the end."""
    if length <= side:
        return [0]
    count = math.ceil((length - side) / (side - round(overlap * side))) + 1
    return [round(number * (length - side) / (count - 1)) for number in range(count)]


def _profile(start, side, length, overlap):
    """Weights of a tile's pixels along one side: 1, falling to 0 towards an edge that lies inside the image."""
    places = np.arange(min(side, length - start)) + 0.5
    width = round(overlap * side)
    inner = [places] if start else []
    inner += [side - places] if start + side < length else []
    if not inner or not width:
        return np.ones(len(places), np.float32)
    return np.clip((np.min(inner, axis=0) - width / 4) / (width / 2), 0, 1).astype(np.float32)
