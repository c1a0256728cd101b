"""Trials on a holdout and by folds: nobody judges what they were trained or tuned on."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from helpers.data.augment import Augmentation
from helpers.data.split import make_split
from helpers.files import read_json
from helpers.inference.judging import Plan, decisions_table, judge_by_folds, judge_by_holdout
from helpers.inference.trials import versions_table
from helpers.inference.tuning import decided_counts, tune_decisions
from helpers.metrics import kaggle_dice
from helpers.models.build import build_model
from helpers.models.bundle import save_bundle
from helpers.models.recipes import Recipe
from helpers.models.train import Training
from helpers.models.versions import AS_IT_IS, candidates
from tiny_models import SHAPE, tiny_dataset

NETWORK = {"stem": 4, "widths": (8, 8), "depths": (0, 1)}
RECIPE = Recipe(
    "steel_unet", Training(loss={"bce": 1.0, "class_dice_loss": 1.0}, optimizer="adamw", learning_rate=0.01),
    NETWORK, batch_size=4, augmentation=Augmentation(),
)  # fmt: skip


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Fifteen images of 32 x 64 pixels."""
    return tiny_dataset(tmp_path_factory.mktemp("judging") / "tiny", 15)


@pytest.fixture(scope="module")
def plan(dataset, tmp_path_factory):
    """One epoch of a narrow network."""
    split = make_split(dataset.areas, 1)
    folder = tmp_path_factory.mktemp("plan")
    return Plan(RECIPE, NETWORK, dataset, split, SHAPE, 1, folder, 1, epochs=1)


@pytest.fixture(scope="module")
def folds(plan):
    """The trial by folds."""
    return judge_by_folds(plan)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"measure": "dice"}, "measure: got 'dice', expected one of: kaggle_dice, defect_dice"),
        (
            {"recipe": replace(RECIPE, training=replace(RECIPE.training, class_weights=(1.0, 2.0)))},
            "class_weights: got 2, expected 4. Give a number for each of: ",
        ),
    ],
)
def test_what_would_stop_a_training_at_its_end_stops_it_before(plan, changes, match):
    with pytest.raises(ValueError, match=match):
        replace(plan, **changes)


def test_weights_that_saw_the_images_that_judge_are_refused(plan, tmp_path):
    """Those of another data set are taken."""
    model = build_model("steel_unet", SHAPE, 4, **NETWORK)
    for data in ("of another set", plan.dataset.fingerprint):
        save_bundle(
            tmp_path / data, model, architecture="steel_unet", arguments=NETWORK, input_shape=SHAPE, channels=1,
            class_names=list("abcd"), thresholds=[0.5] * 4, training={"data": data}, scores={},
        )  # fmt: skip
    assert replace(plan, pretrained=str(tmp_path / "of another set")).pretrained
    with pytest.raises(ValueError, match="trained on this very data set, so that images that judge may have been seen"):
        replace(plan, pretrained=str(tmp_path / plan.dataset.fingerprint))


def test_judge_by_folds_scores_every_image_by_a_network_that_never_saw_it(plan, folds, tmp_path):
    """The networks differ, and the settings of each say what it was trained on."""
    assert sorted(folds.judged["image_id"]) == sorted(plan.split["image_id"])
    assert len(folds.counted.judged[AS_IT_IS].true) == len(plan.split)
    assert set(folds.models) == set(range(5))
    fold_of = plan.split.set_index("image_id")["fold"]
    assert (folds.judged.set_index("image_id")["fold"] == fold_of[folds.judged["image_id"]]).all()
    for place, row in enumerate(folds.judged.itertuples()):
        table = plan.split[plan.split["image_id"] == row.image_id]
        kept = plan.predict(folds.models[row.fold], [table], tmp_path)
        pooled = folds.counted.judged[AS_IT_IS]
        alone = plan.keep("folds", table, table, kept).count(plan.dataset)
        np.testing.assert_array_equal(alone.judged[AS_IT_IS].predicted[0], pooled.predicted[place])
    assert sorted(folds.settings["images"]) == sorted(plan.split["image_id"])
    assert folds.settings["watched"] == []


def test_judge_by_folds_tunes_without_the_fold(folds):
    """The decisions for a fold are those of the other folds; those that ship, of all."""
    for fold, decisions in folds.by_fold.items():
        others = folds.counted.judged[AS_IT_IS].take((folds.judged["fold"] != fold).to_numpy())
        assert decisions == tune_decisions(others)
    assert folds.decisions == tune_decisions(folds.counted.judged[AS_IT_IS])


def test_judge_gives_what_the_counts_say(dataset, folds):
    """Masks decided image by image, and pixels counted at once."""
    found = folds.judge(dataset)
    for place, row in enumerate(folds.judged.itertuples()):
        expected = decided_counts(folds.counted.judged[AS_IT_IS].take([place]), folds.by_fold[row.fold])
        for name in ("true", "predicted", "shared"):
            np.testing.assert_array_equal(getattr(found, name)[place], getattr(expected, name)[0])
    assert found.background is not None
    again = folds.tuned_counts("kaggle_dice")
    for name in ("true", "predicted", "shared"):
        np.testing.assert_array_equal(getattr(again, name), getattr(found, name))


