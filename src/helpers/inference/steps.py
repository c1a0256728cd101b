"""The whole chain step by step: what each decision after the network adds, judged as the network is."""

from dataclasses import dataclass

from helpers.counts import PixelCounts
from helpers.inference.evaluate import estimate_texts
from helpers.inference.trials import CountedTrial, tune_for
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


def chain(trial, dataset, measure, *, stated=None, others=(), fill=False):
    """Decide a trial in ever more ways, each added to those before.

    Args:
        trial: a `KeptTrial`.
        dataset: a `Dataset`.
        measure: "kaggle_dice" or "defect_dice".
        stated: Series by image id of the probability of a defect that a classifier states of all its images; None
            leaves the gate out, which is the last step.
        others: `KeptTrial`s to be averaged with it.
        fill: whether to try to fill holes.

    Returns:
        List of `ChainStep`.
    """
    plain, classes = trial.count(dataset, 0, fill), dataset.num_classes
    usual = Decisions((0.5,) * classes, (0.0,) * classes)
    steps = [
        _step("threshold 0.5", plain, lambda counts: usual),
        _step("thresholds tuned", plain, tune_for(measure, sizes=(0.0,), fill=False)),
        _step("smallest masks", plain, tune_for(measure, fill=False)),
    ]
    if fill:
        steps.append(_step("holes filled", plain, tune_for(measure)))
    counted = plain
    if trial.mirrored:
        counted = trial.count(dataset, fill=fill)
        steps.append(_step("mirror images", counted, tune_for(measure)))
    if others:
        counted = trial.averaged(others).count(dataset, fill=fill)
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


def _step(name, counted, choose):
    """Decide a counted trial in one way."""
    by_fold, ships = counted.decide(choose)
    return ChainStep(name, counted, by_fold, ships, counted.decided(by_fold))
