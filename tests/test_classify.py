"""Answers for whole images: judged by networks that never saw them, calibrated, and as a gate."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from helpers.data.labels import read_published
from helpers.data.split import make_split
from helpers.inference.classify import (
    DEFECT,
    Answers,
    ClassifierTrial,
    answer_table,
    beside_published,
    calibrate,
    calibration_gain,
    classification_report,
    classify_by_folds,
    classify_by_holdout,
    decision_table,
    fit_calibration,
    score_answers,
    telling_sheets,
    threshold_for_recall,
)
from helpers.inference.judging import Plan, judge_by_folds, judge_by_holdout
from helpers.models.recipes import Recipe
from helpers.models.targets import answer_names
from helpers.models.train import Training
from tiny_models import SHAPE, tiny_dataset

NETWORK = {"stem": 4, "widths": (8, 8), "depths": (0, 1)}
RECIPE = Recipe(
    "classifier_small", Training(loss={"bce": 1.0}, learning_rate=0.01), NETWORK, batch_size=4,
    target="defect and classes",
)  # fmt: skip


def answers(truth, probabilities, folds=None, names=(DEFECT,)):
    """Answers for images a, b, c, ..., each a group of its own."""
    truth = np.reshape(np.asarray(truth, bool), (len(truth), -1))
    images = pd.DataFrame(
        {
            "image_id": [f"{letter}.jpg" for letter in "abcdefghijklmnop"[: len(truth)]],
            "group": range(len(truth)),
            "fold": 0 if folds is None else folds,
        }
    )
    return Answers(images, truth, np.reshape(np.asarray(probabilities, float), truth.shape), names)


def trial(judged, tuned_on, part="holdout"):
    """A trial of these answers, without networks."""
    return ClassifierTrial(None, part, judged, tuned_on, {}, None, {})


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    """Two epochs of a narrow classifier on fifteen images of 32 x 64 pixels."""
    dataset = tiny_dataset(tmp_path_factory.mktemp("classify") / "tiny", 15)
    split = make_split(dataset.areas, 1)
    return Plan(RECIPE, NETWORK, dataset, split, SHAPE, 1, tmp_path_factory.mktemp("plan"), 1, epochs=2)


@pytest.fixture(scope="module")
def by_holdout(plan):
    return classify_by_holdout(plan)


def test_classify_by_holdout_judges_what_it_never_saw(plan, by_holdout):
    """The holdout judges, the validation part tunes; truth is what the labels say, at the images' own size."""
    parts = {part: set(table["image_id"]) for part, table in plan.split.groupby("split")}
    assert set(by_holdout.judged.images["image_id"]) == parts["holdout"]
    assert set(by_holdout.tuned_on.images["image_id"]) == parts["validation"]
    assert set(by_holdout.settings["images"]) == parts["train"]
    areas = plan.dataset.areas.loc[by_holdout.judged.images["image_id"]].to_numpy() > 0
    np.testing.assert_array_equal(by_holdout.judged.truth[:, 1:], areas)
    np.testing.assert_array_equal(by_holdout.judged.truth[:, 0], areas.any(axis=1))
    assert by_holdout.judged.names == (DEFECT, *plan.dataset.class_names)
    assert {"loss", "auc", "val_auc"} <= set(by_holdout.history)


def test_classify_by_folds_answers_each_image_once_by_a_network_that_never_saw_it(plan):
    found = classify_by_folds(plan)
    assert sorted(found.judged.images["image_id"]) == sorted(plan.split["image_id"])
    fold_of = plan.split.set_index("image_id")["fold"]
    assert (found.judged.images.set_index("image_id")["fold"] == fold_of[found.judged.images["image_id"]]).all()
    assert set(found.models) == set(range(5)) and sorted(found.settings["images"]) == sorted(plan.split["image_id"])
    assert found.history["fold"].tolist() == [fold for fold in [0, 1, 2, 3, 4, "all"] for _ in range(2)]


def test_choose_leaves_the_judged_fold_out():
    """With folds; a holdout chooses on the validation part for all."""
    folds = [0, 0, 1, 1, 2]
    judged = answers([1, 0, 1, 0, 1], [0.1, 0.2, 0.3, 0.4, 0.5], folds)
    chosen = trial(judged, judged, "folds").choose(lambda part: part.images["image_id"].tolist())
    assert chosen == {0: ["c.jpg", "d.jpg", "e.jpg"], 1: ["a.jpg", "b.jpg", "e.jpg"], 2: [
        "a.jpg", "b.jpg", "c.jpg", "d.jpg"]}  # fmt: skip
    other = answers([1], [0.9])
    assert trial(judged, other).choose(len_of) == {0: 1, 1: 1, 2: 1}


