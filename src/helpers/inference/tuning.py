"""Decisions tuned on images that do not judge: for each class threshold, smallest mask believed, holes and gate."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from helpers.counts import PixelCounts
from helpers.metrics import defect_dice, kaggle_dice
from helpers.models.versions import AS_IT_IS, Version

# Smallest masks that are tried, as fractions of the image; a mask larger than the image is never believed.
SIZES = (0.0, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2)
NEVER = 2.0
GATES = (0.01, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7)  # probabilities of a defect, stated by a classifier, that are tried
MEASURES = {"kaggle_dice": kaggle_dice, "defect_dice": defect_dice}


def require_measure(measure):
    """Raise ValueError where decisions can't be tuned for a measure."""
    if measure not in MEASURES:
        raise ValueError(f"measure: got {measure!r}, expected one of: {', '.join(MEASURES)}.")


@dataclass(frozen=True)
class Decisions:
    """What turns probabilities into masks, and which version of the prediction the probabilities are.

    Attributes:
        thresholds: for each class, the probability from which a pixel counts as defect.
        smallest: for each class, the smallest mask that is believed, as a fraction of the image; smaller ones are
            taken back whole.
        gates: for each class, the probability of a defect below which a classifier takes the image for clean; empty
            without a classifier.
        smallest_clean: for each class, the smallest mask that is believed on such an image; `NEVER` believes none.
        filled: for each class, whether the holes of its mask are filled, before its size is looked at; empty: none.
        version: the `Version` of the prediction that all this is for, the same for all classes.
    """

    thresholds: tuple
    smallest: tuple
    gates: tuple = ()
    smallest_clean: tuple = ()
    filled: tuple = ()
    version: Version = AS_IT_IS

    def smallest_of(self, stated=None):
        """For each image and class the smallest mask that is believed, (images, classes) or (1, classes).

        Args:
            stated: float array (images,) of what a classifier states; needed where there are gates.

        Raises:
            ValueError: there are gates, and nothing is stated.
        """
        if not self.gates:
            return np.array([self.smallest])
        if stated is None:
            raise ValueError("the decisions ask for a classifier, and nothing is stated. Give its probabilities.")
        taken_for_clean = np.asarray(stated)[:, np.newaxis] < np.array(self.gates)
        return np.where(taken_for_clean, self.smallest_clean, self.smallest)

    def describe(self):
        """As plain values, for a JSON file; the keys are those of a bundle."""
        return {
            "thresholds": [float(threshold) for threshold in self.thresholds],
            "smallest_masks": [float(size) for size in self.smallest],
            "gates": [float(gate) for gate in self.gates],
            "smallest_masks_clean": [float(size) for size in self.smallest_clean],
            "filled": [bool(fills) for fills in self.filled],
            **self.version.describe(),
        }


class Choice(NamedTuple):
    """What is chosen for one class; as the attributes of `Decisions`."""

    threshold: float = 0.5
    smallest: float = 0.0
    gate: float = 0.0
    smallest_clean: float = 0.0
    filled: bool = False


class Way(NamedTuple):
    """What a grid of scores by smallest mask and threshold is for; without a gate the size for clean images is 0."""

    filled: bool = False
    gate: float = 0.0
    smallest_clean: float = 0.0


PLAIN = Way()


def tune_decisions(counts, measure="kaggle_dice", sizes=SIZES, fill=True):
    """Choose threshold, smallest mask, holes and gate for each class, by the score over the images given.

    Each class is tuned by itself, since both measures are means over pairs of image and class. Of near-equal choices
    the one in the middle of a plateau wins: a choice counts by the mean of its own score and its neighbours'. A gate is
    chosen where a classifier states something of the images, holes are filled where they were counted so, and both
    only where they gain.

    Args:
        counts: `ThresholdCounts` of images that will not judge the result.
        measure: "kaggle_dice", or "defect_dice" for pairs with a defect alone.
        sizes: smallest masks to try, rising, as fractions of the image.
        fill: whether to try to fill holes, where the counts with filled ones are there.

    Returns:
        `Decisions`. A class that no pair speaks for gets 0.5 and 0.

    Raises:
        ValueError: the measure is not known.

    Source:
        Averaging over neighbours: ours; the optimum of few images is sharp by chance.
    """
    require_measure(measure)
    counts = counts if fill else replace(counts, filled=None)
    chosen = [
        choose(score_grid(counts, class_index, measure, sizes), counts.thresholds, sizes)
        for class_index in range(counts.true.shape[1])
    ]
    decided = Decisions(*(tuple(column) for column in zip(*chosen, strict=True)))
    if counts.stated is None:
        decided = replace(decided, gates=(), smallest_clean=())
    return decided if any(decided.filled) else replace(decided, filled=())


