"""Near-duplicate groups: images that show the same piece of steel, also mirrored, turned, shifted or in part.

A split that puts two of them into different parts tunes and judges a model on what it was trained on, so images are
split by group. Imports point one way: `symmetries` -> `landmarks` -> `candidates`, `patterns`, `compare` -> `copies`;
`grouping` needs none of them. SciPy is loaded inside the functions that call it: it takes long to load, and much that
imports this package never looks for copies.
"""

from helpers.data.groups.copies import COPY, PART, SHIFTED, find_copies
from helpers.data.groups.grouping import count_leaks, group_images

__all__ = ["COPY", "PART", "SHIFTED", "count_leaks", "find_copies", "group_images"]
