"""Train, decide and judge: on a holdout, or by folds, so that no image is scored by what it was chosen with."""

from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from helpers.counts import PixelCounts, pixel_counts
from helpers.data.split import HOLDOUT, TRAIN, VALIDATION
from helpers.inference.by_fold import FOLDS
from helpers.inference.kept import KeptPredictions, keep_predictions
from helpers.inference.trials import COLUMNS, CountedTrial, KeptTrial, tune_for
from helpers.inference.tuning import Decisions, decided_counts, require_measure
from helpers.models.bundle_file import read_bundle, was_trained_on
from helpers.models.versions import AS_IT_IS, candidates, parts_of

PREDICTIONS = "predictions.zip"
MASKS = "masks"  # the target of recipes that are judged here
USUAL_THRESHOLD = 0.5
SHIPS = "all"  # in the place of a fold: the network that is trained on all images


@dataclass(frozen=True)
class Trial:
    """What came of a training: the network that ships, and what networks that never saw them make of the images.

    Attributes:
        model: keras.Model that ships.
        counted: `CountedTrial`: what the networks gave for the images that judge and that decisions are tuned on.
        decisions: `Decisions` that ship with the model.
        by_fold: dict of fold -> `Decisions` that were tuned without it.
        models: dict of fold -> keras.Model that never saw it.
        history: table of all epochs; with folds it has a column `fold`.
        settings: dict of all that decided the training's course.
    """

    model: object
    counted: CountedTrial
    decisions: Decisions
    by_fold: dict
    models: dict
    history: pd.DataFrame
    settings: dict

    @property
    def kept(self):
        """`KeptTrial` of the predictions."""
        return self.counted.trial

    @property
    def part(self):
        """Which images judge: "holdout" or "folds"."""
        return self.kept.part

    @property
    def judged(self):
        """Table with image_id, group and fold of the images that judge."""
        return self.kept.judged

    def usual_counts(self):
        """`PixelCounts` of the judging images at a threshold of 0.5, with every mask believed."""
        classes = self.counted.judged[AS_IT_IS].true.shape[1]
        usual = Decisions((USUAL_THRESHOLD,) * classes, (0.0,) * classes)
        return self.counted.decided(dict.fromkeys(self.by_fold, usual))

    def tuned_counts(self, measure):
        """`PixelCounts` of the judging images by decisions that are tuned for a measure, without the background.

        Args:
            measure: "kaggle_dice" or "defect_dice".
        """
        by_fold, _ = self.counted.decide(tune_for(measure))
        return self.counted.decided(by_fold)

    def validation_counts(self, judged, split):
        """`PixelCounts` of the validation part, by which models of a run are compared whatever judges them.

        Args:
            judged: `PixelCounts` of `judge`.
            split: table of `helpers.data.split.make_split`.
        """
        if self.part != FOLDS:
            return decided_counts(self.counted.tuned[self.decisions.version], self.decisions)
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
        for image_id in image_ids:
            yield self.counted.decide_image(dataset, image_id, self.by_fold)

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
class FoldTraining:
    """One of the trainings by folds.

    Attributes:
        fold: number of the fold that the network never saw; "all" for the one that ships.
        unseen: table of the images of that fold; empty for the one that ships.
        folder: where its checkpoints are kept.
        model: keras.Model.
        history: table of `train_model` with a column `fold`.
        settings: dict of all that decided the training's course.
    """

    fold: object
    unseen: pd.DataFrame
    folder: Path
    model: object
    history: pd.DataFrame
    settings: dict


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
        mirrored: try the mean over each image and its mirror images.
        sizes: multiples of the network's size at which to try to predict, 1 among them; also the mean of all.
        fill_holes: try for each class whether filling the holes in its masks gains.
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
    sizes: tuple = (1.0,)
    fill_holes: bool = False
    precision: str = ""

    def __post_init__(self):
        """Stop, before anything is trained, at what can't be judged or trained.

        Raises:
            FileNotFoundError: there is no bundle to begin with.
            ValueError: the measure isn't known, class weights are not one for each class, or the bundle to begin with
                was trained on this very data set: which of its images it saw can't be told.
        """
        require_measure(self.measure)
        weights, classes = self.recipe.training.class_weights, self.dataset.num_classes
        if weights and self.recipe.target == MASKS and len(weights) != classes:
            raise ValueError(
                f"class_weights: got {len(weights)}, expected {classes}. Give a number for each of: "
                f"{', '.join(self.dataset.class_names)}; or [] for the recipe's."
            )
        if self.pretrained and was_trained_on(read_bundle(self.pretrained), self.dataset):
            raise ValueError(
                f"{self.pretrained}: these weights were trained on this very data set, so that images that judge may "
                "have been seen. Begin with weights of other images, or at random, with an empty PRETRAINED."
            )

    @property
    def network(self):
        """What a bundle says of how the network predicts."""
        about = {"architecture": self.recipe.network, "arguments": self.arguments}
        return about | {"input_shape": self.shape, "channels": self.channels}

    @property
    def versions(self):
        """The versions of a prediction that are tried, as tuple of `Version`."""
        return candidates(self.sizes, self.mirrored)

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
                pretrained=bool(self.pretrained),
                settings={"beginning": beginning, "precision": precision},
            )
        whole = self._build()
        whole.set_weights(model.get_weights())
        return whole, history, settings

    def train_by_folds(self, ship=True):
        """Train a fresh network for each fold on the other folds, and at last one on all images, which ships.

        By the minutes, the first training is measured and the others take as many epochs and steps: the networks that
        judge and the one that ships learn equally long, whatever else the machine does meanwhile.

        Args:
            ship: whether to train the one on all images.

        Returns:
            list of `FoldTraining`.

        Raises:
            ValueError: the recipe has patience, which would choose by the fold that judges.
        """
        if self.recipe.training.patience:
            raise ValueError(
                f"patience: got {self.recipe.training.patience}, expected 0 with folds: the fold that judges must not "
                "choose when to stop."
            )
        plan, trained = self, []
        folds = [(fold, part, Path(self.folder) / f"fold-{fold}") for fold, part in self.split.groupby("fold")]
        for fold, unseen, folder in [*folds, (SHIPS, self.split.iloc[:0], Path(self.folder))][: len(folds) + ship]:
            others = self.split[~self.split["image_id"].isin(unseen["image_id"])]
            model, history, settings = plan.train(others, unseen, folder)
            trained.append(FoldTraining(fold, unseen, folder, model, history.assign(fold=fold), settings))
            if plan.minutes:
                length = {name: settings[name] for name in ("epochs", "steps_per_epoch")}
                plan = replace(plan, minutes=0.0, **length)
        return trained

    def _build(self):
        """A fresh network."""
        from helpers.models.build import build_model
        from helpers.models.targets import TARGETS

        outputs = TARGETS[self.recipe.target].outputs(self.dataset.class_names)
        return build_model(self.recipe.network, self.shape, len(outputs), **self.arguments)

    def require(self, target):
        """Stop where the recipe learns something else, or its network can't predict what is to be tried.

        Args:
            target: beginning of the recipe's target: "masks", or "defect" for classifiers.

        Raises:
            ValueError: it does.
        """
        if len({part.sizes for part in parts_of(self.versions)}) > 1:
            from helpers.models.known import require_any_size

            require_any_size(self.recipe.network, "sizes")
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
        path = Path(folder) / PREDICTIONS
        return keep_predictions(path, model, self.network, self.dataset, image_ids, self.versions)

    def keep(self, part, judged, tuned, kept):
        """`KeptTrial` of tables of images and what was predicted for them."""
        tables = (table[COLUMNS].reset_index(drop=True) for table in (judged, tuned))
        return KeptTrial(Path(self.folder).name, part, *tables, (kept,))

    def decide(self, kept):
        """Count the pixels of a `KeptTrial` and decide it: dict of what `Trial` takes of that."""
        counted = kept.count(self.dataset, fill=self.fill_holes)
        by_fold, ships = counted.decide(tune_for(self.measure))
        return {"counted": counted, "by_fold": by_fold, "decisions": ships}


