"""The whole chain step by step: what each decision after the network adds, judged as the network is."""

from dataclasses import dataclass

import pandas as pd

from helpers.counts import PixelCounts
from helpers.files import read_json
from helpers.inference.evaluate import estimate_texts
from helpers.inference.gate import read_gate
from helpers.inference.trials import CountedTrial, KeptTrial, tune_for
from helpers.inference.tuning import Decisions
from helpers.intervals import paired_bootstrap, score_table
from helpers.metrics import pixel_score_terms
from helpers.models.versions import AS_IT_IS

GATE = "gate of the classifier"
MEASURES = ("kaggle_dice", "defect_dice", "empty_accuracy")


@dataclass(frozen=True)
class ChainStep:
    """One step of the chain.

    Attributes:
        name: what was added.
        counted: `CountedTrial` that it decides.
        by_fold: dict of fold -> `Decisions`.
        ships: `Decisions` that would ship.
        counts: `PixelCounts` of the judging images.
    """

    name: str
    counted: CountedTrial
    by_fold: dict
    ships: Decisions
    counts: PixelCounts

    @property
    def judged(self):
        """`ThresholdCounts` of the judging images, of the version that was chosen for each."""
        return self.counted.judged_by(self.by_fold)

    @property
    def tuned(self):
        """`ThresholdCounts` of the images that decisions are tuned on, of the version that ships."""
        return self.counted.tuned[self.ships.version]

    @property
    def seconds(self):
        """Seconds that the networks for masks took for an image, as it would ship."""
        return self.counted.trial.seconds(self.ships.version)


def chain(counted, measure, *, stated=None):
    """Decide a trial in ever more ways, each added to those before.

    Args:
        counted: `CountedTrial`; mirror images, other sizes and holes are steps where it has them.
        measure: "kaggle_dice" or "defect_dice".
        stated: Series by image id of the probability of a defect that a classifier states of all its images; None
            leaves the gate out, which is the last step.

    Returns:
        List of `ChainStep`.
    """
    plain, classes = counted.only([AS_IT_IS]), counted.judged[AS_IT_IS].true.shape[1]
    usual = Decisions((0.5,) * classes, (0.0,) * classes)
    steps = [
        _step("threshold 0.5", plain, lambda counts: usual),
        _step("thresholds tuned", plain, tune_for(measure, sizes=(0.0,), fill=False)),
        _step("smallest masks", plain, tune_for(measure, fill=False)),
    ]
    if counted.fills:
        steps.append(_step("holes filled", plain, tune_for(measure)))
    at_its_size = [version for version in counted.versions if version.sizes == AS_IT_IS.sizes]
    if len(at_its_size) > 1:
        steps.append(_step("mirror images", counted.only(at_its_size), tune_for(measure)))
    if len(at_its_size) < len(counted.versions):
        steps.append(_step("other sizes", counted, tune_for(measure)))
    if stated is not None:
        steps.append(_step(GATE, counted.behind(stated), tune_for(measure)))
    return steps


def each_version(counted, measure):
    """Each version of the predictions by itself, whichever is chosen: list of `ChainStep`, tuned for a measure."""
    return [_step(version.name, counted.only([version]), tune_for(measure)) for version in counted.versions]


def averaging(trial, others, dataset, measure, fill=False):
    """A trial alone, and its mean with one more model each time, on the images that all of them judge.

    Args:
        trial: a `KeptTrial`.
        others: `KeptTrial`s to be averaged with it; all judged by the same images.
        dataset: a `Dataset`.
        measure: "kaggle_dice" or "defect_dice".
        fill: whether to try to fill holes.

    Returns:
        List of `ChainStep`.

    Raises:
        ValueError: the others are judged by different images, or by some that the trial has no prediction of.
    """
    trial = trial.on_images_of(others[0])
    together = [trial, *(trial.averaged(others[:number]) for number in range(1, len(others) + 1))]
    names = [f"{trial.name} alone", *(f"mean with {', '.join(other.name for other in others[:number])}"
                                      for number in range(1, len(others) + 1))]  # fmt: skip
    return [
        _step(name, each.count(dataset, fill), tune_for(measure)) for name, each in zip(names, together, strict=True)
    ]


def chain_table(steps, groups, against_first=False):
    """Scores of each step, its paired difference from the step before, and what it costs.

    Args:
        steps: list of `ChainStep`.
        groups: label of each judging image's group.
        against_first: give the difference from the first step instead.

    Returns:
        (table of texts, dict of step -> score -> Estimate; the differences are named `<measure>, gain`). The last
        column of the table, `ms an image`, is of the networks for masks alone.
    """
    estimates, before = {}, None
    for step in steps:
        scores = score_table(step.counts, groups)["all"]
        estimates[step.name] = {measure: scores[measure] for measure in MEASURES}
        terms = pixel_score_terms(step.counts)
        if before is not None:
            gains = {
                f"{measure}, gain": paired_bootstrap(terms[measure], before[measure], groups)
                for measure in MEASURES[:2]
            }
            estimates[step.name] |= gains
        if before is None or not against_first:
            before = terms
    table = estimate_texts(estimates).rename_axis("step").fillna("–")
    return table.assign(**{"ms an image": [f"{1000 * step.seconds:.0f}" for step in steps]}), estimates


def decide_again(run, dataset):
    """The step of the chain that ships, decided again from what 05_evaluation wrote of it.

    Args:
        run: the `Run`.
        dataset: its `Dataset`.

    Returns:
        `ChainStep`, named after the model.

    Raises:
        FileNotFoundError: there are no decisions or no predictions yet.
    """
    decided = read_json(run.need("tuning.json"))
    trial = KeptTrial.read(run.directory / "models" / decided["model"])
    counted = trial.count(dataset, decided["fill_holes"])
    if decided["classifier"]:
        split = pd.read_csv(run.need("split.csv"), dtype={"image_id": str, "combination": str})
        every = list(dict.fromkeys([*trial.judged["image_id"], *trial.tuned["image_id"]]))
        path = run.directory / "predictions" / f"{decided['classifier']}.csv"
        counted = counted.behind(read_gate(path, every, split))
    return _step(trial.name, counted, tune_for(decided["measure"]))


def look_at_image(step, dataset, image_id):
    """A judging image as it is, its true masks, and those that a step decides: three uint8 arrays, channels last."""
    _, masks = step.counted.decide_image(dataset, image_id, step.by_fold)
    return dataset.image(image_id), dataset.masks(image_id), masks


def _step(name, counted, choose):
    """Decide a counted trial in one way."""
    by_fold, ships = counted.decide(choose)
    return ChainStep(name, counted, by_fold, ships, counted.decided(by_fold))
