"""Which scores a report shows first, which models have them, and which images they are of."""

import re

from helpers.results import decided_model

MAIN_SCORES = ("kaggle_dice", "all_empty_dice", "above_floor", "defect_dice", "empty_accuracy")
ANSWER_SCORES = (
    "auc", "average_precision", "at_0_5_accuracy", "at_0_5_f1", "at_0_5_sheets_passed", "at_0_5_sheets_rejected"
)  # fmt: skip
SEGMENTED, CLASSIFIED = ("04_segmentation", "kaggle_dice"), ("03_classifier", "auc")
SPLITS = {"holdout": "the holdout", "folds": "all images, each predicted by a network that never saw it (folds)"}


def scored_models(results, scored=SEGMENTED):
    """Names of the models that have scores, in the order of their training.

    Args:
        results: records of a run.
        scored: (notebook, score) that such a model has.
    """
    notebook, score = scored
    names = (re.fullmatch(rf"{notebook}\.([^.]+)\.{score}", name) for name in results)
    return [found[1] for found in names if found]


def main_model(results):
    """The model that a report shows first: `decided_model` of those that have scores; None without any."""
    return decided_model(results, scored_models(results))


def headline(results, model, score):
    """The name of the record of a main model's score: after the last step of 05_evaluation, where that was run."""
    evaluated = f"05_evaluation.{score}"
    return evaluated if evaluated in results else f"04_segmentation.{model}.{score}"


def judged_on(results):
    """Which images the models' scores are of, in words."""
    splits = {results[f"04_segmentation.{model}.kaggle_dice"]["split"] for model in scored_models(results)}
    return " and ".join(SPLITS.get(split, split) for split in sorted(splits)) or "no images yet"
