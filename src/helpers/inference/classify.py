"""Answers for whole images: trained, judged like masks, and calibrated."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from helpers.classification import (
    average_precision,
    calibration_error,
    classification_terms,
    operating_point,
    roc_auc,
    sheet_terms,
)
from helpers.data.resize import resize_image
from helpers.data.split import HOLDOUT, TRAIN, VALIDATION
from helpers.inference.by_fold import FOLDS, apply_by_fold, choose_by_fold
from helpers.inference.evaluate import estimate_texts
from helpers.inference.predict import in_batches, require_finite
from helpers.inference.runtimes import KerasEngine
from helpers.intervals import bootstrap_statistic, interval_table

DEFECT = "defect"
BATCH = 16
SMALLEST = 1e-7  # probabilities are kept this far from 0 and 1 where their logit is taken
RANKED = {"auc": roc_auc, "average_precision": average_precision, "calibration_error": calibration_error}
DEFINITIONS = {
    "accuracy": "share of the images that are answered rightly",
    "precision": "share of the images answered yes that are yes",
    "recall": "share of the images that are yes that are answered so",
    "f1": "harmonic mean of precision and recall",
    "sheets_passed": "share of the defective sheets that are predicted clean",
    "sheets_rejected": "share of the clean sheets that are predicted defective",
    "auc": "area under the ROC curve",
    "average_precision": "mean precision over the ranking, without interpolation",
    "calibration_error": "mean distance of the stated probability from the frequency, in 15 bins",
}


@dataclass(frozen=True)
class Answers:
    """What is so, and what a network says, for some images.

    Attributes:
        images: table with image_id, group and fold.
        truth: bool array (images, answers).
        probabilities: float array (images, answers).
        names: of the answers, "defect" first.
    """

    images: pd.DataFrame
    truth: np.ndarray
    probabilities: np.ndarray
    names: tuple

    @property
    def groups(self):
        """Label of each image's group."""
        return self.images["group"].to_numpy()

    def of(self, name):
        """(truth, probabilities) of one answer, each of shape (images,)."""
        place = self.names.index(name)
        return self.truth[:, place], self.probabilities[:, place]

    def take(self, chosen):
        """The images at some positions, or where an array of bool says so."""
        return Answers(self.images.iloc[chosen], self.truth[chosen], self.probabilities[chosen], self.names)

    def with_probabilities(self, probabilities):
        """The same images with other probabilities."""
        return Answers(self.images, self.truth, np.asarray(probabilities, float), self.names)

    @classmethod
    def concatenate(cls, parts):
        """Those of several parts, one after the other."""
        parts = list(parts)
        return cls(
            pd.concat([part.images for part in parts], ignore_index=True),
            np.concatenate([part.truth for part in parts]),
            np.concatenate([part.probabilities for part in parts]),
            parts[0].names,
        )


@dataclass(frozen=True)
class ClassifierTrial:
    """What came of training a classifier.

    Attributes:
        model: keras.Model that ships.
        part: "holdout" or "folds": the images that judge.
        judged: `Answers` of these images, each by a network that never saw it.
        tuned_on: `Answers` of the images that thresholds and calibration are chosen on: the validation part, or with
            folds the judging images, whose choice is then made without the fold that it is for.
        models: dict of fold -> keras.Model that never saw it.
        history: table of all epochs; with folds it has a column `fold`.
        settings: dict of all that decided the training's course.
    """

    model: object
    part: str
    judged: Answers
    tuned_on: Answers
    models: dict
    history: pd.DataFrame
    settings: dict

    def choose(self, function):
        """For each judging fold, what a function makes of the images that the choice may rest on.

        Args:
            function: function of `Answers`.

        Returns:
            dict of fold -> result.
        """
        return choose_by_fold(
            self.part, self.judged.images, self.tuned_on.images, lambda rows: function(self.tuned_on.take(rows))
        )

    def calibrated(self):
        """`Answers` of the judging images with calibrated probabilities."""

        def apply(rows, lines):
            part = self.judged.take(rows)
            return part.with_probabilities(calibrate(part.probabilities, lines))

        return apply_by_fold(self.judged.images, self.choose(fit_calibration), apply)

    def said_yes(self, thresholds):
        """Bool array (images,): which sheets are called defective, by a threshold for each judging fold."""
        _, probabilities = self.judged.of(DEFECT)
        return probabilities >= self.judged.images["fold"].map(thresholds).to_numpy()


def classify_by_holdout(plan):
    """Train on the training part, watch the validation part, judge on the holdout.

    Args:
        plan: `helpers.inference.judging.Plan` of a classifier's recipe.

    Returns:
        `ClassifierTrial`.
    """
    plan.require(DEFECT)
    train, validation, holdout = (plan.split[plan.split["split"] == part] for part in (TRAIN, VALIDATION, HOLDOUT))
    model, history, settings = plan.train(train, validation, plan.folder)
    return ClassifierTrial(
        model=model,
        part=HOLDOUT,
        judged=answer(model, plan, holdout.assign(fold=0)),
        tuned_on=answer(model, plan, validation),
        models={0: model},
        history=history,
        settings=settings,
    )


