"""Recipes: which network is trained, and with what, by name; and the training itself."""

import math
import shutil
import sys
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import keras
import pandas as pd

from helpers.code import code_digest, functions_digest
from helpers.data.augment import Augmentation
from helpers.data.sampling import sampling_weights
from helpers.models.batches import num_batches, ordered_batches, training_batches
from helpers.models.budget import Budget, plan_budget
from helpers.models.build import BUILDERS, any_size_twin
from helpers.models.known import require_any_size
from helpers.models.parts import is_whole
from helpers.models.stages import Stage
from helpers.models.targets import TARGETS
from helpers.models.train import Training, compile_model, settings_key, train_model

TWO_STAGE = (
    "Train classifier_resnet50 in 03_classifier, and then resunet or resunet_tversky in 04_segmentation with "
    "GATE = classifier_resnet50; the profile study does both."
)
COARSE = 2 / 3  # of the size: the side of the images that a training begins on where its recipe says so
FROZEN = "frozen"  # folder of the training with the encoder left alone
CACHE = "cache"  # examples at the network's size, kept while the training lasts


@dataclass(frozen=True)
class Recipe:
    """All that decides a training, apart from the images, the seed and how long it takes.

    Attributes:
        network: the name of the network.
        training: loss, optimizer and schedule.
        arguments: what the network takes besides the channels and the grey values.
        batch_size: images in a batch.
        defects_only: train on images with a defect only.
        lift: how far rare classes are lifted, as in `helpers.data.sampling.sampling_weights`.
        clean_share: share of the draws that go to defect-free images; None means the share that they have.
        augmentation: changes to the images, or None.
        frozen_share: share of a training's length that is trained before it, with the encoder left as it is; only where
            the encoder begins with weights of its own.
        window: (height, width) of the windows that are trained on, in pixels of the network's size; None takes whole
            images. It is cut down to the image where that is smaller.
        longest: without a window: of images longer than this times their width, windows of that length are trained on;
            0 takes whole images. A strip is mostly clean, and a network learns more from the surroundings of defects.
        coarse_share: share of the steps, the first ones, that are trained on images at two thirds of the size, and so
            at less than half the work. What is large is learned there as well; only for networks that take any size.
        most_draws: how often whole batches hold each image, on average, until a training that goes by the minutes, and
            begins with trained weights, ends before they are over; 0: never. A short batch at the end of a pass counts
            as a whole one. From random weights there is more to learn.
        target: what is learned, one of `TARGETS`.
        epochs: how often as many images are drawn as there are to train on, where neither epochs nor minutes are asked
            for.
        source: which of these settings the published source states; what it leaves open is our choice, and all of it
            is where there is no source.
    """

    network: str
    training: Training = field(default_factory=Training)
    arguments: dict = field(default_factory=dict)
    batch_size: int = 8
    defects_only: bool = False
    lift: float = 0.0
    clean_share: float | None = None
    augmentation: Augmentation | None = None
    frozen_share: float = 0.0
    window: tuple | None = None
    longest: float = 0.0
    coarse_share: float = 0.0
    most_draws: float = 0.0
    target: str = "masks"
    epochs: int = 100
    source: tuple = ()

    def __post_init__(self):
        """Stop at what makes no training.

        Raises:
            ValueError: naming the setting.
        """
        if not 0 <= self.coarse_share < 1:
            raise ValueError(f"coarse_share: got {self.coarse_share}, expected a number from 0 to below 1.")
        sides = self.window or (1, 1)
        if len(sides) != 2 or not all(is_whole(side) and side > 0 for side in sides):
            raise ValueError(
                f"window: got {list(self.window)}, expected height and width in whole pixels, such as [128, 256]."
            )
        if not 0 <= self.most_draws < math.inf:
            raise ValueError(f"most_draws: got {self.most_draws}, expected a number above 0, or 0 for no end.")

    def most_steps(self, count):
        """Steps at which a training on so many images ends, where it goes by the minutes; infinity for no end."""
        return max(1, int(self.most_draws * count / self.batch_size)) if self.most_draws else math.inf

    def describe(self):
        """All settings as plain values by name, those of the training and the augmentation among them."""
        plain = asdict(self)
        del plain["source"]  # where a setting comes from doesn't decide the training
        return plain | plain.pop("training")

    def table(self, minutes=0.0):
        """The settings as a table of texts with a row each: setting and value, and who set it where there is a source.

        Args:
            minutes: length of the training, which stands in the place of the epochs; 0 goes by the epochs.
        """
        settings = self.describe()
        if minutes:
            settings = {name: value for name, value in settings.items() if name != "epochs"} | {"minutes": minutes}
        rows = [
            (name, _words(value), "its source" if name in self.source else "us") for name, value in settings.items()
        ]
        table = pd.DataFrame(rows, columns=["setting", "value", "set by"])
        return table if self.source else table.drop(columns="set by")


