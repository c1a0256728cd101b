"""The whole chain step by step: what each decision after the network adds, judged as the network is."""

from dataclasses import dataclass

import pandas as pd

from helpers.counts import PixelCounts
from helpers.files import read_json
from helpers.inference.classify import read_gate
from helpers.inference.evaluate import estimate_texts
from helpers.inference.trials import JOINED, CountedTrial, KeptTrial, tune_for
from helpers.inference.tuning import Decisions
from helpers.intervals import paired_bootstrap, score_table
from helpers.metrics import pixel_score_terms

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


def chain(trial, dataset, measure, *, stated=None, others=()):
    """Decide a trial in ever more ways, each added to those before.

    Args:
        trial: a `KeptTrial`.
        dataset: a `Dataset`.
        measure: "kaggle_dice" or "defect_dice".
        stated: Series by image id of the probability of a defect that a classifier states of all its images; None
            leaves the gate out, which is the last step.
        others: `KeptTrial`s to be averaged with it.

    Returns:
        List of `ChainStep`.
    """
    plain, classes = trial.count(dataset, 0), dataset.num_classes
    usual = Decisions((0.5,) * classes, (0.0,) * classes)
    steps = [
        _step("threshold 0.5", plain, lambda counts: usual),
        _step("thresholds tuned", plain, tune_for(measure, sizes=(0.0,))),
        _step("smallest masks", plain, tune_for(measure)),
    ]
    counted = plain
    if trial.mirrored:
        counted = trial.count(dataset)
        steps.append(_step("mirror images", counted, tune_for(measure)))
    if others:
        counted = trial.averaged(others).count(dataset)
        steps.append(_step(f"mean with {', '.join(other.name for other in others)}", counted, tune_for(measure)))
    if stated is not None:
        steps.append(_step(GATE, counted.behind(stated), tune_for(measure)))
    return steps


def chain_table(steps, groups):
    """Scores of each step, and its paired difference from the step before.

    Args:
        steps: list of `ChainStep`.
        groups: label of each judging image's group.

    Returns:
        (table of texts, dict of step -> score -> Estimate; the differences are named `<measure>, gain`).
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
        before = terms
    return estimate_texts(estimates).rename_axis("step").fillna("–"), estimates


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
    first, *others = (KeptTrial.read(run.directory / "models" / name) for name in decided["model"].split(JOINED))
    trial = first.averaged(others) if others else first
    counted = trial.count(dataset)
    if decided["classifier"]:
        split = pd.read_csv(run.need("split.csv"), dtype={"image_id": str, "combination": str})
        every = list(dict.fromkeys([*trial.judged["image_id"], *trial.tuned["image_id"]]))
        path = run.directory / "predictions" / f"{decided['classifier']}.csv"
        counted = counted.behind(read_gate(path, every, split))
    return _step(trial.name, counted, tune_for(decided["measure"]))


def look_at_image(step, dataset, image_id):
    """A judging image as it is, its true masks, and those that a step decides: three uint8 arrays, channels last."""
    return dataset.image(image_id), dataset.masks(image_id), step.counted.masks(dataset, image_id, step.by_fold)


def _step(name, counted, choose):
    """Decide a counted trial in one way."""
    by_fold, ships = counted.decide(choose)
    return ChainStep(name, counted, by_fold, ships, counted.decided(by_fold))