def classify_by_folds(plan):
    """Train a classifier for each fold on the others, and one more on all images, which ships.

    Args:
        plan: `helpers.inference.judging.Plan` of a classifier's recipe.

    Returns:
        `ClassifierTrial`.
    """
    plan.require(DEFECT)
    *folds, ships = plan.train_by_folds()
    judged = Answers.concatenate([answer(training.model, plan, training.unseen) for training in folds])
    return ClassifierTrial(
        model=ships.model,
        part=FOLDS,
        judged=judged,
        tuned_on=judged,
        models={training.fold: training.model for training in folds},
        history=pd.concat([training.history for training in (*folds, ships)], ignore_index=True),
        settings=ships.settings,
    )


def answer(model, plan, table):
    """What a classifier says of the images of a table, and what is so.

    Args:
        model: keras.Model of a classifier.
        plan: the `Plan` that it was trained by.
        table: with image_id, group and fold.

    Returns:
        `Answers`.
    """
    from helpers.models.targets import answer_names

    ids = table["image_id"].tolist()
    has_class = plan.dataset.areas.loc[ids].to_numpy() > 0
    truth = np.column_stack([has_class.any(axis=1), has_class])
    images = (plan.dataset.image(image_id, plan.channels) for image_id in ids)
    probabilities = answering(model, plan.shape)(images)
    count = probabilities.shape[1]
    names = tuple(answer_names(plan.dataset.class_names)[:count])
    return Answers(table[["image_id", "group", "fold"]].reset_index(drop=True), truth[:, :count], probabilities, names)


def answering(model, shape):
    """Make a function that asks a classifier.

    Args:
        model: keras.Model of a classifier.
        shape: (height, width) of its input in pixels.

    Returns:
        Function of an iterable of uint8 arrays (height, width, channels), of any sizes, that gives the probabilities as
        float array (images, answers). It raises ValueError where the network gives NaN.
    """
    shape, (*_, channels), (*_, answers) = tuple(shape), model.input_shape, model.output_shape
    engine = KerasEngine(model, {"input_shape": shape, "channels": channels})

    def answer_images(images):
        found = [np.zeros((0, answers))]
        for batch in in_batches((resize_image(image, shape) for image in images), BATCH):
            found.append(engine.predict_on_batch(np.stack(batch).astype(np.float32) / 255)[:, 0, 0])
        found = np.concatenate(found).astype(float)
        require_finite(found)
        return found

    return answer_images


def fit_calibration(answers):
    """A line for each answer that takes the logit of what the network says to that of how often it is so.

    Args:
        answers: `Answers` that are not judged by it.

    Returns:
        List of (slope, offset) for each answer; (1, 0), which changes nothing, where the answer is always the same, or
        where the line would turn the ranking around.

    Source:
        Platt (1999), "Probabilistic outputs for support vector machines", with its targets, which keep a little
        distance from 0 and 1; by scikit-learn's logistic regression without penalty.
    """
    return [_fit_line(*answers.of(name)) for name in answers.names]


def _fit_line(truth, probabilities):
    """(slope, offset) of one answer."""
    yes, no = truth.sum(), (~truth).sum()
    if not yes or not no:
        return 1.0, 0.0
    targets = np.where(truth, (yes + 1) / (yes + 2), 1 / (no + 2))
    logits = np.tile(_logits(probabilities), 2)[:, None]
    scale = logits.std() or 1.0  # the search for the best line ends too early where the logits are close together
    # Each image counts as yes by its target, and as no by the rest.
    answer = np.repeat([True, False], len(truth))
    fitted = LogisticRegression(C=np.inf, max_iter=1000).fit(
        logits / scale, answer, sample_weight=np.concatenate([targets, 1 - targets])
    )
    slope = float(fitted.coef_[0, 0]) / scale
    return (slope, float(fitted.intercept_[0])) if slope > 0 else (1.0, 0.0)


def calibrate(probabilities, lines):
    """Probabilities (images, answers) after the lines of `fit_calibration`."""
    slopes, offsets = np.transpose(lines)
    return 1 / (1 + np.exp(-(_logits(probabilities) * slopes + offsets)))


def _logits(probabilities):
    """Log odds, finite also for 0 and 1."""
    inside = np.clip(probabilities, SMALLEST, 1 - SMALLEST)
    return np.log(inside / (1 - inside))


def threshold_for_recall(answers, recall):
    """The threshold that rejects the fewest clean sheets and catches so many defective ones; NaN without any."""
    truth, probabilities = answers.of(DEFECT)
    return operating_point(truth, probabilities, recall=recall).threshold if truth.any() else math.nan