def len_of(part):
    """Number of images."""
    return len(part.truth)


def test_said_yes_takes_each_fold_s_threshold():
    judged = answers([1, 0, 1], [0.5, 0.5, 0.5], [0, 1, 2])
    assert trial(judged, judged).said_yes({0: 0.5, 1: 0.6, 2: 0.4}).tolist() == [True, False, True]


def test_threshold_for_recall_rejects_the_fewest():
    found = answers([1, 1, 0, 0], [0.9, 0.4, 0.5, 0.1])
    assert threshold_for_recall(found, 0.5) == 0.9 and threshold_for_recall(found, 1.0) == 0.4


def test_calibration_moves_overconfident_probabilities_to_the_frequency():
    """Said 0.99 and 0.01, right in three of four: about 0.75 and 0.25 after; the ranking stays."""
    truth = [1, 1, 1, 0] * 25 + [0, 0, 0, 1] * 25
    overconfident = answers_of_many(truth, [0.99] * 100 + [0.01] * 100)
    lines = fit_calibration(overconfident)
    after = calibrate(overconfident.probabilities, lines)
    assert after[0, 0] == pytest.approx(0.75, abs=0.02) and after[-1, 0] == pytest.approx(0.25, abs=0.02)
    assert np.isfinite(calibrate(np.array([[0.0], [1.0]]), lines)).all()


def answers_of_many(truth, probabilities):
    """Answers for images by number."""
    images = pd.DataFrame({"image_id": range(len(truth)), "group": range(len(truth)), "fold": 0})
    return Answers(images, np.array(truth, bool)[:, None], np.array(probabilities)[:, None], (DEFECT,))


@pytest.mark.parametrize("truth", [[1, 1, 1], [0, 0, 0]])
def test_calibration_of_an_answer_that_is_always_the_same_changes_nothing(truth):
    found = answers(truth, [0.2, 0.5, 0.9])
    assert fit_calibration(found) == [(1.0, 0.0)]
    np.testing.assert_allclose(calibrate(found.probabilities, [(1.0, 0.0)]), found.probabilities, atol=1e-9)


def test_calibration_never_turns_the_ranking_around():
    """Where the classifier is worse than chance on the images to tune on, its probabilities stay."""
    assert fit_calibration(answers([0] * 6 + [1] * 6, [0.9] * 6 + [0.1] * 6)) == [(1.0, 0.0)]


def test_calibration_is_without_penalty():
    """Logits a hundred times too narrow are widened as far as the targets ask for."""
    truth = np.array([1, 1, 1, 0] * 25 + [0, 0, 0, 1] * 25, bool)
    narrow = answers_of_many(truth, np.where(np.arange(100 * 2) < 100, 0.5025, 0.4975))
    ((slope, _),) = fit_calibration(narrow)
    assert slope == pytest.approx(np.log(3) / 0.01, rel=0.03)


def test_calibrated_uses_the_tuning_images_alone():
    """Where four of five stated as likely are so, judged ones stated as likely become about that."""
    judged = answers([0, 1], [0.99, 0.01])
    tuned_on = answers_of_many([1, 1, 1, 1, 0] * 20 + [0, 0, 0, 0, 1] * 20, [0.99] * 100 + [0.01] * 100)
    after = trial(judged, tuned_on).calibrated()
    assert after.probabilities[:, 0] == pytest.approx([0.8, 0.2], abs=0.02)
    assert after.images["image_id"].tolist() == ["a.jpg", "b.jpg"]


def test_score_answers_and_decisions():
    """Two of three defective ones caught, one of two clean ones rejected; a class that is nowhere is undefined."""
    truth = [[1, 0], [1, 0], [1, 0], [0, 0], [0, 0]]
    found = answers(truth, [[0.9, 0], [0.8, 0], [0.3, 0], [0.7, 0], [0.1, 0]], names=(DEFECT, "pits"))
    scores = score_answers(found, repeats=20)
    assert scores[DEFECT]["auc"].value == pytest.approx(5 / 6)
    assert np.isnan(scores["pits"]["auc"].value)
    table, estimates = decision_table(found, {"half": found.probabilities[:, 0] >= 0.5})
    assert estimates["half"]["sheets_passed"].value == pytest.approx(1 / 3)
    assert estimates["half"]["sheets_rejected"].value == pytest.approx(1 / 2)
    assert estimates["half"]["accuracy"].value == pytest.approx(3 / 5)
    assert table.loc["half", "recall"].startswith("0.667 (")