def tune_versions(counts, measure="kaggle_dice", sizes=SIZES, fill=True):
    """Choose the version of the prediction whose tuned decisions score best, and these.

    Args:
        counts: dict of `Version` -> `ThresholdCounts` of the same images, which will not judge the result; the version
            that costs least first.
        measure: as for `tune_decisions`, like the others.
        sizes: smallest masks to try.
        fill: whether to try to fill holes.

    Returns:
        `Decisions`; a version that gains nothing over an earlier one is not taken.
    """
    tuned = [replace(tune_decisions(each, measure, sizes, fill), version=version) for version, each in counts.items()]
    best, chosen = -np.inf, tuned[0]
    for decisions in tuned:
        score = MEASURES[measure](decided_counts(counts[decisions.version], decisions))
        if score > best + 1e-12:
            best, chosen = score, decisions
    return chosen


def decided_counts(counts, decisions):
    """What the decisions make of counted images.

    Args:
        counts: `ThresholdCounts`.
        decisions: `Decisions`, whose thresholds are among those counted.

    Returns:
        `PixelCounts`, without the background.

    Raises:
        ValueError: a threshold, or filled holes, were not counted.
    """
    counts = counts.filling(decisions.filled)
    strange = sorted(set(decisions.thresholds) - set(counts.thresholds))
    if strange:
        raise ValueError(f"threshold {strange[0]} was not counted, only {counts.thresholds}. Count the images anew.")
    places = [counts.thresholds.index(threshold) for threshold in decisions.thresholds]
    classes = np.arange(counts.true.shape[1])
    predicted, shared = counts.predicted[:, classes, places], counts.shared[:, classes, places]
    believed = predicted >= counts.pixels[:, np.newaxis] * decisions.smallest_of(counts.stated)
    return PixelCounts(counts.true, predicted * believed, shared * believed)


def describe_decisions(decisions, class_names):
    """Decisions as plain values, for a JSON file.

    Args:
        decisions: `Decisions`.
        class_names: a name for each class.

    Returns:
        dict of class_names, thresholds, smallest_masks, gates, smallest_masks_clean and filled, each a list by class;
        and of sizes and mirrored, which say of what version of the prediction they are.
    """
    return {"class_names": list(class_names), **decisions.describe()}


def dice_cube(counts, class_index, measure="kaggle_dice", sizes=SIZES):
    """Dice of each image that a measure looks at, by smallest mask and threshold.

    Args:
        counts: `ThresholdCounts`.
        class_index: number of the class, from 0.
        measure: "kaggle_dice", or "defect_dice" for images that have the class.
        sizes: smallest masks, as fractions of the image.

    Returns:
        (float array (images, sizes, thresholds), bool array of which of all images these are).
    """
    true = counts.true[:, class_index]
    judged = true > 0 if measure == "defect_dice" else np.ones(len(true), bool)
    true = true[judged, np.newaxis, np.newaxis]
    predicted = counts.predicted[judged, class_index][:, np.newaxis]
    shared = counts.shared[judged, class_index][:, np.newaxis]
    least = np.asarray(sizes)[np.newaxis, :, np.newaxis] * counts.pixels[judged][:, np.newaxis, np.newaxis]
    believed = predicted >= least
    both = true + predicted * believed
    return np.where(both == 0, 1.0, 2 * shared * believed / np.maximum(both, 1)), judged


def score_grid(counts, class_index, measure="kaggle_dice", sizes=SIZES, weights=None):
    """Mean Dice of one class at every choice.

    Args:
        counts: `ThresholdCounts`.
        class_index: number of the class, from 0.
        measure: "kaggle_dice" or "defect_dice".
        sizes: smallest masks, as fractions of the image.
        weights: how often each image counts, (images,); None counts each once.

    Returns:
        dict of `Way` -> float array (sizes, thresholds) of scores, `PLAIN` first. NaN everywhere where no image speaks
        for the class; there is no other way then.
    """
    cube, judged = dice_cube(counts, class_index, measure, sizes)
    weights = np.ones(len(judged)) if weights is None else np.asarray(weights, float)
    weights = weights[judged]
    if not weights.sum():
        return {PLAIN: np.full(cube.shape[1:], np.nan)}
    total = np.tensordot(weights, cube, 1) / weights.sum()
    grids = {PLAIN: total}
    if counts.stated is not None:
        never = dice_cube(counts, class_index, measure, (NEVER,))[0][:, 0]
        for gate in GATES:
            clean = weights * (counts.stated[judged] < gate)
            rest = total - np.tensordot(clean, cube, 1) / weights.sum()
            for number, size in enumerate((*sizes, NEVER)):
                asked = never if size == NEVER else cube[:, number]
                # On images taken for clean a mask has to be at least as large as elsewhere.
                allowed = np.asarray(sizes) < size
                grid = rest + np.tensordot(clean, asked, 1) / weights.sum()
                if allowed.any():
                    grids[Way(gate=gate, smallest_clean=size)] = np.where(allowed[:, np.newaxis], grid, -np.inf)
    if counts.filled is not None:
        whole = np.zeros(len(counts.true))
        whole[judged] = weights
        filled = score_grid(counts.filled, class_index, measure, sizes, whole)
        grids |= {way._replace(filled=True): grid for way, grid in filled.items()}
    return grids


