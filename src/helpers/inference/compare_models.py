"""The models of a run side by side, on the images that both judge."""

import pandas as pd

from helpers.classification import sheet_terms
from helpers.components import ComponentCounts, component_counts, component_score_terms
from helpers.intervals import interval_table, paired_bootstrap, score_table
from helpers.metrics import pixel_score_terms
from helpers.results import format_estimate

SHOWN = (
    "kaggle_dice",
    "all_empty_dice",
    "above_floor",
    "defect_dice",
    "defect_dice_class_mean",
    "empty_accuracy",
    "miou",
)


def models_table(judged):
    """All scores of each model.

    Args:
        judged: dict of model -> (`KeptTrial`, `PixelCounts` of its judging images).

    Returns:
        (table of texts with a row for each model, dict of model -> score -> Estimate).
    """
    estimates, texts = {}, {}
    for name, (trial, counts) in judged.items():
        estimates[name] = score_table(counts, trial.judged["group"])["all"]
        texts[name] = {"judged on": f"{trial.part}, {len(counts)} images"}
        texts[name] |= {score: format_estimate(*estimates[name][score]) for score in SHOWN}
    return pd.DataFrame(texts).T.rename_axis("model"), estimates


def count_components(counted, by_fold, dataset):
    """Components of the judging images: `ComponentCounts`, in the order of `counted.trial.judged`.

    Args:
        counted: `helpers.inference.trials.CountedTrial`.
        by_fold: dict of fold -> `Decisions`.
        dataset: a `Dataset`.
    """
    return ComponentCounts.concatenate(
        component_counts(dataset.masks(image_id), counted.decide_image(dataset, image_id, by_fold)[1])
        for image_id in counted.trial.judged["image_id"]
    )


def sheets_table(judged, components):
    """What a mill asks of each model: sheets that pass or are rejected, and defects that are found or made up.

    Args:
        judged: as for `models_table`.
        components: dict of model -> `ComponentCounts` of the same images.

    Returns:
        (table of texts with a row for each model, dict of model -> score -> Estimate).
    """
    estimates, texts = {}, {}
    for name, (trial, counts) in judged.items():
        terms = sheet_terms(counts.true.any(axis=1), counts.predicted.any(axis=1))
        terms |= component_score_terms(components[name])
        estimates[name] = interval_table(terms, trial.judged["group"])
        texts[name] = {"judged on": f"{trial.part}, {len(counts)} images"}
        texts[name] |= {score: format_estimate(*estimate) for score, estimate in estimates[name].items()}
    return pd.DataFrame(texts).T.rename_axis("model"), estimates


def paired_table(judged, main, measures=("kaggle_dice", "defect_dice")):
    """How much better or worse each model is than the main one, on the images that judge both.

    Args:
        judged: as for `models_table`.
        main: name of the model that the others are compared with.
        measures: scores to compare.

    Returns:
        (table of texts, dict of model -> measure -> Estimate of its score less the main one's). A model that shares no
        judging image with the main one is left out.
    """
    trial, counts = judged[main]
    place = pd.Series(range(len(counts)), index=trial.judged["image_id"])
    estimates, texts = {}, {}
    for name, (other, theirs) in judged.items():
        common = other.judged["image_id"].isin(place.index).to_numpy()
        if name == main or not common.any():
            continue
        ours = counts.take(place[other.judged.loc[common, "image_id"]].to_numpy())
        terms, usual = pixel_score_terms(theirs.take(common)), pixel_score_terms(ours)
        groups = other.judged.loc[common, "group"]
        estimates[name] = {measure: paired_bootstrap(terms[measure], usual[measure], groups) for measure in measures}
        texts[name] = {"images": f"{common.sum():,}"}
        for measure, estimate in estimates[name].items():
            texts[name][f"{measure}, difference"] = format_estimate(*estimate)
            texts[name][f"{measure}, verdict"] = _verdict(estimate)
    return pd.DataFrame(texts).T.rename_axis("model"), estimates


def _verdict(estimate):
    """What an interval of a difference says, in a word or two."""
    if estimate.low > 0:
        return "better"
    return "worse" if estimate.high < 0 else "not told apart"
