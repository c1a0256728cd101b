"""Candidates: pairs of images that share landmarks, with the symmetry and the shift that the landmarks agree on.

Source:
    Approximate neighbours in a tree: Arya et al. (1998), doi:10.1145/293347.293348. Landmarks that vote on where an
    image lies: Lowe (2004), doi:10.1023/B:VISI.0000029664.99615.94.
"""

import os

import numpy as np
import pandas as pd

from helpers.data.groups.landmarks import invariants, move_waves, reduced_shape
from helpers.data.groups.symmetries import NAMES, TRANSPOSE, apply_to_positions

NEIGHBOURS = 20  # looked at for each landmark
FARTHEST = 0.4  # distance of the nearest neighbours
TOLERANCE = 3.0  # a neighbour found may be 1 + TOLERANCE times as far as the true one; far faster than exact
LEAF_SIZE = 32
DIMENSIONS = 24  # of the space that they are looked for in
LEAST_MATCH = 0.9  # correlation of two landmarks once one is moved by the symmetry
FEWEST_VOTES = 2  # landmarks that have to agree on a shift; on no shift, one is enough
CELL = 4  # shifts that differ by less are the same, pixels of the reduced images
MOST_GUESSES = 2  # (symmetry, shift) that are tried for a pair of images
MOST_PARTNERS = 24  # of an image that it is compared with, and those that have it among theirs
CHUNK = 10_000  # landmarks looked up at a time, which bounds the memory
COLUMNS = ["first", "second", "symmetry", "row_shift", "column_shift", "row", "column", "match"]


def find_candidates(landmarks, progress=None):
    """Guess which images of one shape are copies.

    The nearest neighbours of each landmark are looked up in a k-d tree over what no symmetry changes, so no image
    is compared with all others: benchmarks/groups.py measures how the time grows.

    Args:
        landmarks: list of Landmarks of images of the same shape.
        progress: called with the number of landmarks that have been looked up.

    Returns:
        Table with first and second (indices into the list, first < second), symmetry (moves the second onto the
        first), row_shift and column_shift (where the moved second begins in the first), row and column (a place in
        the first that both show), match (correlation there), all in pixels of the reduced images; the best guess of
        a pair first.
    """
    owners = np.repeat(np.arange(len(landmarks), dtype=np.int32), [len(found.positions) for found in landmarks])
    if len(owners) < 2:
        return pd.DataFrame(columns=COLUMNS)
    shape = landmarks[0].shape
    square = shape[0] == shape[1]
    positions = np.concatenate([found.positions for found in landmarks])
    waves = np.concatenate([found.waves for found in landmarks])
    matches = []
    for one, other in _neighbours(_project(waves, square), progress):
        # The same match, seen from its other end, is to look the same.
        one, other = np.minimum(one, other), np.maximum(one, other)
        different = owners[one] != owners[other]
        matches.append(_match(one[different], other[different], waves, square))
    one, other, symmetry, match = (np.concatenate(column) for column in zip(*matches, strict=True))
    _, chosen = np.unique(one.astype(np.int64) * len(owners) + other, return_index=True)
    one, other, symmetry, match = one[chosen], other[chosen], symmetry[chosen], match[chosen]
    first, second = owners[one], owners[other]
    shift = positions[one] - apply_to_positions(symmetry, positions[other], reduced_shape(shape))
    still = np.abs(shift).max(axis=1) <= 1
    pairs = first.astype(np.int64) * len(landmarks) + second
    _, pairs, counts = np.unique(pairs, return_inverse=True, return_counts=True)
    chosen = still | (counts[pairs] >= FEWEST_VOTES)
    table = {
        "first": first,
        "second": second,
        "symmetry": symmetry,
        "row_shift": shift[:, 0],
        "column_shift": shift[:, 1],
        "row": positions[one, 0],
        "column": positions[one, 1],
        "match": match,
        "still": still,
        "one": one,
        "other": other,
    }
    return _vote(pd.DataFrame({name: column[chosen] for name, column in table.items()}))


def _neighbours(points, progress):
    """Pairs of points that are near each other, as two arrays of indices, a chunk at a time."""
    from scipy.spatial import cKDTree

    tree = cKDTree(points, leafsize=LEAF_SIZE)
    for start in range(0, len(points), CHUNK):
        one = tree.indices[start : start + CHUNK]  # those that lie together in space lie together in memory
        _, near = tree.query(
            points[one], NEIGHBOURS + 1, eps=TOLERANCE, distance_upper_bound=FARTHEST, workers=os.cpu_count()
        )
        rows, columns = np.nonzero(near < len(points))
        yield one[rows].astype(np.int32), near[rows, columns].astype(np.int32)
        if progress:
            progress(len(one))


def _project(waves, square):
    """The invariants in the few dimensions in which they differ most."""
    points = invariants(waves, square)
    points -= points.mean(axis=0)
    _, directions = np.linalg.eigh(points.T @ points)
    return points @ directions[:, ::-1][:, :DIMENSIONS]


def _match(one, other, waves, square):
    """The landmarks `one` and `other` that match, the symmetry that makes them match best, and their correlation."""
    mine, theirs = waves[one].astype(np.float32), waves[other].astype(np.float32)
    symmetries = range(len(NAMES) if square else TRANSPOSE)
    scores = np.stack([np.einsum("nij,nij->n", mine, move_waves(theirs, symmetry)) for symmetry in symmetries])
    best = scores.max(axis=0)
    chosen = best >= LEAST_MATCH
    return one[chosen], other[chosen], scores.argmax(axis=0)[chosen].astype(np.int8), best[chosen]


def _vote(matches):
    """The guesses that enough landmarks agree on, the best of each pair first."""
    keys = ["first", "second", "symmetry"]
    votes = np.zeros(len(matches), int)
    for offset in (0, CELL // 2):  # twice, so that no border between cells parts what belongs together
        cells = [(matches[name] + offset) // CELL for name in ("row_shift", "column_shift")]
        counts = matches.groupby([*[matches[key] for key in keys], *cells])["match"].transform("size")
        votes = np.maximum(votes, counts.to_numpy())
    votes += matches["still"]
    matches = matches.assign(votes=votes)[votes >= FEWEST_VOTES]
    matches = matches.sort_values(
        ["first", "second", "votes", "match", "one", "other"], ascending=[True, True, False, False, True, True]
    )
    # One guess for each place that the shifts point to.
    cells = [matches[name] // CELL for name in ("row_shift", "column_shift")]
    repeated = pd.concat([matches[keys], *cells], axis=1).duplicated()
    matches = matches[~repeated]
    matches = matches[matches.groupby(["first", "second"]).cumcount() < MOST_GUESSES]
    return _keep_best_partners(matches)


def _keep_best_partners(matches):
    """The pairs in which one is among the partners of the other that share most landmarks with it.

    So the number of comparisons grows with the number of images, whatever the images show.
    """
    pairs = matches.drop_duplicates(["first", "second"])[["first", "second", "votes"]]
    partners = pd.concat([pairs, pairs.rename(columns={"first": "second", "second": "first"})])
    partners = partners.sort_values(["votes", "first", "second"], ascending=[False, True, True])
    partners = partners[partners.groupby("first").cumcount() < MOST_PARTNERS]
    kept = pd.DataFrame(np.sort(partners[["first", "second"]], axis=1), columns=["first", "second"])
    return matches.merge(kept.drop_duplicates(), on=["first", "second"])
