"""Copies: pairs of images that show the same piece, also mirrored, turned, shifted or in part."""

import os
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import pairwise

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from helpers.data.groups.candidates import find_candidates
from helpers.data.groups.compare import NOTHING, compare, comparison_factor, find_details
from helpers.data.groups.landmarks import find_landmarks, reduction
from helpers.data.groups.patterns import find_step, move_step
from helpers.data.groups.symmetries import NAMES, TRANSPOSE, combine

COPY, SHIFTED, PART = "copy", "shifted", "part"
COLUMNS = ["first", "second", "kind", "transform", "row_shift", "column_shift", "overlap", "similarity"]
LEAST_OVERLAP = 0.4  # a strip and the next one, half of which is new, have about 0.5
LEAST_AGREEMENT = 0.9  # of a copy of the whole image
STILL = 2  # pixels: a smaller shift is none
CACHE_BYTES = 2**27  # of images kept while they are compared


def find_copies(image_ids, load, *, least_overlap=LEAST_OVERLAP, progress=True):
    """Find the images that show the same piece of steel.

    Landmarks of each image are looked up among those of all others (see `helpers.data.groups.candidates`); the
    images that share some are then compared pixel by pixel (see `helpers.data.groups.compare`). Images of different
    shapes are compared where a quarter turn makes the shapes equal. What is blank or dark has no landmark and no
    texture, so that it is a copy of nothing. Needs about 80 kB of memory for each image.

    Args:
        image_ids: names of the images; their order does not matter.
        load: function of an image id that gives uint8 (height, width) or (height, width, 1); called from several
            threads, and again for images that are compared.
        least_overlap: share of the image that two images have to have in common, 0 to 1.
        progress: whether to show progress bars.

    Returns:
        Table with a row for each pair, sorted: first and second (first < second), kind, transform (how the second is
        to be moved: "same", "mirrored left-right", "rotated 90 clockwise" and so on), row_shift and column_shift
        (how much lower and further right the moved second lies, pixels), overlap (share of the image that both show,
        0 to 1), similarity (mean correlation of what is no line there, 0 to 1). The kinds: "copy" shows the whole
        again, "shifted" lies over it with a shift, "part" has something in common and something else beside it, as
        where a picture was put together of two. A split is safe when no pair of any kind is parted. A large group of
        copies is connected, but need not be there with every pair.

    Raises:
        ValueError: an image id comes twice, an image is not grey and uint8, or `least_overlap` is no share.

    Example:
        >>> sheet = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)
        >>> images = {"a": sheet, "b": np.rot90(sheet), "dark": 0 * sheet}
        >>> find_copies(images, images.get, progress=False)[["first", "second", "kind", "transform"]].values.tolist()
        [['a', 'b', 'copy', 'rotated 90 clockwise']]
    """
    ids = sorted(image_ids)
    repeated = [one for one, other in pairwise(ids) if one == other]
    if repeated:
        raise ValueError(f"image_ids: {repeated[0]!r} comes more than once. Give each image its own id.")
    if not 0 <= least_overlap <= 1:
        raise ValueError(f"least_overlap: got {least_overlap}, expected a share from 0 to 1, such as {LEAST_OVERLAP}.")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        by_shape, upright = _find_all_landmarks(ids, load, pool, progress)
        rows = []
        for landmarks in by_shape.values():
            candidates = _find_candidates(landmarks, progress)
            rows += _compare_all(landmarks, candidates, upright, load, pool, least_overlap, progress)
    return pd.DataFrame(rows, columns=COLUMNS).sort_values(["first", "second"], ignore_index=True)


def _find_all_landmarks(ids, load, pool, progress):
    """Landmarks as {shape: {image id: Landmarks}}, and the ids of the images that stand upright.

    An image that is taller than wide is transposed first, so that it can be compared with those that lie.
    """
    found = tqdm(
        pool.map(lambda image_id: _landmarks_of(load, image_id), ids),
        desc="Finding landmarks",
        total=len(ids),
        unit="image",
        disable=not progress,
        mininterval=1,
    )
    by_shape, upright = defaultdict(dict), set()
    for image_id, (is_upright, landmarks) in zip(ids, found, strict=True):
        by_shape[landmarks.shape][image_id] = landmarks
        if is_upright:
            upright.add(image_id)
    return by_shape, upright


