"""Trials as they are kept: what networks gave for images that they never saw, to be decided and judged anew."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from helpers.files import read_json, write_json
from helpers.inference.ahead import on_all_cores
from helpers.inference.by_fold import apply_by_fold, choose_by_fold
from helpers.inference.kept import KeptPredictions
from helpers.inference.predict import threshold_masks
from helpers.inference.threshold_counts import ThresholdCounts, count_at_thresholds
from helpers.inference.tuning import decided_counts, tune_versions
from helpers.models.versions import AS_IT_IS

TRIAL = "trial.json"
COLUMNS = ["image_id", "group", "fold"]
JOINED = " + "  # stands between the names of models whose mean is taken


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

    The versions of a mean are those of the first model; another that has no such version goes in as it is.
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
        return KeptTrial(JOINED.join(trial.name for trial in (self, *others)), self.part, self.judged, self.tuned, kept)

    @property
    def versions(self):
        """The versions of its predictions, that of the image as it is first."""
        return self.kept[0].versions

    def on_images_of(self, other):
        """The same predictions, judged and tuned on the images of another trial.

        Args:
            other: `KeptTrial` that is judged by the holdout.

        Raises:
            ValueError: some of its images were not predicted here.
        """
        known = set(self.kept[0].image_ids)
        missing = [each for table in (other.judged, other.tuned) for each in table["image_id"] if each not in known]
        if missing:
            raise ValueError(
                f"{self.name} has no prediction of {missing[0]!r}, which {other.name} has ({len(missing)} are "
                "missing). Judge both by the holdout, or this one by folds."
            )
        return replace(self, part=other.part, judged=other.judged, tuned=other.tuned)

    def probabilities(self, dataset, image_id, version=AS_IT_IS):
        """float32 array (height, width, classes) of probabilities, at the image's own size."""
        shape = dataset.shape_of(image_id)
        found = [kept.probabilities(image_id, shape, each) for kept, each in self._versions_of(version)]
        return np.mean(found, axis=0, dtype=np.float32)

    def seconds(self, version=AS_IT_IS):
        """Seconds that all its networks took for an image, on the machine that it was predicted on."""
        return sum(kept.seconds(each) for kept, each in self._versions_of(version))

    def _versions_of(self, version):
        """(`KeptPredictions`, the version that it gives) for each of those whose mean is taken."""
        return [(kept, version if version in kept.versions or kept is self.kept[0] else AS_IT_IS) for kept in self.kept]

    def count(self, dataset, fill=False):
        """Count the pixels of all its images at all thresholds, for each version of the predictions.

        Args:
            dataset: a `Dataset`.
            fill: whether to count with holes filled, too.

        Returns:
            `CountedTrial`.
        """
        ids = list(dict.fromkeys([*self.judged["image_id"], *self.tuned["image_id"]]))

        def count_image(image_id):
            masks = dataset.masks(image_id)
            predicted = (self.probabilities(dataset, image_id, version) for version in self.versions)
            return [count_at_thresholds(masks, probabilities, fill=fill) for probabilities in predicted]

        found = on_all_cores(count_image, ids)
        found = list(tqdm(found, f"Counting {self.name}", len(ids), unit="image", mininterval=1))
        counts = {
            version: ThresholdCounts.concatenate(counted[number] for counted in found)
            for number, version in enumerate(self.versions)
        }
        places = pd.Series(range(len(ids)), index=ids)
        judged, tuned = (
            {version: each.take(places[table["image_id"]].to_numpy()) for version, each in counts.items()}
            for table in (self.judged, self.tuned)
        )
        return CountedTrial(self, judged, tuned)