def choose(grids, thresholds, sizes=SIZES):
    """The choice in the middle of the best plateau of a `score_grid`.

    Returns:
        `Choice`; gate and filled are 0 and False where they don't gain, and 0.5 and 0 stand where no image speaks for
        the class.
    """
    if np.isnan(grids[PLAIN]).all():
        return Choice()
    best, chosen = -np.inf, None
    for way, grid in grids.items():
        smoothed = _smoothed(grid)
        size, place = np.unravel_index(smoothed.argmax(), grid.shape)
        if chosen is None or smoothed[size, place] > best + 1e-12:
            best = smoothed[size, place]
            clean = way.smallest_clean if way.gate else sizes[size]
            chosen = Choice(thresholds[place], sizes[size], way.gate, clean, way.filled)
    return chosen


def _smoothed(grid):
    """Mean of each choice's score and its neighbours'; a choice that isn't allowed counts with nobody."""
    padded = np.pad(grid, 1, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3))
    allowed = np.isfinite(windows)
    means = np.where(allowed, windows, 0).sum(axis=(2, 3)) / np.maximum(allowed.sum(axis=(2, 3)), 1)
    return np.where(np.isfinite(grid), means, -np.inf)


def stability(counts, groups, class_names, measure="kaggle_dice", sizes=SIZES, repeats=100, seed=0):
    """How the best choice moves when other images had been drawn.

    Args:
        counts: `ThresholdCounts` of the images that decisions are tuned on.
        groups: label of each image's group.
        class_names: a name for each class.
        measure: "kaggle_dice" or "defect_dice".
        sizes: smallest masks, as fractions of the image.
        repeats: number of draws of groups, with replacement.
        seed: the same seed gives the same draws.

    Returns:
        Table with a row for each class: the choice, and from the draws the 5th and 95th per cent of threshold and
        smallest mask, the shares of draws that take a gate and that fill holes, and the loss: how much lower on average
        the choice scores on a draw than what is best there.
    """
    codes, labels = pd.factorize(np.asarray(groups))
    rng = np.random.default_rng(seed)
    rows = {}
    for index, name in enumerate(class_names):
        chosen = choose(score_grid(counts, index, measure, sizes), counts.thresholds, sizes)
        drawn, losses = [], []
        for _ in range(repeats):
            times = np.bincount(rng.integers(len(labels), size=len(labels)), minlength=len(labels))
            grids = score_grid(counts, index, measure, sizes, times[codes])
            drawn.append(choose(grids, counts.thresholds, sizes))
            losses.append(_score_of(grids, drawn[-1], counts.thresholds, sizes)
                          - _score_of(grids, chosen, counts.thresholds, sizes))  # fmt: skip
        thresholds, smallest, gates, _, filled = np.transpose(drawn)
        rows[name] = {
            "threshold": chosen.threshold,
            "threshold, from": np.quantile(thresholds, 0.05),
            "threshold, to": np.quantile(thresholds, 0.95),
            "smallest mask": chosen.smallest,
            "smallest mask, from": np.quantile(smallest, 0.05),
            "smallest mask, to": np.quantile(smallest, 0.95),
            "draws with a gate": (gates > 0).mean(),
            "draws with holes filled": filled.mean(),
            "loss": np.nanmean(losses) if np.isfinite(losses).any() else np.nan,
        }
    return pd.DataFrame(rows).T.rename_axis("class")


def _score_of(grids, choice, thresholds, sizes):
    """The score of one choice in a `score_grid`."""
    if np.isnan(grids[PLAIN]).all():
        return np.nan
    grid = grids[Way(choice.filled, choice.gate, choice.smallest_clean if choice.gate else 0.0)]
    return grid[sizes.index(choice.smallest), thresholds.index(choice.threshold)]
