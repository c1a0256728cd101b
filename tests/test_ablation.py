"""One change at a time."""

import math
from dataclasses import fields, replace

import pytest

from helpers.data.augment import Augmentation
from helpers.data.split import make_split
from helpers.inference.ablation import (
    AT_RANDOM,
    FULL,
    OTHER_SEED,
    RANDOM_SPLIT,
    ablate,
    ablation_table,
    recipe_changes,
)
from helpers.inference.judging import Plan
from helpers.metrics import defect_dice, kaggle_dice
from helpers.models.build import build_model
from helpers.models.bundle import save_bundle
from helpers.models.recipes import Recipe, find_recipe
from helpers.models.train import Training
from helpers.series.profiles import ABLATIONS
from tiny_models import SHAPE, tiny_dataset

NETWORK = {"stem": 4, "widths": (8, 8), "depths": (0, 1)}
TINY = Recipe(
    "steel_unet", Training(optimizer="adamw", weight_decay=0.01), NETWORK, lift=0.5, augmentation=Augmentation()
)


def test_recipe_changes_are_one_change_each():
    """Of our own recipe: each differs from it in one setting, and in no other."""
    recipe = find_recipe("steel_unet")
    changes = recipe_changes(recipe)
    assert len(changes) == 7
    differing = {}
    for name, changed in changes.items():
        different = [
            field.name for field in fields(recipe) if getattr(changed, field.name) != getattr(recipe, field.name)
        ]
        assert len(different) == 1, name
        differing[name] = different[0]
    assert differing["no augmentation"] == "augmentation" and differing["no defect-free images"] == "defects_only"
    assert differing["whole size from the first step, which takes longer"] == "coarse_share"
    assert changes["no weight decay"].training.weight_decay == 0
    adamw = changes["AdamW instead of Muon"].training
    assert (adamw.optimizer, adamw.learning_rate) == ("adamw", pytest.approx(1.5e-3))
    assert changes["focal Tversky instead of cross-entropy and Dice"].training.loss == {"focal_tversky": 1.0}


def test_recipe_changes_leave_out_what_changes_nothing():
    """A recipe without augmentation, weight decay and lifting has two changes."""
    assert list(recipe_changes(Recipe("unet_paper"))) == [
        "focal Tversky instead of cross-entropy and Dice", "no defect-free images"
    ]  # fmt: skip
    assert "no defect-free images" not in recipe_changes(Recipe("unet_paper"), has_clean=False)


@pytest.fixture(scope="module")
def trials(tmp_path_factory):
    """Fifteen images, one epoch each, begun with the weights of a bundle."""
    dataset = tiny_dataset(tmp_path_factory.mktemp("ablation") / "tiny", 15)
    split = make_split(dataset.areas, 1)
    folder = tmp_path_factory.mktemp("made_up") / "narrow"
    model = build_model("steel_unet", SHAPE, 4, **NETWORK)
    about = {"architecture": "steel_unet", "arguments": NETWORK, "input_shape": SHAPE, "channels": 1}
    save_bundle(folder, model, **about, class_names=list("abcd"), thresholds=[0.5] * 4, training={}, scores={})
    plan = Plan(TINY, NETWORK, dataset, split, SHAPE, 1, tmp_path_factory.mktemp("plan"), 1, epochs=1)
    return ablate(replace(plan, pretrained=str(folder)))


def test_ablate_trains_each_change_on_the_same_images(trials):
    """But for the split at random, and for the one without defect-free images."""
    full = trials[FULL]
    for name, trial in trials.items():
        if name != RANDOM_SPLIT:
            assert trial.judged["image_id"].tolist() == full.judged["image_id"].tolist()
    assert trials["no augmentation"].settings["images"] == full.settings["images"]
    assert trials["no augmentation"].settings["augmentation"] is None
    assert set(trials["no defect-free images"].settings["images"]) < set(full.settings["images"])
    for trial in trials.values():
        assert trial.settings["steps_per_epoch"] == full.settings["steps_per_epoch"]
    assert trials[OTHER_SEED].settings["seed"] == full.settings["seed"] + 1
    assert set(trials[RANDOM_SPLIT].judged["image_id"]) != set(full.judged["image_id"])
    beginnings = {name: bool(trial.settings["beginning"]["pretrained"]) for name, trial in trials.items()}
    assert beginnings == {name: name != AT_RANDOM for name in trials}
    assert trials[AT_RANDOM].settings["images"] == full.settings["images"]


def test_a_profile_counts_as_many_trainings_as_there_are(trials):
    """Of our own recipe, which has each of the changes."""
    of_its_own = len(recipe_changes(find_recipe("steel_unet"))) - len(recipe_changes(TINY))
    assert len(trials) + of_its_own == ABLATIONS + 1  # one begins at random


def test_ablation_table_gives_paired_differences(trials):
    table, differences = ablation_table(trials)
    assert list(table.index) == list(trials)
    assert FULL not in differences and RANDOM_SPLIT not in differences
    for name, estimates in differences.items():
        for measure, estimate in estimates.items():
            scores = [float(table.loc[row, measure].split()[0]) for row in (name, FULL)]
            assert estimate.value == pytest.approx(scores[0] - scores[1], abs=0.0011)
            assert estimate.low <= estimate.value <= estimate.high
    assert isinstance(table.loc[RANDOM_SPLIT, "defect_dice, difference"], float)
    assert math.isnan(table.loc[RANDOM_SPLIT, "defect_dice, difference"])


def test_ablation_table_judges_by_decisions_tuned_for_each_measure(trials):
    """Not by those of the plan, which are tuned for the competition's measure and may believe nothing."""
    table, _ = ablation_table(trials)
    for name, trial in trials.items():
        tuned = [kaggle_dice(trial.tuned_counts("kaggle_dice")), defect_dice(trial.tuned_counts("defect_dice"))]
        shown = [float(table.loc[name, measure].split()[0]) for measure in ("kaggle_dice", "defect_dice")]
        assert shown == pytest.approx(tuned, abs=0.0006)
