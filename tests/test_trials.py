"""Kept trials: decided and judged anew, as when they were made."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from helpers.components import component_counts
from helpers.counts import PixelCounts
from helpers.data.augment import Augmentation
from helpers.data.split import make_split
from helpers.files import write_json
from helpers.inference.compare_models import count_components, models_table, paired_table, sheets_table
from helpers.inference.judging import Plan, judge_by_folds, judge_by_holdout
from helpers.inference.mistaken import (
    look_at_images,
    missed_and_invented,
    mix_ups,
    sheet_scores,
    size_effect,
    telling_images,
    worst_images,
)
from helpers.inference.steps import (
    averaging,
    chain,
    chain_table,
    decide_again,
    each_version,
    look_at_image,
)
from helpers.inference.threshold_counts import THRESHOLDS
from helpers.inference.trials import KeptTrial, tune_for, write_trial
from helpers.inference.tuning import NEVER, Decisions, decided_counts
from helpers.metrics import kaggle_dice
from helpers.models.recipes import Recipe
from helpers.models.train import Training
from helpers.models.versions import AS_IT_IS, Version
from tiny_models import SHAPE, tiny_dataset

NETWORK = {"stem": 4, "widths": (8, 8), "depths": (0, 1)}
RECIPE = Recipe(
    "steel_unet", Training(loss={"bce": 1.0}, learning_rate=0.01), NETWORK, batch_size=4, augmentation=Augmentation()
)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return tiny_dataset(tmp_path_factory.mktemp("trials") / "tiny", 15)


@pytest.fixture(scope="module")
def split(dataset):
    return make_split(dataset.areas, 1)


@pytest.fixture(scope="module")
def made(dataset, split, tmp_path_factory):
    """Two trials in their folders, by folds and by the holdout: dict of name -> (Trial, KeptTrial)."""
    root, found = tmp_path_factory.mktemp("models"), {}
    for name, judge, mirrored in (("by_folds", judge_by_folds, True), ("by_holdout", judge_by_holdout, True),
                                  ("other", judge_by_holdout, False)):  # fmt: skip
        plan = Plan(RECIPE, NETWORK, dataset, split, SHAPE, 1, root / name, len(name), epochs=1, mirrored=mirrored)
        trial = judge(plan)
        write_trial(root / name, trial.kept)
        found[name] = trial, KeptTrial.read(root / name)
    return found


@pytest.mark.parametrize("name", ["by_folds", "by_holdout"])
def test_kept_trial_is_judged_as_it_was(made, dataset, name):
    """The same decisions, and the same pixels."""
    trial, kept = made[name]
    counted = kept.count(dataset)
    by_fold, ships = counted.decide(tune_for("kaggle_dice"))
    assert by_fold == trial.by_fold and ships == trial.decisions
    for version, counts in counted.judged.items():
        np.testing.assert_array_equal(counts.predicted, trial.counted.judged[version].predicted)
    judged = trial.judge(dataset)
    for field in ("true", "predicted", "shared"):
        np.testing.assert_array_equal(getattr(counted.decided(by_fold), field), getattr(judged, field))


def test_masks_are_those_that_were_counted(made, dataset):
    """Also behind a gate that rejects."""
    _, kept = made["by_folds"]
    stated = pd.Series(np.linspace(0, 1, 15), index=sorted(kept.judged["image_id"]))
    counted = kept.count(dataset).behind(stated)
    classes = dataset.num_classes
    by_fold = {fold: Decisions((0.3,) * classes, (0.001,) * classes, (0.5,) * classes, (NEVER,) * classes)
               for fold in range(5)}  # fmt: skip
    counts = counted.decided(by_fold)
    for row, image_id in enumerate(kept.judged["image_id"]):
        _, masks = counted.decide_image(dataset, image_id, by_fold)
        np.testing.assert_array_equal(masks.sum(axis=(0, 1)), counts.predicted[row])
        assert stated[image_id] >= 0.5 or not masks.any()
    assert counts.predicted.any()


def test_read_trial_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="Run 04_segmentation with that model first"):
        KeptTrial.read(tmp_path)


def test_averaged_trial_is_the_mean(made, dataset):
    _, first = made["by_holdout"]
    _, second = made["other"]
    both = first.averaged([second])
    assert both.name == "by_holdout + other" and both.versions == first.versions
    image_id = first.judged["image_id"].iloc[0]
    expected = (first.probabilities(dataset, image_id) + second.probabilities(dataset, image_id)) / 2
    np.testing.assert_allclose(both.probabilities(dataset, image_id), expected, atol=1e-6)
    assert both.seconds() == pytest.approx(first.seconds() + second.seconds()) and second.seconds() > 0
    mirrored = Version(mirrored=True)  # which the second has not: it goes in as it is
    expected = (first.probabilities(dataset, image_id, mirrored) + second.probabilities(dataset, image_id)) / 2
    np.testing.assert_allclose(both.probabilities(dataset, image_id, mirrored), expected, atol=1e-6)
    with pytest.raises(ValueError, match="other is judged or tuned on other images than by_folds"):
        made["by_folds"][1].averaged([second])


def test_chain_adds_one_step_after_the_other(made, dataset):
    """The last step without gate and average is what the trial itself gives; gains add up."""
    trial, kept = made["by_holdout"]
    steps = chain(kept.count(dataset, fill=True), "kaggle_dice")
    assert [step.name for step in steps] == [
        "threshold 0.5", "thresholds tuned", "smallest masks", "holes filled", "mirror images"
    ]  # fmt: skip
    without = chain(kept.count(dataset), "kaggle_dice")
    np.testing.assert_array_equal(without[-1].counts.predicted, trial.judge(dataset).predicted)
    assert all(size == 0 for size in steps[1].ships.smallest)
    table, estimates = chain_table(steps, kept.judged["group"])
    gains = sum(estimates[step.name]["kaggle_dice, gain"].value for step in steps[1:])
    first, last = (estimates[name]["kaggle_dice"].value for name in (steps[0].name, steps[-1].name))
    assert last - first == pytest.approx(gains)
    assert table.loc["threshold 0.5", "kaggle_dice, gain"] == "–"


def test_chain_with_gate(made, dataset):
    """A classifier that knows the answer never makes it worse where it was tuned."""
    _, kept = made["by_holdout"]
    every = [*kept.judged["image_id"], *kept.tuned["image_id"]]
    stated = (dataset.areas.loc[every] > 0).any(axis=1).astype(float)
    steps = chain(kept.count(dataset), "kaggle_dice", stated=stated)
    assert [step.name for step in steps][3:] == ["mirror images", "gate of the classifier"]
    before, after = (kaggle_dice(decided_counts(step.tuned, step.ships)) for step in steps[3:])
    assert after >= before


@pytest.mark.parametrize(
    ("model", "measure", "fill"), [("by_folds", "kaggle_dice", True), ("by_holdout", "defect_dice", False)]
)
def test_decide_again_is_the_last_step_of_the_chain(made, dataset, tmp_path, model, measure, fill):
    _, kept = made[model]
    (tmp_path / "models").symlink_to(made["by_holdout"][1].kept[0].paths[0].parents[1], target_is_directory=True)
    write_json(tmp_path / "tuning.json", {"model": model, "measure": measure, "classifier": "", "fill_holes": fill})
    run = SimpleNamespace(directory=tmp_path, need=lambda name: tmp_path / name)
    expected, step = chain(kept.count(dataset, fill), measure)[-1], decide_again(run, dataset)
    assert step.name == model and step.by_fold == expected.by_fold and step.ships == expected.ships
    np.testing.assert_array_equal(step.counts.predicted, expected.counts.predicted)
    image_id = kept.judged["image_id"].iloc[0]
    image, true, found = look_at_image(step, dataset, image_id)
    assert image.shape[:2] == true.shape[:2] == found.shape[:2] == dataset.shape
    np.testing.assert_array_equal(true.sum(axis=(0, 1)), step.counts.true[0])
    np.testing.assert_array_equal(found.sum(axis=(0, 1)), step.counts.predicted[0])


def test_decide_again_asks_the_gate_that_ships(made, dataset, split, tmp_path, monkeypatch):
    """A gate that takes every sheet for clean, and believes no mask there where that was best."""
    _, kept = made["by_holdout"]
    (tmp_path / "models").symlink_to(kept.kept[0].paths[0].parents[1], target_is_directory=True)
    split.to_csv(tmp_path / "split.csv", index=False)
    write_json(
        tmp_path / "tuning.json",
        {"model": "by_holdout", "measure": "kaggle_dice", "classifier": "gate", "fill_holes": False},
    )
    every = [*kept.judged["image_id"], *kept.tuned["image_id"]]
    stated = (dataset.areas.loc[every] > 0).any(axis=1).astype(float)
    asked = []
    monkeypatch.setattr(
        "helpers.inference.steps.read_gate", lambda path, ids, split: asked.append((path.name, set(ids))) or stated
    )
    run = SimpleNamespace(directory=tmp_path, need=lambda name: tmp_path / name)
    step, expected = decide_again(run, dataset), chain(kept.count(dataset), "kaggle_dice", stated=stated)[-1]
    assert asked == [("gate.csv", set(every))]
    assert step.by_fold == expected.by_fold and step.ships.gates
    np.testing.assert_array_equal(step.counts.predicted, expected.counts.predicted)


def test_missed_and_invented_are_of_one_class_each():
    """Image a misses 6 of one class and 2 of the other; b invents 5 where nothing is; c is right."""
    counts = PixelCounts([[10, 4], [3, 0], [7, 0]], [[4, 2], [3, 5], [7, 0]], [[4, 2], [3, 0], [7, 0]])
    missed, invented = missed_and_invented(counts)
    assert missed.tolist() == [6, 0, 0] and invented.tolist() == [0, 5, 0]
    assert worst_images(counts, ["a", "b", "c"]) == {"missed": "a", "invented": "b"}
    assert worst_images(counts.take([2]), ["c"]) == {}


def test_size_effect_compares_quarters():
    """Eight images: the two smallest defects are missed, the two largest found, of the others the half."""
    true = np.array([[10], [20], [30], [40], [50], [60], [70], [80]])
    shared = np.array([[0], [0], [15], [20], [25], [30], [70], [80]])
    counts = PixelCounts(true, shared + (true - shared) // 2, shared)
    effect = size_effect(counts, np.full(8, 1000), np.arange(8))
    assert effect["dice_of_large"].value == 1 and effect["dice_of_small"].value == 0
    assert effect["large_less_small"].value == 1 and effect["large_less_small"].low > 0
    assert size_effect(counts.take(np.arange(7)), np.full(7, 1000), np.arange(7)) == {}


def test_size_effect_goes_by_the_share_of_the_image():
    """The most pixels are on the largest image, where they are the smallest share."""
    true = np.array([[10], [10], [10], [10], [10], [10], [10], [80]])
    counts = PixelCounts(true, np.where(true == 80, 0, true), np.where(true == 80, 0, true))
    effect = size_effect(counts, np.array([100, 200, 300, 400, 500, 600, 700, 100_000]), np.arange(8))
    assert effect["dice_of_small"].value == 0.5 and effect["dice_of_large"].value == 1


def test_each_version_is_decided_by_itself(made, dataset):
    """Gains are over the image as it is, and mirror images take longer."""
    _, kept = made["by_folds"]
    steps = each_version(kept.count(dataset), "kaggle_dice")
    assert [step.name for step in steps] == ["as it is", "mirrored"]
    assert all(step.ships.version.name == step.name for step in steps)
    table, estimates = chain_table(steps, kept.judged["group"], against_first=True)
    first, second = (kaggle_dice(step.counts) for step in steps)
    assert estimates["mirrored"]["kaggle_dice, gain"].value == pytest.approx(second - first)
    assert steps[1].seconds > steps[0].seconds > 0
    assert table["ms an image"].tolist() == [f"{1000 * step.seconds:.0f}" for step in steps]


def test_decide_once_tunes_the_image_as_it_is(made, dataset):
    """On all images that decisions are tuned on, whatever else was counted."""
    counted = made["by_folds"][1].count(dataset).only([AS_IT_IS, Version(mirrored=True)])
    _, ships = counted.only([AS_IT_IS]).decide(tune_for("defect_dice"))
    once = counted.decide_once(tune_for("defect_dice"))
    assert once == ships and once.version == AS_IT_IS
    _, by_mean = counted.only([Version(mirrored=True)]).decide(tune_for("defect_dice"))
    assert replace(by_mean, version=AS_IT_IS) != once


def test_averaging_is_judged_on_the_images_of_all(made, dataset):
    """One judged by folds meets two judged by the holdout on the holdout, tuned on the validation part."""
    others = [made["by_holdout"][1], made["other"][1]]
    steps = averaging(made["by_folds"][1], others, dataset, "kaggle_dice")
    assert [step.name for step in steps] == ["by_folds alone", "mean with by_holdout", "mean with by_holdout, other"]
    for step in steps:
        assert step.counted.trial.judged["image_id"].tolist() == others[0].judged["image_id"].tolist()
        assert step.counted.trial.tuned["image_id"].tolist() == others[0].tuned["image_id"].tolist()
    _, estimates = chain_table(steps, others[0].judged["group"], against_first=True)
    first, last = (kaggle_dice(steps[number].counts) for number in (0, 2))
    assert estimates[steps[2].name]["kaggle_dice, gain"].value == pytest.approx(last - first)
    with pytest.raises(ValueError, match="by_holdout has no prediction of '.*', which by_folds has"):
        averaging(others[0], [made["by_folds"][1]], dataset, "kaggle_dice")


def test_models_and_pairs(made, dataset):
    """A model by folds and one by the holdout meet on the holdout's images."""
    judged = {}
    for name in ("by_folds", "by_holdout", "other"):
        counted = made[name][1].count(dataset)
        judged[name] = made[name][1], counted.decided(counted.decide(tune_for("kaggle_dice"))[0])
    table, estimates = models_table(judged)
    assert table.loc["by_folds", "judged on"] == "folds, 15 images"
    assert estimates["other"]["kaggle_dice"].value == pytest.approx(kaggle_dice(judged["other"][1]))
    pairs, differences = paired_table(judged, "by_folds")
    assert set(differences) == {"by_holdout", "other"}
    trial, counts = judged["by_folds"]
    common = trial.judged["image_id"].isin(judged["other"][0].judged["image_id"]).to_numpy()
    expected = kaggle_dice(judged["other"][1]) - kaggle_dice(counts.take(common))
    assert differences["other"]["kaggle_dice"].value == pytest.approx(expected)
    assert pairs.loc["other", "images"] == str(common.sum())
    same, _ = paired_table({"a": judged["other"], "b": judged["other"]}, "a")
    assert same.loc["b", "kaggle_dice, verdict"] == "not told apart"


