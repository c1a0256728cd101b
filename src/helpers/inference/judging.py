"""Train, decide and judge: on a holdout, or by folds, so that no image is scored by what it was chosen with."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from helpers.counts import PixelCounts, pixel_counts
from helpers.data.split import HOLDOUT, TRAIN, VALIDATION
from helpers.inference.kept import KeptPredictions, keep_predictions
from helpers.inference.predict import threshold_masks
from helpers.inference.tuning import Decisions, ThresholdCounts, count_at_thresholds, decided_counts, tune_decisions

FOLDS = "folds"
PREDICTIONS = "predictions.zip"
MASKS = "masks"  # the target of recipes that are judged here
USUAL_THRESHOLD = 0.5


@dataclass(frozen=True)
class Trial:
    """What came of a training: the network that ships, and what networks that never saw them make of the images.

    Attributes:
        model: keras.Model that ships.
        decisions: `Decisions` that ship with it.
        part: "holdout" or "folds": the images that judge.
        judged: table with image_id, group and fold of these images.
        counts: `ThresholdCounts` of these images, in that order.
        by_fold: dict of fold -> `Decisions` that were tuned without it.
        models: dict of fold -> keras.Model that never saw it.
        kept: `KeptPredictions` of the judging images, and of those that decisions are tuned on.
        tuned_on: `ThresholdCounts` of the images that `decisions` were tuned on.
        tuned_groups: groups of these images.
        history: table of all epochs; with folds it has a column `fold`.
        settings: dict of all that decided the training's course.
    """

    model: object
    decisions: Decisions
    part: str
    judged: pd.DataFrame
    counts: ThresholdCounts
    by_fold: dict
    models: dict
    kept: KeptPredictions
    tuned_on: ThresholdCounts
    tuned_groups: pd.Series
    history: pd.DataFrame
    settings: dict

    def usual_counts(self):
        """`PixelCounts` of the judging images at a threshold of 0.5, with every mask believed."""
        classes = self.counts.true.shape[1]
        return decided_counts(self.counts, Decisions((USUAL_THRESHOLD,) * classes, (0.0,) * classes))

    def tuned_counts(self, measure):
        """`PixelCounts` of the judging images by decisions that are tuned for a measure, without the background.

        Args:
            measure: "kaggle_dice" or "defect_dice".
        """
        if self.part != FOLDS:
            return decided_counts(self.counts, tune_decisions(self.tuned_on, measure))
        fold = self.judged["fold"].to_numpy()
        parts = {number: self.counts.take(fold == number) for number in self.by_fold}
        decisions = _decide_by_folds(parts, measure)
        return PixelCounts.concatenate(decided_counts(part, decisions[number]) for number, part in parts.items())

    def validation_counts(self, judged, split):
        """`PixelCounts` of the validation part, by which models of a run are compared whatever judges them.

        Args:
            judged: `PixelCounts` of `judge`.
            split: table of `helpers.data.split.make_split`.
        """
        if self.part != FOLDS:
            return decided_counts(self.tuned_on, self.decisions)
        ids = split.loc[split["split"] == VALIDATION, "image_id"]
        return judged.take(self.judged["image_id"].isin(ids).to_numpy())

    def predict(self, dataset, image_ids):
        """Probabilities of judging images, each by a network that never saw it, one at a time.

        Args:
            dataset: a `Dataset`.
            image_ids: some of the judging images.

        Yields:
            (float32 array (height, width, classes) of probabilities, uint8 array of the masks decided by what the
            image had no part in), both at the image's own size.
        """
        fold_of = self.judged.set_index("image_id")["fold"]
        for image_id in image_ids:
            fold = fold_of[image_id]
            probabilities = self.kept.probabilities(image_id, dataset.shape_of(image_id))
            decisions = self.by_fold[fold]
            yield probabilities, threshold_masks(probabilities, decisions.thresholds, decisions.smallest)

    def judge(self, dataset):
        """`PixelCounts` of the judging images, each by a network and decisions that it had no part in.

        Args:
            dataset: a `Dataset`.
        """
        image_ids = self.judged["image_id"]
        predicted = self.predict(dataset, image_ids)
        return PixelCounts.concatenate(
            pixel_counts(dataset.masks(image_id), masks)
            for image_id, (_, masks) in zip(image_ids, predicted, strict=True)
        )


@dataclass(frozen=True)
class Plan:
    """What is trained, on what, and for how long.

    Attributes:
        recipe: a `Recipe`.
        arguments: what its network is built with.
        dataset: a `Dataset`.
        split: table of `helpers.data.split.make_split`.
        shape: (height, width) of the network's input in pixels.
        channels: 1 for grey, 3 for colour.
        folder: where checkpoints are kept.
        seed: decides the first weights and the order of the images.
        epochs: as in `train_recipe`; 0 goes by the minutes.
        minutes: as in `train_recipe`, for each network that is trained.
        steps_per_epoch: as in `train_recipe`.
        pretrained: as in `begin_with`.
        encoder_weights: as in `begin_with`.
        measure: what the decisions are tuned for.
        mirrored: predict by the mean over each image and its mirror images.
        precision: in which to train, as in `built_in`; "" takes what this machine is quick at. Whatever it is, the
            network that comes of it, and that judges, is whole.
    """

    recipe: object
    arguments: dict
    dataset: object
    split: pd.DataFrame
    shape: tuple
    channels: int
    folder: Path
    seed: int
    epochs: int = 0
    minutes: float = 0.0
    steps_per_epoch: int = 0
    pretrained: str = ""
    encoder_weights: str = "none"
    measure: str = "kaggle_dice"
    mirrored: bool = False
    precision: str = ""

    @property
    def network(self):
        """What a bundle says of how the network predicts."""
        return {"input_shape": self.shape, "channels": self.channels, "mirrored": self.mirrored}

    def train(self, chosen, watched, folder):
        """Train a fresh network on the images of a table, looking at those of another.

        Returns:
            (keras.Model, history, settings).
        """
        from helpers.models.beginning import begin_with, layers_to_freeze
        from helpers.models.precision import built_in, choose_precision
        from helpers.models.recipes import Images, train_recipe
        from helpers.models.train import seed_everything, training_strategy

        seed_everything(self.seed)
        precision = self.precision or choose_precision()
        with built_in(precision), training_strategy().scope():
            model = self._build()
            beginning = begin_with(model, self.pretrained, self.encoder_weights)
            history, _, settings = train_recipe(
                model,
                self.arguments,
                self.recipe,
                Images(self.dataset, self.trained_on(chosen), self.trained_on(watched), self.shape, self.channels),
                folder=folder,
                seed=self.seed,
                epochs=self.epochs,
                minutes=self.minutes,
                steps_per_epoch=self.steps_per_epoch,
                frozen=layers_to_freeze(model, self.encoder_weights),
                settings={"beginning": beginning, "precision": precision},
            )
        whole = self._build()
        whole.set_weights(model.get_weights())
        return whole, history, settings

    def _build(self):
        """A fresh network."""
        from helpers.models.build import build_model
        from helpers.models.targets import TARGETS

        outputs = TARGETS[self.recipe.target].outputs(self.dataset.class_names)
        return build_model(self.recipe.network, self.shape, len(outputs), **self.arguments)

    def require(self, target):
        """Stop where the recipe learns something else.

        Args:
            target: beginning of the recipe's target: "masks", or "defect" for classifiers.

        Raises:
            ValueError: it does.
        """
        if not self.recipe.target.startswith(target):
            notebook = "04_segmentation" if self.recipe.target == MASKS else "03_classifier"
            raise ValueError(
                f"model: {self.recipe.network} learns {self.recipe.target}, expected {target}. Train it in {notebook}."
            )

    def trained_on(self, table):
        """Ids of the images of a table that the recipe trains on."""
        kept = table[table["combination"] != "none"] if self.recipe.defects_only else table
        return kept["image_id"].tolist()

    def predict(self, model, tables, folder):
        """Predict the images of some tables, and keep the predictions in a folder.

        Returns:
            `KeptPredictions`.
        """
        image_ids = [image_id for table in tables for image_id in table["image_id"]]
        return keep_predictions(Path(folder) / PREDICTIONS, model, self.network, self.dataset, image_ids)

    def count(self, kept, table):
        """`ThresholdCounts` of the images of a table, at their own size."""
        return ThresholdCounts.concatenate(
            count_at_thresholds(
                self.dataset.masks(image_id), kept.probabilities(image_id, self.dataset.shape_of(image_id))
            )
            for image_id in table["image_id"]
        )


def judge_by_holdout(plan):
    """Train on the training part, tune on the validation part, judge on the holdout.

    Returns:
        `Trial`.
    """
    plan.require(MASKS)
    train, validation, holdout = (plan.split[plan.split["split"] == part] for part in (TRAIN, VALIDATION, HOLDOUT))
    model, history, settings = plan.train(train, validation, plan.folder)
    kept = plan.predict(model, [validation, holdout], plan.folder)
    tuned_on = plan.count(kept, validation)
    decisions = tune_decisions(tuned_on, plan.measure)
    return Trial(
        model=model,
        decisions=decisions,
        part=HOLDOUT,
        judged=holdout[["image_id", "group"]].assign(fold=0),
        counts=plan.count(kept, holdout),
        by_fold={0: decisions},
        models={0: model},
        kept=kept,
        tuned_on=tuned_on,
        tuned_groups=validation["group"],
        history=history,
        settings=settings,
    )


def judge_by_folds(plan, ship=True):
    """Train a network for each fold on the others, judge each fold by decisions tuned on the others, and pool.

    A fold is looked at during its training for the curves alone: nothing is chosen by it. The network that ships is
    trained on all images, with the decisions tuned on all folds' predictions. A finished fold is not trained again.

    Args:
        plan: a `Plan`.
        ship: whether to train the network on all images; without it that of the first fold is in its place.

    Returns:
        `Trial`.

    Raises:
        ValueError: the recipe has patience, which would choose by the fold that judges.
    """
    plan.require(MASKS)
    if plan.recipe.training.patience:
        raise ValueError(
            f"patience: got {plan.recipe.training.patience}, expected 0 with folds: the fold that judges must not "
            "choose when to stop."
        )
    models, counts, histories, paths = {}, {}, [], []
    for fold, part in plan.split.groupby("fold"):
        others = plan.split[plan.split["fold"] != fold]
        folder = Path(plan.folder) / f"fold-{fold}"
        models[fold], history, settings = plan.train(others, part, folder)
        kept = plan.predict(models[fold], [part], folder)
        counts[fold] = plan.count(kept, part)
        paths += kept.paths
        histories.append(history.assign(fold=fold))
    by_fold = _decide_by_folds(counts, plan.measure)
    pooled = ThresholdCounts.concatenate(counts.values())
    judged = pd.concat([part for _, part in plan.split.groupby("fold")])
    model, history = models[0], histories[0].iloc[:0]
    if ship:
        model, history, settings = plan.train(plan.split, plan.split.iloc[:0], plan.folder)
    return Trial(
        model=model,
        decisions=tune_decisions(pooled, plan.measure),
        part=FOLDS,
        judged=judged[["image_id", "group", "fold"]],
        counts=pooled,
        by_fold=by_fold,
        models=models,
        kept=KeptPredictions(paths),
        tuned_on=pooled,
        tuned_groups=judged["group"],
        history=pd.concat([*histories, history.assign(fold="all")], ignore_index=True),
        settings=settings,
    )


def _decide_by_folds(counts, measure):
    """For each fold, `Decisions` tuned on the counts of the others."""
    return {
        fold: tune_decisions(
            ThresholdCounts.concatenate(part for other, part in counts.items() if other != fold), measure
        )
        for fold in counts
    }


def decisions_table(trial, class_names):
    """The decisions that each fold is judged by, and those that ship, with a row for each class."""
    columns = {}
    named = [(f"fold {fold}", decisions) for fold, decisions in trial.by_fold.items()] if trial.part == FOLDS else []
    for name, decisions in [*named, ("ships", trial.decisions)]:
        columns[f"threshold, {name}"] = decisions.thresholds
        columns[f"smallest mask, {name}"] = decisions.smallest
    return pd.DataFrame(columns, index=pd.Index(class_names, name="class"))
