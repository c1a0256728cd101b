"""What the networks of a run make of labelled images that they never saw, image by image; computed once and kept."""

import hashlib
import threading
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from helpers.code import code_digest
from helpers.counts import PixelCounts, pixel_counts
from helpers.files import read_json, write_json
from helpers.inference.mistaken import missed_and_invented
from helpers.inference.predict import bundle_decisions, threshold_masks
from helpers.inference.trials import KeptTrial, tune_for
from helpers.inference.tuning import describe_decisions
from helpers.metrics import dice_by_pair
from helpers.rle import build_masks, mask2rle

JUDGED, TUNED = "judged", "tuned"
SEEN = {
    JUDGED: "by a network and thresholds that had no part in this image",
    TUNED: "by a network that was not trained on this image; its thresholds were tuned on it",
}
RIGHT, MISSED, ALARM, MIXED = "right", "missed", "false alarm", "mixed up"


@dataclass(frozen=True, eq=False)
class ModelScores:
    """One model's predictions of labelled images.

    Attributes:
        name: of the model.
        trial: the `KeptTrial` that holds the probabilities.
        image_ids: the images, as list.
        seen: for each whether the image `judged` the model, or its thresholds were `tuned` on it; list of text.
        counts: `PixelCounts` of the images, in that order.
        runs: list of lists of run-length texts of the predicted masks, one for each class.
        versions: for each image the `Version` of the prediction that was decided.
    """

    name: str
    trial: KeptTrial
    image_ids: list
    seen: list
    counts: PixelCounts
    runs: list
    versions: list

    @cached_property
    def places(self):
        """Positions: dict of image id -> position."""
        return {image_id: place for place, image_id in enumerate(self.image_ids)}

    @cached_property
    def dice(self):
        """Mean Dice of each image over all classes, 1 where both masks are empty, as `kaggle_dice` takes it."""
        return dice_by_pair(self.counts).mean(axis=1)

    @cached_property
    def missed(self):
        """Pixels of each image that are missed, of the class of which most is."""
        return missed_and_invented(self.counts)[0]

    @cached_property
    def invented(self):
        """Pixels of each image of the largest predicted mask of a class that it doesn't have."""
        return missed_and_invented(self.counts)[1]

    @cached_property
    def verdicts(self):
        """For each image whether just its classes are predicted, or what is wrong with them; array of text."""
        true, predicted = self.counts.true > 0, self.counts.predicted > 0
        lacks, adds = (true & ~predicted).any(axis=1), (predicted & ~true).any(axis=1)
        return np.select([lacks & adds, lacks, adds], [MIXED, MISSED, ALARM], RIGHT)

    def masks(self, image_id, shape):
        """The predicted masks of an image: uint8 (height, width, classes)."""
        return build_masks(self.runs[self.places[image_id]], shape)

    def probabilities(self, dataset, image_id):
        """The probabilities of an image from which its masks were decided: float32 (height, width, classes)."""
        return self.trial.probabilities(dataset, image_id, self.versions[self.places[image_id]])


class ScoreKeeper:
    """The scores of all models of a run: taken from what is kept, else computed beside the server's work.

    Attributes:
        waiting: names of the models that are still to be looked at.
        problems: dict of model -> why it can't be shown.
    """

    def __init__(self, places):
        """Find the models; nothing is computed before `start`.

        Args:
            places: `Places`.
        """
        self._places, self._found, self._lock = places, {}, threading.Lock()
        self.problems = {}
        self.waiting = list(_trials(places))
        self._thread = threading.Thread(target=self._work, name="scores", daemon=True)

    def start(self):
        """Take up what is kept now, and compute the rest in the background."""
        for name in list(self.waiting):
            self._look(name, compute=False)
        if self.waiting:
            self._thread.start()

    def wait(self):
        """Wait until all is computed."""
        if self._thread.is_alive():
            self._thread.join()

    @property
    def models(self):
        """The models that are ready: dict of name -> `ModelScores`, the one that was decided upon first."""
        with self._lock:
            found = dict(self._found)
        first = _decided(self._places).get("model")
        return {name: found[name] for name in sorted(found, key=lambda name: (name != first, name))}

    def _work(self):
        for name in list(self.waiting):
            self._look(name, compute=True)

    def _look(self, name, compute):
        """Take up one model; its faults are listed, so that the others are shown."""
        try:
            scores = read_scores(self._places, name, compute=compute)
        # What a damaged file makes its reader raise has no end.
        except Exception as error:
            self.problems[name] = str(error) or type(error).__name__
            self.waiting.remove(name)
            return
        if scores is not None:
            with self._lock:
                self._found[name] = scores
            self.waiting.remove(name)


