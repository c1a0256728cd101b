"""Candidates: pairs of images that share landmarks, with the symmetry and the shift that the landmarks agree on."""

import os

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from helpers.data.groups.landmarks import invariants, move_waves, reduced_shape
from helpers.data.groups.symmetries import NAMES, TRANSPOSE, apply_to_positions

NEIGHBOURS = 20  # looked at for each landmark
FARTHEST = 0.3  # distance of the nearest neighbours
TOLERANCE = 0.5  # a neighbour may be farther than one left out, by this share: several times as fast
LEAF_SIZE = 32
DIMENSIONS = 12  # of the space that they are looked for in
LEAST_MATCH = 0.9  # correlation of two landmarks once one is moved by the symmetry
FEWEST_VOTES = 2  # landmarks that have to agree on a shift; on no shift, one is enough
CELL = 4  # shifts that differ by less are the same, pixels of the reduced images
MOST_GUESSES = 2  # (symmetry, shift) that are tried for a pair of images
MOST_PARTNERS = 24  # of an image that it is compared with, and those that have it among theirs
CHUNK = 20_000  # landmarks looked up at a time, which bounds the memory
COLUMNS = ["first", "second", "symmetry", "row_shift", "column_shift", "row", "column", "match"]


def find_candidates(landmarks, progress=None):
    """Guess which images of one shape are copies.

    The nearest neighbours of each landmark are looked up in a k-d tree over what no symmetry changes, so the work
    grows little faster than the number of images.

    Args:
        landmarks: list of Landmarks of images of the same shape.
        progress: called with the number of landmarks that have been looked up.

    Returns:
        Table with first and second (indices into the list, first < second), symmetry (moves the second onto the
        first), row_shift and column_shift (where the moved second begins in the first), row and column (a place in
        the first that both show), match (correlation there), all in pixels of the reduced images; the best guess of
        a pair first.
    """
    owners = np.repeat(np.arange(len(landmarks)), [len(found.positions) for found in landmarks])
    if len(owners) < 2:
        return pd.DataFrame(columns=COLUMNS)
    shape = landmarks[0].shape
    square = shape[0] == shape[1]
    positions = np.concatenate([found.positions for found in landmarks])
    waves = np.concatenate([found.waves for found in landmarks])
    points = _project(waves, square)
    tree = cKDTree(points, leafsize=LEAF_SIZE)
    parts = []
    for start in range(0, len(points), CHUNK):
        one = tree.indices[start : start + CHUNK]  # those that lie together in space lie together in memory
        _, near = tree.query(
            points[one], NEIGHBOURS + 1, eps=TOLERANCE, distance_upper_bound=FARTHEST, workers=os.cpu_count()
        )
        ranks, columns = np.nonzero(near < len(points))
        one, other = one[ranks], near[ranks, columns]
        others = owners[one] != owners[other]
        one, other = one[others], other[others]
        parts.append(_match(one, other, owners, positions, waves, square, reduced_shape(shape)))
        if progress:
            progress(min(CHUNK, len(points) - start))
    return _vote(pd.concat(parts, ignore_index=True))


def _project(waves, square):
    """The invariants in the few dimensions in which they differ most."""
    points = invariants(waves, square)
    points -= points.mean(axis=0)
    _, directions = np.linalg.eigh(points.T @ points)
    return points @ directions[:, ::-1][:, :DIMENSIONS]


def _match(one, other, owners, positions, waves, square, shape):
    """Table of the matches of landmarks `one` and `other`, each with its best symmetry."""
    swap = owners[one] > owners[other]
    one, other = np.where(swap, other, one), np.where(swap, one, other)
    mine, theirs = waves[one].astype(np.float32), waves[other].astype(np.float32)
    symmetries = range(len(NAMES) if square else TRANSPOSE)
    scores = np.stack([np.einsum("nij,nij->n", mine, move_waves(theirs, symmetry)) for symmetry in symmetries])
    best = scores.argmax(axis=0)
    shift = positions[one] - apply_to_positions(best, positions[other].astype(int), shape)
    table = pd.DataFrame(
        {
            "first": owners[one],
            "second": owners[other],
            "symmetry": best,
            "row_shift": shift[:, 0],
            "column_shift": shift[:, 1],
            "row": positions[one, 0],
            "column": positions[one, 1],
            "match": scores.max(axis=0),
            "one": one,
            "other": other,
        }
    )
    return table[table["match"] >= LEAST_MATCH]


def _vote(matches):
    """The guesses that enough landmarks agree on, the best of each pair first."""
    matches = matches.drop_duplicates(["one", "other"])
    keys = ["first", "second", "symmetry"]
    votes = np.zeros(len(matches), int)
    for offset in (0, CELL // 2):  # twice, so that no border between cells parts what belongs together
        cells = [(matches[name] + offset) // CELL for name in ("row_shift", "column_shift")]
        counts = matches.groupby([*[matches[key] for key in keys], *cells])["match"].transform("size")
        votes = np.maximum(votes, counts.to_numpy())
    still = matches[["row_shift", "column_shift"]].abs().max(axis=1) <= 1
    matches = matches.assign(votes=votes + still)[(votes + still) >= FEWEST_VOTES]
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