def judge_by_holdout(plan):
    """Train on the training part, tune on the validation part, judge on the holdout.

    Returns:
        `Trial`.
    """
    plan.require(MASKS)
    train, validation, holdout = (plan.split[plan.split["split"] == part] for part in (TRAIN, VALIDATION, HOLDOUT))
    model, history, settings = plan.train(train, validation, plan.folder)
    kept = plan.predict(model, [validation, holdout], plan.folder)
    trial = plan.keep(HOLDOUT, holdout.assign(fold=0), validation, kept)
    return Trial(model=model, models={0: model}, history=history, settings=settings, **plan.decide(trial))


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
    trained = plan.train_by_folds(ship)
    folds = [training for training in trained if training.fold != SHIPS]
    paths = [path for each in folds for path in plan.predict(each.model, [each.unseen], each.folder).paths]
    last = trained[-1] if ship else trained[0]
    judged = pd.concat([training.unseen for training in folds])
    trial = plan.keep(FOLDS, judged, judged, KeptPredictions(paths))
    return Trial(
        model=last.model,
        models={training.fold: training.model for training in folds},
        history=pd.concat([training.history for training in trained], ignore_index=True),
        settings=last.settings,
        **plan.decide(trial),
    )


def decisions_table(trial, class_names):
    """The decisions that each fold is judged by, and those that ship, with a row for each class."""
    columns = {}
    named = [(f"fold {fold}", decisions) for fold, decisions in trial.by_fold.items()] if trial.part == FOLDS else []
    for name, decisions in [*named, ("ships", trial.decisions)]:
        columns[f"threshold, {name}"] = decisions.thresholds
        columns[f"smallest mask, {name}"] = decisions.smallest
        if trial.counted.fills:
            filled = decisions.filled or (False,) * len(class_names)
            columns[f"holes filled, {name}"] = ["yes" if fills else "no" for fills in filled]
    return pd.DataFrame(columns, index=pd.Index(class_names, name="class"))