def read_scores(places, name, *, compute=True):
    """One model's scores; computed and kept where they are not yet, or where what they rest on changed.

    Args:
        places: `Places` with a run.
        name: of the model.
        compute: whether to compute; else None is given where nothing is kept.

    Returns:
        `ModelScores`, or None.

    Raises:
        FileNotFoundError, ValueError: what the run kept of the model is faulty.
    """
    trial = KeptTrial.read(_trials(places)[name])
    path, key = places.home / "scores" / f"{name}.json", _key(places, trial)
    kept = read_json(path) if path.is_file() else {}
    if kept.get("key") != key:
        if not compute:
            return None
        kept = {"key": key, **_compute(places, trial)}
        write_json(path, kept)
    counts = PixelCounts(*(np.array(kept[part], np.int64) for part in ("true", "predicted", "shared")))
    decided = [bundle_decisions(decisions) for decisions in kept["decisions"]]
    versions = [decided[place].version for place in kept["decided"]]
    return ModelScores(name, trial, kept["image_ids"], kept["seen"], counts, kept["runs"], versions)


def _trials(places):
    """Folders: dict of model -> folder of the models that the run judged."""
    if places.run is None or not (places.run.directory / "models").is_dir():
        return {}
    return places.run.trials()


def _decided(places):
    """What 05_evaluation wrote of the model that ships; empty before it ran."""
    path = None if places.run is None else places.run.directory / "tuning.json"
    return read_json(path) if path is not None and path.is_file() else {}


def _key(places, trial):
    """What the scores rest on."""
    files = [path.stat() for kept in trial.kept for path in kept.paths]
    lines = [
        places.dataset.fingerprint,
        code_digest("helpers.inference.steps"),
        trial.judged.to_csv(),
        trial.tuned.to_csv(),
        str(_decided(places)),
        *(f"{status.st_size} {status.st_mtime_ns}" for status in files),
    ]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _compute(places, trial):
    """Decide the model as 05_evaluation did, and take masks and counts of all images."""
    dataset, about = places.dataset, _decided(places)
    if about.get("model") == trial.name:
        from helpers.inference.steps import decide_again  # loads scikit-learn, which a start need not wait for

        step = decide_again(places.run, dataset)
        counted, by_fold, ships = step.counted, step.by_fold, step.ships
    else:
        counted = trial.count(dataset, about.get("fill_holes", True))
        by_fold, ships = counted.decide(tune_for(about.get("measure", "kaggle_dice")))
    folds = list(by_fold)
    decisions = [*by_fold.values(), ships]
    judged = [(JUDGED, row, folds.index(fold)) for row, fold in enumerate(trial.judged["fold"])]
    known = set(trial.judged["image_id"])
    tuned = [(TUNED, row, len(folds)) for row, each in enumerate(trial.tuned["image_id"]) if each not in known]
    found = [_decide(dataset, counted, decisions, *image) for image in [*judged, *tuned]]
    parts = {part: [each[part] for each in found] for part in ("image_ids", "seen", "runs", "decided")}
    counts = PixelCounts.concatenate([each["counts"] for each in found])
    described = [describe_decisions(each, dataset.class_names) for each in decisions]
    pixels = {part: getattr(counts, part).tolist() for part in ("true", "predicted", "shared")}
    return {**parts, **pixels, "decisions": described}


def _decide(dataset, counted, decisions, seen, row, place):
    """One image's masks and counts."""
    trial, chosen = counted.trial, decisions[place]
    table, counts = (trial.judged, counted.judged) if seen == JUDGED else (trial.tuned, counted.tuned)
    image_id, stated = table["image_id"].iat[row], counts[chosen.version].stated
    smallest = chosen.smallest_of(None if stated is None else stated[[row]])[0]
    probabilities = trial.probabilities(dataset, image_id, chosen.version)
    masks = threshold_masks(probabilities, chosen.thresholds, smallest, chosen.filled)
    return {
        "image_ids": image_id,
        "seen": seen,
        "decided": place,
        "runs": [mask2rle(masks[..., number]) for number in range(masks.shape[-1])],
        "counts": pixel_counts(dataset.masks(image_id), masks),
    }