def score_answers(answers, repeats=1000):
    """AUC, average precision and calibration error of each answer, with intervals.

    Args:
        answers: `Answers`.
        repeats: draws of the bootstrap over groups.

    Returns:
        dict of answer -> score -> Estimate; NaN where an answer is always the same.
    """
    return {
        name: {
            score: bootstrap_statistic(function, answers.of(name), answers.groups, repeats=repeats)
            for score, function in RANKED.items()
        }
        for name in answers.names
    }


def calibration_gain(before, after):
    """By how much the calibration error of the answer `defect` falls, paired: an Estimate."""
    truth, stated = before.of(DEFECT)

    def gain(truth, stated, calibrated):
        return calibration_error(truth, stated) - calibration_error(truth, calibrated)

    return bootstrap_statistic(gain, (truth, stated, after.of(DEFECT)[1]), before.groups)


def score_yes(truth, yes, groups):
    """Accuracy, precision, recall, F1, sheets passed and sheets rejected of a decision, with intervals.

    Args:
        truth: bool array (images,).
        yes: bool array (images,): of which images it is said to be so.
        groups: label of each image's group.

    Returns:
        dict of score -> Estimate.
    """
    return interval_table(classification_terms(truth, yes) | sheet_terms(truth, yes), groups)


def decision_table(answers, decisions):
    """The scores of several decisions as texts, a row for each.

    Args:
        answers: `Answers`.
        decisions: dict of name -> bool array (images,).

    Returns:
        (table, dict of name -> score -> Estimate).
    """
    truth, _ = answers.of(DEFECT)
    estimates = {name: score_yes(truth, yes, answers.groups) for name, yes in decisions.items()}
    return estimate_texts(estimates).rename_axis("decision"), estimates


def answer_table(answers, threshold=0.5):
    """Accuracy, precision, recall and F1 of every answer at one threshold, a row for each that isn't always the same.

    Args:
        answers: `Answers`.
        threshold: probability from which on the answer is yes.

    Returns:
        (table, dict of answer -> score -> Estimate); both are empty where nothing differs.
    """
    estimates = {}
    for name in answers.names:
        truth, probabilities = answers.of(name)
        if truth.any() and not truth.all():
            estimates[name] = interval_table(classification_terms(truth, probabilities >= threshold), answers.groups)
    return estimate_texts(estimates).rename_axis("answer"), estimates


def classification_report(truth, yes):
    """Precision, recall, F1 and number of sheets, for clean and defective ones, and their means.

    Args:
        truth: bool array (images,).
        yes: bool array (images,): which sheets are called defective.

    Returns:
        Table with a row for "normal", "defective", "macro mean" and "weighted mean".
    """
    rows = {}
    for name, true, said in (("normal", ~truth, ~yes), ("defective", truth, yes)):
        terms = classification_terms(true, said)
        rows[name] = {score: terms[score].score() for score in ("precision", "recall", "f1")} | {"images": true.sum()}
    table = pd.DataFrame(rows).T
    scores = table[["precision", "recall", "f1"]]
    images = table["images"].sum()
    weights = table["images"] / images
    table.loc["macro mean"] = [*scores.mean(skipna=False), images]
    table.loc["weighted mean"] = [*scores.mul(weights, axis=0).sum(skipna=False), images]
    return table.rename_axis("sheets").astype({"images": int})


def beside_published(report, published):
    """A classification report beside the published one.

    Args:
        report: table of `classification_report`.
        published: Series of the published figures of classifier B by their measure.

    Returns:
        Table with the report's rows, and for each score two columns: published and here.
    """
    columns = {}
    for score, name in (("precision", "precision"), ("recall", "recall"), ("f1", "F1")):
        theirs = [
            f"{name} of {sheets} sheets" if sheets in ("normal", "defective") else f"{name}, {sheets}"
            for sheets in report.index
        ]
        columns[f"{name}, published"] = published.reindex(theirs).to_numpy()
        columns[f"{name}, here"] = report[score].to_numpy()
    counts = [published["normal sheets"], published["defective sheets"]]
    columns["images, published"] = [*counts, sum(counts), sum(counts)]
    return (
        pd.DataFrame(columns, index=report.index)
        .astype({"images, published": int})
        .assign(**{"images, here": report["images"]})
    )


def telling_sheets(answers):
    """The surest hit, the worst miss, the worst false alarm and the surest clean sheet.

    Args:
        answers: `Answers`.

    Returns:
        dict of what it is -> image id; without those that there are none of.
    """
    truth, probabilities = answers.of(DEFECT)
    ids = answers.images["image_id"].to_numpy()
    wanted = {
        "surest defect": (truth, probabilities),
        "defect it doubts most": (truth, -probabilities),
        "clean, worst alarm": (~truth, probabilities),
        "clean, surest": (~truth, -probabilities),
    }
    shown = {}
    for what, (among, order) in wanted.items():
        if among.any():
            place = np.flatnonzero(among)[np.argmax(order[among])]
            shown[f"{what}: {probabilities[place]:.2f}"] = ids[place]
    return shown