def test_tuned_counts_of_another_measure_are_those_of_a_plan_for_it(plan, folds, dataset):
    """Each fold by decisions of the others; the trainings are the same ones."""
    other = judge_by_folds(Plan(**{**vars(plan), "measure": "defect_dice"}))
    expected = other.judge(dataset)
    found = folds.tuned_counts("defect_dice")
    for name in ("true", "predicted", "shared"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


def test_judge_by_folds_takes_finished_folds_up(plan, folds):
    """Nothing is trained again: the times are those of the first run."""
    again = judge_by_folds(plan)
    pd.testing.assert_frame_equal(again.history, folds.history)
    np.testing.assert_array_equal(again.counted.judged[AS_IT_IS].predicted, folds.counted.judged[AS_IT_IS].predicted)
    assert folds.history["fold"].tolist() == [0, 1, 2, 3, 4, "all"]


def test_judge_by_folds_by_minutes_measures_once_and_trains_all_alike(plan, tmp_path):
    """Also the one that ships, which has more images."""
    trial = judge_by_folds(Plan(**{**vars(plan), "folder": tmp_path, "epochs": 0, "minutes": 0.03}))
    assert [path.parent.name for path in tmp_path.rglob("budget.json")] == ["fold-0"]
    budget = read_json(tmp_path / "fold-0" / "budget.json")
    length = (budget["epochs"], budget["steps_per_epoch"])
    assert (trial.settings["epochs"], trial.settings["steps_per_epoch"]) == length
    assert set(trial.history.groupby("fold").size()) == {budget["epochs"]} and trial.history["fold"].nunique() == 6


def test_judge_by_folds_without_patience_alone(plan):
    patient = Recipe("steel_unet", Training(patience=3), NETWORK)
    with pytest.raises(ValueError, match="patience: got 3, expected 0 with folds"):
        judge_by_folds(Plan(**{**vars(plan), "recipe": patient}))


def test_judge_by_holdout_tunes_on_the_validation_part(plan, dataset, tmp_path):
    """And trains on neither."""
    trial = judge_by_holdout(Plan(**{**vars(plan), "folder": tmp_path, "measure": "defect_dice"}))
    parts = {part: set(table["image_id"]) for part, table in plan.split.groupby("split")}
    assert set(trial.settings["images"]) == parts["train"]
    assert set(trial.settings["watched"]) == parts["validation"]
    assert set(trial.judged["image_id"]) == parts["holdout"] and trial.part == "holdout"
    table = plan.split[plan.split["split"] == "validation"]
    kept = plan.predict(trial.model, [table], tmp_path / "again")
    validation = plan.keep("holdout", table, table, kept).count(dataset)
    assert trial.decisions == tune_decisions(validation.tuned[AS_IT_IS], "defect_dice")
    judged = trial.judge(dataset)
    assert len(judged) == len(parts["holdout"])
    np.testing.assert_array_equal(trial.tuned_counts("defect_dice").predicted, judged.predicted)
    table = decisions_table(trial, dataset.class_names)
    assert table.columns.tolist() == ["threshold, ships", "smallest mask, ships"]
    assert len(table) == dataset.num_classes


def test_plan_of_defects_only_trains_on_them_and_judges_all(plan):
    only = Plan(**{**vars(plan), "recipe": Recipe("steel_unet", defects_only=True)})
    clean = set(plan.split.loc[plan.split["combination"] == "none", "image_id"])
    assert clean and not clean & set(only.trained_on(plan.split))
    assert set(plan.trained_on(plan.split)) >= clean


def test_usual_counts_are_those_at_one_half(folds):
    usual = folds.usual_counts()
    counts = folds.counted.judged[AS_IT_IS]
    np.testing.assert_array_equal(usual.predicted, counts.predicted[..., counts.thresholds.index(0.5)])


def test_plan_of_other_sizes_needs_a_network_for_them(plan):
    """Before anything is trained."""
    for judge in (judge_by_folds, judge_by_holdout):
        with pytest.raises(ValueError, match="sizes: unet_paper is built for one size of image. Leave it out"):
            judge(Plan(**{**vars(plan), "recipe": Recipe("unet_paper"), "sizes": (1.0, 1.5)}))
        with pytest.raises(ValueError, match=r"sizes: got \[1.5\], expected 1, the network's own size"):
            judge(Plan(**{**vars(plan), "sizes": (1.5,)}))


def test_holdout_chooses_the_version_on_the_validation_part(plan, dataset, tmp_path):
    """Sizes, mirror images and holes: what is chosen is what scores best there, and judges the holdout."""
    changes = {"sizes": (1.0, 1.5), "mirrored": True, "fill_holes": True, "folder": tmp_path}
    trial = judge_by_holdout(Plan(**{**vars(plan), **changes}))
    assert trial.counted.versions == candidates((1.0, 1.5), mirrored=True)
    scores = {
        version: kaggle_dice(decided_counts(counts, tune_decisions(counts)))
        for version, counts in trial.counted.tuned.items()
    }
    chosen = trial.decisions.version
    assert scores[chosen] == max(scores.values())
    assert all(scores[version] < scores[chosen] for version in list(scores)[: list(scores).index(chosen)])
    expected = decided_counts(trial.counted.judged[chosen], trial.decisions)
    np.testing.assert_array_equal(trial.judge(dataset).predicted, expected.predicted)
    assert "holes filled, ships" in decisions_table(trial, dataset.class_names)
    table = versions_table(trial.counted, trial.by_fold, trial.decisions)
    assert table.index.tolist() == [version.name for version in trial.counted.versions]
    assert table.loc[chosen.name, ["chosen for folds", "ships"]].tolist() == ["1 of 1", "yes"]


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_plan_trains_in_a_precision_and_gives_a_whole_network(plan, tmp_path, precision):
    """And says in which; another precision is another training."""
    chosen = plan.split[plan.split["fold"] != 0]
    made = Plan(**{**vars(plan), "precision": precision})
    model, history, settings = made.train(chosen, plan.split.iloc[:0], tmp_path)
    assert settings["precision"] == precision and len(history) == 1
    assert model.get_layer("stem_conv").compute_dtype == "float32"
    again, same, _ = made.train(chosen, plan.split.iloc[:0], tmp_path)
    pd.testing.assert_frame_equal(same, history)
    for kept, weights in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(kept, weights)