OURS = Training(
    loss={"bce": 1.0, "class_dice_loss": 1.0},
    optimizer="adamw",
    learning_rate=1.5e-3,
    weight_decay=0.01,
    warm_up=0.05,
    decay="cosine",
    averaging=0.02,
)

PAPER = Recipe(
    "unet_paper",
    batch_size=32,
    defects_only=True,
    epochs=7,
    source=("network", "loss", "optimizer", "learning_rate", "batch_size", "defects_only", "epochs"),
)
OURS_MASKS = Augmentation(
    brightness=0.2, contrast=0.4, zoom=0.35, turn=10.0, quarter_turn=0.5, blur=0.25, noise=0.04, paste=0.5
)
# What the sources leave open is our choice: Adam at 1e-3 and batches of 8 where nothing else is said.
RECIPES = {
    # the U-Net paper's own settings, and the same network in small batches, which a few images need
    "paper": PAPER,
    "unet_paper": replace(PAPER, batch_size=4, epochs=100, source=(*PAPER.source[:4], "defects_only")),
    # what the paper's section on future work wishes for
    "unet_wide": Recipe("unet_wide", defects_only=True, source=("network",)),
    "sm_fpn": Recipe("sm_fpn", arguments={"encoder": "resnet18"}, defects_only=True, source=("network",)),
    "sm_pspnet": Recipe("sm_pspnet", arguments={"encoder": "resnet18"}, defects_only=True, source=("network",)),
    "deeplabv3plus": Recipe("deeplabv3plus", defects_only=True, source=("network",)),
    # the U-Net of segmentation-models on the encoder of its examples, with the loss that notebooks on this data take
    "sm_unet_baseline": Recipe(
        "sm_unet",
        Training(loss={"bce": 1.0, "class_dice_loss": 1.0}),
        {"encoder": "resnet34"},
        source=("network", "arguments"),
    ),
    # a U-Net on a ResNet encoder with cross-entropy and Dice
    "resnet_unet": Recipe("sm_unet", arguments={"encoder": "resnet50"}, source=("network", "loss")),
    # two stages: the classifier that gates, and the two networks behind it
    "classifier_resnet50": Recipe(
        "classifier_resnet50",
        Training(loss={"bce": 1.0}, learning_rate=1e-4),
        target="defect",
        epochs=40,
        source=("network", "loss", "target", "epochs"),
    ),
    "resunet": Recipe("resunet", Training(loss={"focal_tversky": 1.0}), defects_only=True, source=("network", "loss")),
    "resunet_tversky": Recipe(
        "resunet", Training(loss={"tversky": 1.0}), defects_only=True, source=("network", "loss")
    ),
    # ours
    "sm_unet": Recipe(
        "sm_unet", OURS, {"encoder": "resnet18"}, lift=0.5, augmentation=Augmentation(), frozen_share=0.1
    ),
    "steel_unet": Recipe(
        "steel_unet",
        replace(OURS, optimizer="muon", learning_rate=0.01),
        batch_size=16,
        lift=0.5,
        augmentation=OURS_MASKS,
        longest=1.6,
        coarse_share=0.6,
        most_draws=140.0,
    ),
    "classifier_small": Recipe(
        "classifier_small",
        replace(OURS, loss={"bce": 1.0}),
        batch_size=16,
        lift=0.5,
        augmentation=replace(OURS_MASKS, zoom=0.1, turn=0.0, erase=0.5, paste=0.0),
        target="defect and classes",
    ),
}