@dataclass(frozen=True)
class CountedTrial:
    """A trial with its pixels counted.

    Attributes:
        trial: the `KeptTrial`.
        judged: dict of `Version` -> `ThresholdCounts` of the judging images, in the order of `trial.judged`.
        tuned: dict of `Version` -> `ThresholdCounts` of the images that decisions are tuned on, in the order of
            `trial.tuned`.
    """

    trial: KeptTrial
    judged: dict
    tuned: dict

    @property
    def versions(self):
        """The versions that may be chosen."""
        return tuple(self.tuned)

    @property
    def fills(self):
        """Whether it was counted with holes filled, too."""
        return self.tuned[self.versions[0]].filled is not None

    def only(self, versions):
        """The same with some of the versions alone."""
        judged, tuned = ({version: each[version] for version in versions} for each in (self.judged, self.tuned))
        return replace(self, judged=judged, tuned=tuned)

    def behind(self, stated):
        """The same with what a classifier states of the images: a Series by image id."""
        judged, tuned = (
            {version: counts.behind(stated[table["image_id"]].to_numpy()) for version, counts in each.items()}
            for each, table in ((self.judged, self.trial.judged), (self.tuned, self.trial.tuned))
        )
        return replace(self, judged=judged, tuned=tuned)

    def decide(self, choose):
        """Decisions for each judging fold, made without it, and those that ship.

        Args:
            choose: function of a dict of `Version` -> `ThresholdCounts` that gives `Decisions`.

        Returns:
            (dict of fold -> `Decisions`, `Decisions` by all images to tune on).
        """

        def choose_on(rows):
            return choose({version: counts.take(rows) for version, counts in self.tuned.items()})

        by_fold = choose_by_fold(self.trial.part, self.trial.judged, self.trial.tuned, choose_on)
        return by_fold, choose(self.tuned)

    def decide_once(self, choose):
        """`Decisions` that ship for predicting each image as it is, in one pass, by all images to tune on.

        Args:
            choose: as for `decide`.
        """
        return choose({AS_IT_IS: self.tuned[AS_IT_IS]})

    def decided(self, by_fold):
        """`PixelCounts` of the judging images, in the order of `trial.judged`, by decisions for each fold."""
        return apply_by_fold(
            self.trial.judged,
            by_fold,
            lambda rows, decisions: decided_counts(self.judged[decisions.version].take(rows), decisions),
        )

    def judged_by(self, by_fold):
        """`ThresholdCounts` of the judging images, of the versions, and filled, as the decisions for each fold say."""
        return apply_by_fold(
            self.trial.judged,
            by_fold,
            lambda rows, decisions: self.judged[decisions.version].take(rows).filling(decisions.filled),
        )

    def decide_image(self, dataset, image_id, by_fold):
        """A judging image's probabilities, and its masks by the decisions of its fold.

        Args:
            dataset: a `Dataset`.
            image_id: one of the judging images.
            by_fold: dict of fold -> `Decisions`.

        Returns:
            (float32 array, uint8 array of 0 and 1), both (height, width, classes), at the image's own size.
        """
        row = int(np.flatnonzero(self.trial.judged["image_id"] == image_id)[0])
        decisions = by_fold[self.trial.judged["fold"].iloc[row]]
        stated = self.judged[decisions.version].stated
        smallest = decisions.smallest_of(None if stated is None else stated[[row]])[0]
        probabilities = self.trial.probabilities(dataset, image_id, decisions.version)
        return probabilities, threshold_masks(probabilities, decisions.thresholds, smallest, decisions.filled)


def tune_for(measure, **settings):
    """Function of a dict of `Version` -> `ThresholdCounts` that gives the `Decisions` tuned for a measure."""
    return lambda counts: tune_versions(counts, measure, **settings)


def versions_table(counted, by_fold, ships):
    """Which version of the prediction was chosen.

    Args:
        counted: `CountedTrial`.
        by_fold: dict of fold -> `Decisions`.
        ships: `Decisions` that ship.

    Returns:
        Table with a row for each version: milliseconds that an image takes, the number of judging folds that it was
        chosen for, and whether it ships.
    """
    rows = {
        version.name: {
            "ms an image": f"{1000 * counted.trial.seconds(version):.0f}",
            "chosen for folds": f"{sum(each.version == version for each in by_fold.values())} of {len(by_fold)}",
            "ships": "yes" if ships.version == version else "no",
        }
        for version in counted.versions
    }
    return pd.DataFrame(rows).T.rename_axis("prediction")