def test_answer_table_leaves_out_an_answer_that_is_always_the_same():
    found = answers([1, 1, 1, 0, 0], [0.9, 0.8, 0.1, 0.7, 0.2])
    table, estimates = answer_table(found)
    assert set(estimates[DEFECT]) == {"accuracy", "precision", "recall", "f1"}
    assert estimates[DEFECT]["accuracy"].value == pytest.approx(3 / 5)
    assert estimates[DEFECT]["f1"].value == pytest.approx(2 / 3)
    assert table.loc[DEFECT, "recall"].startswith("0.667 (")
    _, stricter = answer_table(found, threshold=0.85)
    assert stricter[DEFECT]["recall"].value == pytest.approx(1 / 3)
    table, estimates = answer_table(answers([1, 1], [0.9, 0.1]))
    assert table.empty and estimates == {}


def test_classification_report_is_the_published_kind():
    """Hand-worked: 2 of 3 defective and 1 of 2 normal ones are right."""
    truth, yes = np.array([1, 1, 1, 0, 0], bool), np.array([1, 1, 0, 1, 0], bool)
    report = classification_report(truth, yes)
    assert report.index.tolist() == ["normal", "defective", "macro mean", "weighted mean"]
    assert report.loc["normal", ["precision", "recall", "f1", "images"]].tolist() == [0.5, 0.5, 0.5, 2]
    assert report.loc["defective", "precision"] == pytest.approx(2 / 3)
    assert report["images"].tolist() == [2, 3, 5, 5]
    assert report.loc["macro mean", "recall"] == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert report.loc["weighted mean", "recall"] == pytest.approx(3 / 5)


def test_telling_sheets_are_the_surest_and_the_worst():
    found = answers([1, 1, 0, 0], [0.9, 0.4, 0.5, 0.1])
    shown = telling_sheets(found)
    assert list(shown.values()) == ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]
    assert list(telling_sheets(answers([1, 1], [0.3, 0.6])).values()) == ["b.jpg", "a.jpg"]


def test_a_class_that_is_named_as_the_answer_is_keeps_its_own(plan):
    """The answer comes first, and the class gets a name of its own."""
    assert answer_names([DEFECT, "pits"]) == [DEFECT, "class defect", "pits"]


def test_classifiers_and_masks_are_kept_apart(plan):
    """Before anything is trained."""
    masks = replace(plan, recipe=Recipe("steel_unet"))
    for classify in (classify_by_holdout, classify_by_folds):
        with pytest.raises(ValueError, match="steel_unet learns masks, expected defect. Train it in 04_segmentation"):
            classify(masks)
    for judge in (judge_by_holdout, judge_by_folds):
        with pytest.raises(ValueError, match="learns defect and classes, expected masks. Train it in 03"):
            judge(plan)


def test_folds_without_patience_alone(plan):
    """The fold that judges must not choose when to stop."""
    patient = replace(plan, recipe=replace(plan.recipe, training=replace(plan.recipe.training, patience=3)))
    with pytest.raises(ValueError, match="patience: got 3, expected 0 with folds"):
        classify_by_folds(patient)


def test_calibration_gain_is_paired():
    """Perfect after, a tenth off before: the gain is a tenth, in every draw."""
    before = answers([1, 0, 1, 0], [0.9, 0.1, 0.9, 0.1])
    gain = calibration_gain(before, before.with_probabilities([[1], [0], [1], [0]]))
    assert gain == pytest.approx((0.1, 0.1, 0.1))


def test_beside_published_gives_both_for_each_row():
    truth, yes = np.array([1, 1, 1, 0, 0], bool), np.array([1, 1, 0, 1, 0], bool)
    published = read_published()
    theirs = published[published["system"] == "classifier B"].set_index("measure")["value"]
    table = beside_published(classification_report(truth, yes), theirs)
    assert not table.isna().any(axis=None)
    assert table.loc["normal", ["recall, published", "recall, here"]].tolist() == [0.73, 0.5]
    assert table.loc["macro mean", "F1, published"] == 0.87
    assert table["images, published"].tolist() == [872, 1064, 1936, 1936]


def test_threshold_for_recall_without_a_defective_sheet():
    assert np.isnan(threshold_for_recall(answers([0, 0], [0.2, 0.9]), 0.95))