def _landmarks_of(load, image_id):
    """Whether an image stands upright, and its landmarks once it lies."""
    image = _load_grey(load, image_id)
    return image.shape[0] > image.shape[1], find_landmarks(_laid(image))


def _load_grey(load, image_id):
    """The image as (height, width)."""
    image = np.asarray(load(image_id))
    if image.ndim == 3 and image.shape[2] == 1:
        image = image[:, :, 0]
    if image.ndim != 2 or image.dtype != np.uint8 or not image.size:
        raise ValueError(
            f"{image_id}: got {image.dtype} of shape {image.shape}, expected a grey image: uint8 of shape "
            "(height, width) or (height, width, 1). Load it with one channel."
        )
    return image


def _laid(image):
    """The image, transposed where it is taller than wide."""
    return np.ascontiguousarray(image.T) if image.shape[0] > image.shape[1] else image


def _find_candidates(landmarks, progress):
    """Table of candidates with image ids for first and second."""
    ids = list(landmarks)
    total = sum(len(found.positions) for found in landmarks.values())
    with tqdm(desc="Looking them up", total=total, unit="landmark", disable=not progress, mininterval=1) as bar:
        candidates = find_candidates(list(landmarks.values()), bar.update)
    candidates = candidates.iloc[_near_each_other(candidates, len(ids))]
    names = pd.Series(ids, dtype=object)
    return candidates.assign(first=candidates["first"].map(names), second=candidates["second"].map(names))


def _near_each_other(candidates, count):
    """An order of the candidates in which each image is needed for a short while only."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import reverse_cuthill_mckee

    first, second = (candidates[name].to_numpy(int) for name in ("first", "second"))
    graph = coo_array((np.ones(2 * len(first)), (np.append(first, second), np.append(second, first))), (count, count))
    rank = np.empty(count, int)
    rank[reverse_cuthill_mckee(graph.tocsr(), symmetric_mode=True)] = np.arange(count)
    return np.lexsort((np.minimum(rank[first], rank[second]), np.maximum(rank[first], rank[second])))


def _compare_all(landmarks, candidates, upright, load, pool, least_overlap, progress):
    """Rows of the table of copies among images of one shape."""
    guesses = defaultdict(list)
    for guess in candidates.itertuples(index=False):
        guesses[guess.first, guess.second].append(guess)
    shape = next(iter(landmarks.values())).shape
    kept = max(2 * os.cpu_count(), CACHE_BYTES // (4 * shape[0] * shape[1]))
    details_of = lru_cache(kept)(lambda image_id: find_details(_laid(_load_grey(load, image_id))))
    step_of = lru_cache(None)(lambda image_id: find_step(landmarks[image_id]))
    scale = reduction(shape) / comparison_factor(shape)

    def compare_pair(pair):
        first, second = pair
        best = (NOTHING, 0)
        for guess in guesses[pair]:
            step = step_of(first)
            if step is None and step_of(second) is not None:
                step = move_step(guess.symmetry, step_of(second))
            shift, place = (guess.row_shift, guess.column_shift), (guess.row, guess.column)
            found = compare(details_of(first), details_of(second), guess.symmetry, shift, place, scale, step)
            best = max(best, (found, guess.symmetry), key=lambda entry: entry[0].overlap)
        return (first, second, *best)

    compared = tqdm(
        pool.map(compare_pair, guesses),
        desc="Comparing pixels",
        total=len(guesses),
        unit="pair",
        disable=not progress,
        mininterval=1,
    )
    return [
        _describe(first, second, found, symmetry, shape, upright)
        for first, second, found, symmetry in compared
        if found.overlap >= least_overlap and found is not NOTHING
    ]


def _describe(first, second, found, symmetry, shape, upright):
    """Row of the table of copies: what was found of the images as they lie, told of the images as they are."""
    factor = comparison_factor(shape)
    rows, columns = (factor * shift for shift in found.shift)
    if first in upright:
        rows, columns = columns, rows
    turn_first, turn_second = (TRANSPOSE * (image_id in upright) for image_id in (first, second))
    transform = NAMES[combine(turn_first, combine(symmetry, turn_second))]
    if found.agreement < LEAST_AGREEMENT:
        kind = PART
    else:
        kind = COPY if max(abs(rows), abs(columns)) <= STILL * factor else SHIFTED
    return first, second, kind, transform, rows, columns, found.overlap, found.similarity
