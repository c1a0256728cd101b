"""What each part of a recipe is worth: one change at a time, all else the same."""

from dataclasses import replace

import pandas as pd
from tqdm import tqdm

from helpers.data.split import random_parts
from helpers.inference.judging import judge_by_holdout
from helpers.intervals import interval_table, paired_bootstrap
from helpers.metrics import pixel_score_terms
from helpers.models.muon import ADAMW_SHARE
from helpers.results import format_estimate

FULL = "the full recipe"
OTHER_SEED = "nothing but the seed"
RANDOM_SPLIT = "split at random, neither stratified nor by group"
AT_RANDOM = "begun at random, without pre-training"
MEASURES = ("defect_dice", "kaggle_dice")


def recipe_changes(recipe, has_clean=True):
    """Copies of a recipe with one change each.

    Args:
        recipe: a `Recipe`.
        has_clean: whether there are images without a defect to leave out.

    Returns:
        dict of what is changed -> `Recipe`. A change that would change nothing is left out.
    """
    training = recipe.training
    adamw = replace(training, optimizer="adamw", learning_rate=ADAMW_SHARE * training.learning_rate)
    changed = {
        "no augmentation": replace(recipe, augmentation=None),
        "focal Tversky instead of cross-entropy and Dice": replace(
            recipe, training=replace(training, loss={"focal_tversky": 1.0})
        ),
        "AdamW instead of Muon": replace(recipe, training=adamw if training.optimizer == "muon" else training),
        "whole size from the first step, which takes longer": replace(recipe, coarse_share=0.0),
        "no weight decay": replace(recipe, training=replace(training, weight_decay=0.0)),
        "no lifting of rare classes": replace(recipe, lift=0.0),
        "no defect-free images": replace(recipe, defects_only=recipe.defects_only or has_clean),
    }
    return {name: each for name, each in changed.items() if each != recipe}


def ablate(plan):
    """Train and judge a plan, and then with one change each, every time in as many steps as the first one took.

    Args:
        plan: a `Plan`. Where it begins with the weights of a bundle, beginning at random is one of the changes; the
            steps that the bundle was trained for are not counted.

    Returns:
        dict of what is changed -> `Trial`: the full recipe, once more from another seed, each change, and a split at
        random, which judges on other images.
    """
    full = judge_by_holdout(replace(plan, folder=plan.folder / "full"))
    length = {name: full.settings[name] for name in ("epochs", "steps_per_epoch")}
    plan = replace(plan, minutes=0.0, **length)
    plans = {OTHER_SEED: replace(plan, seed=plan.seed + 1)}
    changes = recipe_changes(plan.recipe, has_clean=(plan.split["combination"] == "none").any())
    plans |= {name: replace(plan, recipe=recipe) for name, recipe in changes.items()}
    if plan.pretrained:
        plans[AT_RANDOM] = replace(plan, pretrained="")
    parts = random_parts(plan.split["image_id"], plan.seed)
    plans[RANDOM_SPLIT] = replace(plan, split=plan.split.assign(split=plan.split["image_id"].map(parts)))
    trials = {FULL: full}
    for number, (name, each) in enumerate(tqdm(plans.items(), desc="One change each", unit="training")):
        trials[name] = judge_by_holdout(replace(each, folder=plan.folder / f"change-{number}"))
    return trials


def ablation_table(trials):
    """Scores of each trial, each by the decisions that are tuned for it, and their paired differences from the full's.

    Args:
        trials: dict of `ablate`.

    Returns:
        (table of texts with a row for each change, dict of change -> measure -> Estimate of the difference); a trial
        that is judged on other images has none.
    """
    terms = {name: _terms(trial) for name, trial in trials.items()}
    ids = trials[FULL].judged["image_id"].tolist()
    rows, differences = {}, {}
    for name, trial in trials.items():
        groups = trial.judged["group"]
        estimates = interval_table(terms[name], groups)
        rows[name] = {measure: format_estimate(*estimates[measure]) for measure in MEASURES}
        if name == FULL or trial.judged["image_id"].tolist() != ids:
            continue
        differences[name] = {
            measure: paired_bootstrap(terms[name][measure], terms[FULL][measure], groups) for measure in MEASURES
        }
        rows[name] |= {f"{measure}, difference": format_estimate(*differences[name][measure]) for measure in MEASURES}
    return pd.DataFrame(rows).T.rename_axis("change"), differences


def _terms(trial):
    """`ScoreTerms` of each measure, by the decisions that are tuned for it."""
    return {measure: pixel_score_terms(trial.tuned_counts(measure))[measure] for measure in MEASURES}
