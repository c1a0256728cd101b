"""Holes in masks: places inside a component that it doesn't cover."""

import cv2
import numpy as np


def fill_holes(levels):
    """Fill the holes of nested masks, all at once.

    Args:
        levels: uint8 array (height, width): how many of the nested masks a pixel belongs to; 1 is of the outermost
            alone. A single mask of 0 and 1 is such an array, too.

    Returns:
        uint8 array of the same shape, in which each of the masks has no hole. A hole is a place that is surrounded by a
        component; components hang together along edges or corners, and holes along edges. What reaches the image's
        border is no hole.

    Source:
        The outer borders of components are OpenCV's: Suzuki and Abe (1985), doi:10.1016/0734-189X(85)90016-7.
        A mask that holds another also holds it when both are filled, so that one array can carry them all.

    Example:
        >>> fill_holes(np.array([[2, 1, 1], [1, 0, 1], [1, 1, 1]], np.uint8)).tolist()
        [[2, 1, 1], [1, 1, 1], [1, 1, 1]]
    """
    levels = np.ascontiguousarray(levels, np.uint8)
    filled = np.zeros_like(levels)
    box = cv2.boundingRect(levels)
    if not box[2]:
        return filled
    inside = np.s_[box[1] : box[1] + box[3], box[0] : box[0] + box[2]]
    seen, drawn = np.ascontiguousarray(levels[inside]), np.zeros(box[:1:-1], np.uint8)
    for level in range(1, int(levels.max()) + 1):
        mask = (seen >= level).astype(np.uint8)
        outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(drawn, outlines, -1, level, cv2.FILLED)
    filled[inside] = drawn
    return filled