def _words(value):
    """A setting as text."""
    if value is None or value == {}:
        return "none"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_words(number)}" for name, number in value.items())
    if isinstance(value, (list, tuple)):
        return " x ".join(map(_words, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def find_recipe(name, **changes):
    """A recipe by its name, with what is asked for in its place.

    Args:
        name: one of `RECIPES`.
        **changes: attributes of `Recipe` or of `Training`; None leaves the recipe's own.

    Raises:
        ValueError: there is no such recipe, or a change makes none.
        TypeError: there is no such attribute.
    """
    if name == "two_stage":
        raise ValueError(f"model: {name} is two trainings. {TWO_STAGE}")
    if name not in RECIPES:
        raise ValueError(f"model: got {name!r}, which has no recipe. Choose one of: {', '.join(RECIPES)}.")
    recipe = RECIPES[name]
    changes = {name: value for name, value in changes.items() if value is not None}
    training = {name: changes.pop(name) for name in list(changes) if name in Training.__dataclass_fields__}
    changed = replace(recipe, training=replace(recipe.training, **training), **changes)
    before, after = recipe.describe(), changed.describe()
    return replace(changed, source=tuple(name for name in recipe.source if after[name] == before[name]))


@dataclass(frozen=True)
class Images:
    """What is trained on.

    Attributes:
        dataset: a `Dataset`.
        training_ids: images to train on.
        watched_ids: images to look at after each epoch; there may be none.
        shape: (height, width) that they are scaled to, in pixels.
        channels: 1 for grey, 3 for colour.
    """

    dataset: object
    training_ids: list
    watched_ids: list
    shape: tuple
    channels: int = 1


def train_recipe(
    model,
    arguments,
    recipe,
    images,
    *,
    folder,
    seed,
    epochs=0,
    minutes=0.0,
    steps_per_epoch=0,
    frozen=(),
    pretrained=False,
    settings=None,
):
    """Train a network by a recipe, and go on where an earlier call with the same settings was killed.

    Args:
        model: keras.Model of `build_model(recipe.network, images.shape, outputs, **arguments)`; it ends with the
            trained weights.
        arguments: what it was built with.
        recipe: a `Recipe`.
        images: `Images`.
        folder: where checkpoint, budget and history are kept.
        seed: decides the order of the images and their changes.
        epochs: how often as many images are drawn as there are to train on; 0 goes by the minutes.
        minutes: time for the training; 0 goes by the epochs.
        steps_per_epoch: batches in an epoch; 0 means as many as hold all images. With the numbers of an earlier
            training by minutes, and its epochs, that training is repeated step for step.
        frozen: layers that are left alone at first, as long as the recipe's `frozen_share` says.
        pretrained: whether the network begins with weights that were trained on other images, so that the recipe's
            `most_draws` may end it before the minutes are over; a line on stderr says so.
        settings: dict of what else decides its course, such as the weights that it begins with.

    Returns:
        (table of `train_model`, `Budget` of the steps, dict of all settings, the epochs and steps among them).

    Raises:
        ValueError: not just one of `epochs` and `minutes` is given; the network can't be trained on windows or smaller
            images; and as `train_model`.
    """
    if bool(epochs) == bool(minutes):
        raise ValueError(f"got {epochs} epochs and {minutes} minutes, expected one of them, and 0 for the other.")
    window = choose_window(recipe, images.shape)
    if window:
        require_any_size(recipe.network, "window")
    if recipe.coarse_share:
        require_any_size(recipe.network, "coarse_share")
    target = TARGETS[recipe.target]
    settings = {
        "shape": tuple(images.shape),
        **arguments,
        "model": recipe.network,
        **{name: value for name, value in recipe.describe().items() if name != "network"},
        "window": window,
        "seed": seed,
        "epochs": epochs,
        "minutes": minutes,
        "images": list(images.training_ids),
        "watched": list(images.watched_ids),
        "data": images.dataset.fingerprint,
        "code": _training_code(recipe.network),
        **(settings or {}),
    }
    changes_size = bool(window or recipe.coarse_share)
    trained = any_size_twin(model, recipe.network, arguments) if changes_size else model
    folder = Path(folder)
    stages = _stages(recipe, images, window, seed, folder / CACHE)
    validation = None
    if images.watched_ids:
        validation = ordered_batches(
            images.dataset, images.watched_ids, images.shape, recipe.batch_size, channels=images.channels
        )
        validation = _with_labels(validation, target)
    budget = Budget(epochs, steps_per_epoch or num_batches(len(images.training_ids), recipe.batch_size))
    if minutes:
        compile_model(trained, recipe.training, 1000, target.metrics())
        most = recipe.most_steps(len(images.training_ids)) if pretrained else math.inf
        budget = plan_budget(
            trained, stages, validation, minutes=minutes, folder=folder, settings=settings, most_steps=most
        )
        _tell_of_end(budget, most, minutes, recipe.batch_size, len(images.training_ids))

    def train(length, place):
        compile_model(trained, recipe.training, length * budget.steps_per_epoch, target.metrics())
        return train_model(
            trained,
            stages,
            validation,
            steps_per_epoch=budget.steps_per_epoch,
            epochs=length,
            folder=place,
            settings=settings,
            patience=recipe.training.patience,
            watched=target.watched,
        )

    if frozen and recipe.frozen_share:
        frozen = _same_layers(model, trained, frozen)
        for layer in frozen:
            layer.trainable = False
        train(max(1, round(recipe.frozen_share * budget.epochs)), folder / FROZEN)
        for layer in frozen:
            layer.trainable = True
    history = train(budget.epochs, folder)
    shutil.rmtree(folder / CACHE, ignore_errors=True)
    if changes_size:
        model.set_weights(trained.get_weights())
    return history, budget, settings | {"epochs": budget.epochs, "steps_per_epoch": budget.steps_per_epoch}


def _same_layers(model, twin, chosen):
    """The layers of a network's twin, or of itself, that stand where the chosen ones do; also within an encoder."""
    pairs = zip(_with_inner(model), _with_inner(twin), strict=True)
    return [other for layer, other in pairs if any(layer is each for each in chosen)]


def _with_inner(model):
    """All layers of a network, those of the networks in it after each."""
    for layer in model.layers:
        yield layer
        yield from _with_inner(layer) if isinstance(layer, keras.Model) else ()


def _tell_of_end(budget, most, minutes, batch_size, count):
    """Say on stderr that a training ends before its minutes are over, where it does."""
    if most * budget.seconds_per_step + budget.epochs * budget.seconds_per_look >= 60 * minutes:
        return
    draws = budget.total_steps / num_batches(count, batch_size)
    print(
        f"{count:,} images: the training ends after {budget.total_steps:,} steps, before its {minutes:g} minutes are "
        f"over. Each was drawn {draws:.0f} times by then. A number of epochs takes more.",
        file=sys.stderr,
    )


def _training_code(network):
    """SHA-256 of the code that a training runs: a checkpoint that another code made is not gone on with.

    Which recipes there are, and what other networks look like, doesn't count.
    """
    needed = ("train", "batches", "targets")
    here = functions_digest(train_recipe, _stages, _batch_maker)
    modules = [*(f"helpers.models.{name}" for name in needed), "helpers.data.sampling", BUILDERS[network].__module__]
    return settings_key({"modules": code_digest(*modules), "here": here, "coarse": COARSE})


def _stages(recipe, images, window, seed, cache):
    """The stages of a training: list of `Stage`, that on smaller images first."""

    def stage(share, scale):
        shape = tuple(round(scale * side) for side in images.shape)
        smaller = window and tuple(round(scale * side) for side in window)
        make_batches = _batch_maker(recipe, images, shape, smaller, seed, cache / f"{shape[0]}x{shape[1]}")
        return Stage(make_batches, share, scale**2)

    coarse = [stage(recipe.coarse_share, COARSE)] if recipe.coarse_share else []
    return [*coarse, stage(1 - recipe.coarse_share, 1.0)]


def _batch_maker(recipe, images, shape, window, seed, cache):
    """Function of `first_step` that gives the batches of images of a size to train on."""
    weights = None
    if recipe.lift or recipe.clean_share is not None:
        weights = sampling_weights(images.dataset.areas.loc[list(images.training_ids)], recipe.lift, recipe.clean_share)

    def make_batches(first_step):
        batches = training_batches(
            images.dataset,
            images.training_ids,
            shape,
            recipe.batch_size,
            channels=images.channels,
            seed=seed,
            first_step=first_step,
            weights=None if weights is None else weights.to_numpy(),
            augmentation=recipe.augmentation,
            window=window,
            cache=cache,
        )
        return _with_labels(batches, TARGETS[recipe.target])

    return make_batches


def _with_labels(batches, target):
    """The batches of (images, masks) with what the network has to give in the masks' place."""
    if target.labels is None:
        return batches
    return batches.map(lambda images, masks: (images, target.labels(masks)))


def choose_window(recipe, shape):
    """The window that a recipe trains on in images of a size.

    Args:
        recipe: a `Recipe`.
        shape: (height, width) of the images in pixels.

    Returns:
        (height, width) in pixels, no larger than the image; None where it would be all of it.
    """
    shape = tuple(shape)
    window = recipe.window
    if window is None and recipe.longest:
        window = (int(recipe.longest * min(shape)),) * 2
    if window is None:
        return None
    inside = tuple(min(pair) for pair in zip(window, shape, strict=True))
    return None if inside == shape else inside


def describe_training(settings, history):
    """A training's settings for a bundle: the number of images in the place of their names, and its length.

    Args:
        settings: dict of `train_recipe`.
        history: table of `train_model`.

    Returns:
        dict.
    """
    counts = {name: len(settings[name]) for name in ("images", "watched")}
    return {**settings, **counts, "epochs": int(history["epoch"].max())}