def test_what_a_mill_asks_of_each_model(made, dataset):
    """Against the masks, one image at a time."""
    counted = made["by_folds"][1].count(dataset)
    by_fold = counted.decide(tune_for("defect_dice"))[0]
    judged = {"a": (counted.trial, counted.decided(by_fold))}
    components = {"a": count_components(counted, by_fold, dataset)}
    table, estimates = sheets_table(judged, components)
    passed, clean, false = [], [], 0
    for image_id in counted.trial.judged["image_id"]:
        true, found = dataset.masks(image_id), counted.decide_image(dataset, image_id, by_fold)[1]
        (passed if true.any() else clean).append(found.any())
        false += component_counts(true.astype(bool), found.astype(bool)).false.sum()
    assert estimates["a"]["sheets_passed"].value == pytest.approx(1 - np.mean(passed))
    assert estimates["a"]["sheets_rejected"].value == pytest.approx(np.mean(clean))
    assert estimates["a"]["false_components"].value == pytest.approx(false / len(counted.trial.judged))
    assert table.loc["a", "judged on"] == "folds, 15 images"


def test_look_at_images_counts_what_the_masks_show(made, dataset):
    """Against the masks themselves, one image at a time."""
    _, kept = made["by_folds"]
    classes = dataset.num_classes
    counted = kept.count(dataset)
    plain = counted.judged[AS_IT_IS]
    shared, true = plain.shared.sum(axis=(0, 1)), plain.true.sum()
    part = next(threshold for threshold, pixels in zip(THRESHOLDS, shared, strict=True) if pixels < true)
    low = Decisions((part,) * classes, (0.0,) * classes)
    (step,) = [step for step in chain(counted, "defect_dice") if step.name == "mirror images"]
    step = type(step)("low", counted, dict.fromkeys(range(5), low), low, counted.decided(dict.fromkeys(range(5), low)))
    looked = look_at_images(step, dataset)
    for row, image_id in enumerate(kept.judged["image_id"]):
        true = dataset.masks(image_id).astype(bool)
        found = counted.decide_image(dataset, image_id, step.by_fold)[1].astype(bool)
        np.testing.assert_array_equal(looked.pixels[row], step.counts.true[row])
        np.testing.assert_array_equal(looked.mixed[row].diagonal(), step.counts.shared[row])
        for index in range(classes):
            assert looked.mixed[row, index, -1] == (true[..., index] & ~found.any(axis=-1)).sum()
            others = np.delete(found, index, axis=-1).any(axis=-1)
            assert looked.taken[row, index] == (true[..., index] & ~found[..., index] & others).sum()
    table = mix_ups(looked, dataset.class_names)
    assert table.columns.tolist() == [*dataset.class_names, "nothing"]
    shared, true = step.counts.shared.sum(axis=0), step.counts.true.sum(axis=0)
    for index, name in enumerate(dataset.class_names):
        if true[index]:
            assert table.loc[name, name] == pytest.approx(shared[index] / true[index])
    told = telling_images(step, looked, 2)
    missed = np.where(step.counts.true > 0, step.counts.true - step.counts.shared, 0).max(axis=1)
    assert told["worst misses"][0][0] == kept.judged["image_id"].iloc[missed.argmax()]
    assert all(len(images) <= 2 for images in told.values())


def test_sheet_scores_are_the_highest_threshold_with_a_believed_mask(made, dataset):
    counted = made["by_holdout"][1].count(dataset)
    judged = counted.judged[AS_IT_IS]
    scores = sheet_scores(judged, (0.0,) * dataset.num_classes)
    for row, image_id in enumerate(counted.trial.judged["image_id"]):
        highest = counted.trial.probabilities(dataset, image_id).max()
        reached = [threshold for threshold in judged.thresholds if highest >= np.float32(threshold)]
        assert scores[row] == (max(reached) if reached else 0)
    assert (sheet_scores(judged, (NEVER,) * dataset.num_classes) == 0).all()
