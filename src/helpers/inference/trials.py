"""Trials as they are kept: what networks gave for images that they never saw, to be decided and judged anew."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from helpers.files import read_json, write_json
from helpers.inference.by_fold import apply_by_fold, choose_by_fold
from helpers.inference.kept import KeptPredictions
from helpers.inference.predict import threshold_masks
from helpers.inference.tuning import ThresholdCounts, count_at_thresholds, decided_counts, tune_decisions

TRIAL = "trial.json"
COLUMNS = ["image_id", "group", "fold"]


def write_trial(folder, trial):
    """Keep beside a bundle which images judge it and which it is tuned on; the predictions are there already.

    Args:
        folder: the model's folder.
        trial: a `KeptTrial` whose predictions lie in that folder.
    """
    folder = Path(folder)
    (kept,) = trial.kept
    write_json(
        folder / TRIAL,
        {
            "part": trial.part,
            "judged": trial.judged[COLUMNS].to_numpy().tolist(),
            "tuned": trial.tuned[COLUMNS].to_numpy().tolist(),
            "files": [path.relative_to(folder).as_posix() for path in kept.paths],
        },
    )


@dataclass(frozen=True)
class KeptTrial:
    """One model's trial, or the mean of several.

    Attributes:
        name: of the model.
        part: "holdout" or "folds": the images that judge.
        judged: table with image_id, group and fold of these images.
        tuned: the same of the images that decisions are tuned on; with folds the same images, of which those of the
            fold that is judged are left out each time.
        kept: `KeptPredictions` of all of them, or several whose mean is taken.
    """

    name: str
    part: str
    judged: pd.DataFrame
    tuned: pd.DataFrame
    kept: tuple

    @classmethod
    def read(cls, folder):
        """Read what `write_trial` wrote.

        Raises:
            FileNotFoundError: there is no trial.
        """
        folder = Path(folder)
        if not (folder / TRIAL).is_file():
            raise FileNotFoundError(f"{folder / TRIAL} is not there. Run 04_segmentation with that model first.")
        about = read_json(folder / TRIAL)
        judged, tuned = (pd.DataFrame(about[name], columns=COLUMNS) for name in ("judged", "tuned"))
        kept = KeptPredictions([folder / name for name in about["files"]])
        return cls(folder.name, about["part"], judged, tuned, (kept,))

    def averaged(self, others):
        """The mean of this model's predictions and others'.

        Args:
            others: list of `KeptTrial` that are judged and tuned on the same images.

        Raises:
            ValueError: one is judged or tuned on others.
        """
        for other in others:
            for mine, theirs in ((self.judged, other.judged), (self.tuned, other.tuned)):
                if not mine.equals(theirs):
                    raise ValueError(
                        f"{other.name} is judged or tuned on other images than {self.name}, so that they can't be "
                        "averaged. Judge both by the holdout, or both by folds."
                    )
        kept = tuple(kept for trial in (self, *others) for kept in trial.kept)
        return KeptTrial(" + ".join(trial.name for trial in (self, *others)), self.part, self.judged, self.tuned, kept)

    @property
    def mirrored(self):
        """Whether all its predictions have a version that is averaged over mirror images."""
        return all(len(kept.versions) > 1 for kept in self.kept)

    def probabilities(self, dataset, image_id, version=-1):
        """float32 array (height, width, classes) of probabilities, at the image's own size."""
        shape = dataset.shape_of(image_id)
        return np.mean([kept.probabilities(image_id, shape, version) for kept in self.kept], axis=0, dtype=np.float32)

    def count(self, dataset, version=-1, fill=False):
        """Count the pixels of all its images at all thresholds.

        Args:
            dataset: a `Dataset`.
            version: of the predictions; -1 is what the model gives.
            fill: whether to count with holes filled, too.

        Returns:
            `CountedTrial`.
        """
        ids = list(dict.fromkeys([*self.judged["image_id"], *self.tuned["image_id"]]))
        counts = ThresholdCounts.concatenate(
            count_at_thresholds(dataset.masks(image_id), self.probabilities(dataset, image_id, version), fill=fill)
            for image_id in ids
        )
        places = pd.Series(range(len(ids)), index=ids)
        judged, tuned = (counts.take(places[table["image_id"]].to_numpy()) for table in (self.judged, self.tuned))
        return CountedTrial(self, judged, tuned)


@dataclass(frozen=True)
class CountedTrial:
    """A trial with its pixels counted.

    Attributes:
        trial: the `KeptTrial`.
        judged: `ThresholdCounts` of the judging images, in the order of `trial.judged`.
        tuned: `ThresholdCounts` of the images that decisions are tuned on, in the order of `trial.tuned`.
    """

    trial: KeptTrial
    judged: ThresholdCounts
    tuned: ThresholdCounts

    def behind(self, stated):
        """The same with what a classifier states of the images: a Series by image id."""
        judged, tuned = (
            counts.behind(stated[table["image_id"]].to_numpy())
            for counts, table in ((self.judged, self.trial.judged), (self.tuned, self.trial.tuned))
        )
        return CountedTrial(self.trial, judged, tuned)

    def decide(self, choose):
        """Decisions for each judging fold, made without it, and those that ship.

        Args:
            choose: function of `ThresholdCounts` that gives `Decisions`.

        Returns:
            (dict of fold -> `Decisions`, `Decisions` by all images to tune on).
        """
        by_fold = choose_by_fold(
            self.trial.part, self.trial.judged, self.trial.tuned, lambda rows: choose(self.tuned.take(rows))
        )
        return by_fold, choose(self.tuned)

    def decided(self, by_fold):
        """`PixelCounts` of the judging images, in the order of `trial.judged`, by decisions for each fold."""
        return apply_by_fold(
            self.trial.judged, by_fold, lambda rows, decisions: decided_counts(self.judged.take(rows), decisions)
        )

    def decide_image(self, dataset, image_id, by_fold, version=-1):
        """A judging image's probabilities, and its masks by the decisions of its fold.

        Args:
            dataset: a `Dataset`.
            image_id: one of the judging images.
            by_fold: dict of fold -> `Decisions`.
            version: of the predictions.

        Returns:
            (float32 array, uint8 array of 0 and 1), both (height, width, classes), at the image's own size.
        """
        row = int(np.flatnonzero(self.trial.judged["image_id"] == image_id)[0])
        decisions = by_fold[self.trial.judged["fold"].iloc[row]]
        stated = None if self.judged.stated is None else self.judged.stated[[row]]
        probabilities = self.trial.probabilities(dataset, image_id, version)
        smallest = decisions.smallest_of(stated)[0]
        return probabilities, threshold_masks(probabilities, decisions.thresholds, smallest, decisions.filled)


def tune_for(measure, **settings):
    """Function of `ThresholdCounts` that gives the `Decisions` tuned for a measure."""
    return lambda counts: tune_decisions(counts, measure, **settings)
