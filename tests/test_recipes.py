"""Recipes, and training by them."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from helpers.data.augment import Augmentation
from helpers.models import recipes
from helpers.models.build import BUILDERS, build_model
from helpers.models.recipes import (
    RECIPES,
    Images,
    Recipe,
    choose_window,
    find_recipe,
    train_recipe,
)
from helpers.models.stages import batches_in_turn
from helpers.models.targets import TARGETS
from helpers.models.train import Training, seed_everything
from helpers.series.profiles import PUBLISHED
from tiny_models import SHAPE, tiny_dataset

NARROW = {"stem": 4, "widths": (8, 8), "depths": (0, 1)}
QUICK = Recipe(
    "steel_unet",
    Training(loss={"bce": 1.0, "tversky": 1.0}, optimizer="adamw", learning_rate=0.01, decay="cosine", averaging=0.2),
    NARROW,
    batch_size=3,
    lift=0.5,
    augmentation=Augmentation(),
)


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Ten images: seven to train on, three to watch."""
    dataset = tiny_dataset(tmp_path_factory.mktemp("recipes") / "tiny", 10)
    ids = dataset.training_ids
    return Images(dataset, ids[:7], ids[7:], SHAPE)


def train(images, folder, recipe=QUICK, *, epochs=3, **arguments):
    """Train a narrow network: (model, history, budget, settings)."""
    seed_everything(1)
    outputs = TARGETS[recipe.target].outputs(images.dataset.class_names)
    model = build_model(recipe.network, SHAPE, len(outputs), **recipe.arguments)
    trained = train_recipe(model, recipe.arguments, recipe, images, folder=folder, seed=1, epochs=epochs, **arguments)
    return model, *trained


def weights_of(model):
    """All weights of a model in one array."""
    return np.concatenate([weight.numpy().ravel() for weight in model.weights])


def test_every_network_has_a_recipe():
    """And every recipe a network and a target that there are."""
    assert {recipe.network for recipe in RECIPES.values()} == set(BUILDERS)
    assert {recipe.target for recipe in RECIPES.values()} == set(TARGETS)


def test_find_recipe_with_changes():
    """Of the recipe and of its training; None leaves them."""
    recipe = find_recipe("steel_unet", batch_size=2, learning_rate=0.5, loss=None, window=(8, 8))
    ours = RECIPES["steel_unet"]
    assert (recipe.batch_size, recipe.training.learning_rate, recipe.window) == (2, 0.5, (8, 8))
    assert recipe.training.loss == ours.training.loss and recipe.lift == ours.lift
    assert find_recipe("steel_unet") == ours


def test_what_is_changed_is_not_its_source_s_any_more():
    """And what is asked for as it was, is."""
    table = find_recipe("paper", batch_size=8, epochs=7, learning_rate=1e-4).table().set_index("setting")["set by"]
    assert table["batch_size"] == table["learning_rate"] == "us"
    assert table["epochs"] == table["loss"] == table["optimizer"] == "its source"


def test_find_recipe_raises():
    with pytest.raises(ValueError, match="model: got 'unet', which has no recipe. Choose one of: paper, unet_paper"):
        find_recipe("unet")
    with pytest.raises(ValueError, match="two_stage is two trainings. Train classifier_resnet50 in 03_classifier, and"):
        find_recipe("two_stage")
    with pytest.raises(ValueError, match="coarse_share: got 1.0, expected a number from 0 to below 1"):
        find_recipe("steel_unet", coarse_share=1.0)
    for draws in (-1, float("inf"), float("nan")):
        with pytest.raises(ValueError, match=f"most_draws: got {draws}, expected a number above 0, or 0 for no end"):
            find_recipe("steel_unet", most_draws=draws)
    with pytest.raises(ValueError, match="learning_rate: got -1"):
        find_recipe("steel_unet", learning_rate=-1)
    with pytest.raises(TypeError, match="batchsize"):
        find_recipe("steel_unet", batchsize=1)


def test_recipe_table_tells_every_setting_in_words():
    """Nothing is left out, and nothing is shown as Python."""
    table = QUICK.table().set_index("setting")["value"]
    assert set(table.index) == set(QUICK.describe())
    assert "set by" not in QUICK.table()
    assert table["loss"] == "bce 1, tversky 1"
    assert table["window"] == "none" and table["defects_only"] == "no"
    assert table["arguments"] == "stem 4, widths 8 x 8, depths 0 x 1"
    assert table["augmentation"].startswith("mirror 0.5, ")
    assert not table.str.contains(r"[\[\]{}()]").any()


def test_recipe_table_tells_what_the_source_states():
    """And where a setting comes from decides no training; what a source states is a setting that there is."""
    recipe = find_recipe("paper")
    table = recipe.table().set_index("setting")["set by"]
    assert table["loss"] == table["epochs"] == "its source" and table["augmentation"] == "us"
    assert recipe.describe() == replace(recipe, source=()).describe()
    assert "minutes" in set(recipe.table(5.0)["setting"]) and "epochs" not in set(recipe.table(5.0)["setting"])
    for name, each in RECIPES.items():
        assert set(each.source) <= set(each.describe()), name
        assert bool(each.source) == (name in {*PUBLISHED, "unet_paper", "classifier_resnet50"}), name


def test_train_recipe_learns_and_repeats(images, tmp_path):
    """The loss falls; the same twice to the bit; a finished training is only taken up; the cache goes."""
    model, history, budget, settings = train(images, tmp_path / "a", epochs=6)
    assert history["loss"].iloc[-1] < history["loss"].iloc[0]
    assert (budget.epochs, budget.steps_per_epoch) == (6, 3)
    assert settings["images"] == images.training_ids and settings["lift"] == 0.5
    again, repeated, _, _ = train(images, tmp_path / "b", epochs=6)
    pd.testing.assert_frame_equal(repeated.drop(columns="seconds"), history.drop(columns="seconds"))
    np.testing.assert_array_equal(weights_of(again), weights_of(model))
    taken_up, finished, _, _ = train(images, tmp_path / "a", epochs=6)
    pd.testing.assert_frame_equal(finished, history)
    np.testing.assert_array_equal(weights_of(taken_up), weights_of(model))
    assert not (tmp_path / "a" / "cache").exists()


def test_train_recipe_of_another_length_begins_anew(images, tmp_path):
    """The schedule is made for the whole length, so that what was begun for another doesn't fit."""
    _, short, _, _ = train(images, tmp_path, epochs=2)
    _, longer, _, _ = train(images, tmp_path, epochs=3)
    assert len(longer) == 3
    assert longer["seconds"].iloc[0] != short["seconds"].iloc[0]
    assert longer["learning_rate"].iloc[0] > short["learning_rate"].iloc[0]


@pytest.mark.parametrize(
    ("window", "longest", "shape", "chosen"),
    [
        (None, 0.0, (128, 800), None),
        (None, 1.5, (128, 800), (128, 192)),
        (None, 1.5, (800, 128), (192, 128)),
        (None, 1.5, (200, 200), None),
        (None, 1.5, (200, 300), None),
        ((64, 500), 1.5, (128, 400), (64, 400)),
        ((64, 500), 0.0, (32, 400), None),
    ],
)
def test_choose_window(window, longest, shape, chosen):
    """A window that is asked for goes before the rule for strips; none is left that would be the whole image."""
    assert choose_window(Recipe("steel_unet", window=window, longest=longest), shape) == chosen


def test_train_recipe_on_windows_ends_with_the_model_itself(images, tmp_path):
    """The weights trained on windows are those of the model of whole images."""
    recipe = Recipe("steel_unet", QUICK.training, NARROW, batch_size=3, window=(16, 500))
    model, _, _, settings = train(images, tmp_path, recipe)
    assert settings["window"] == (16, SHAPE[1])
    seed_everything(1)
    fresh = build_model("steel_unet", SHAPE, images.dataset.num_classes, **NARROW)
    assert (weights_of(fresh) != weights_of(model)).mean() > 0.9
    assert model.input_shape == (None, *SHAPE, 1)
    _, _, _, whole = train(
        images, tmp_path / "whole", Recipe("steel_unet", QUICK.training, NARROW, window=(64, 500)), epochs=1
    )
    assert whole["window"] is None


def test_train_recipe_on_smaller_images_first(images, tmp_path, monkeypatch):
    """As many steps as the recipe says, wherever it goes on; windows shrink with the images."""
    made = []
    train_model = recipes.train_model

    def watched(model, stages, *arguments, **settings):
        made.append(stages)
        return train_model(model, stages, *arguments, **settings)

    monkeypatch.setattr(recipes, "train_model", watched)
    recipe = replace(QUICK, coarse_share=0.4, window=(24, 48))
    model, history, _, settings = train(images, tmp_path, recipe, epochs=3)
    assert history["loss"].iloc[-1] < history["loss"].iloc[0] and settings["coarse_share"] == 0.4
    assert model.input_shape == (None, *SHAPE, 1)
    whole = list(batches_in_turn(made[0], 9).take(9))
    assert [tuple(masks.shape[1:3]) for _, masks in whole] == [(16, 32)] * 4 + [(24, 48)] * 5
    for first_step in (2, 4, 7):
        rest = batches_in_turn(made[0], 9, first_step).take(9 - first_step)
        for (left, left_masks), (right, right_masks) in zip(whole[first_step:], rest, strict=True):
            np.testing.assert_array_equal(left, right)
            np.testing.assert_array_equal(left_masks, right_masks)


def test_train_recipe_with_frozen_layers_first(images, tmp_path):
    """They stay as they were in the first phase, and are trained in the second."""
    recipe = Recipe("steel_unet", QUICK.training, NARROW, batch_size=3, frozen_share=0.5)
    seed_everything(1)
    model = build_model("steel_unet", SHAPE, images.dataset.num_classes, **NARROW)
    first = model.get_layer("encoder_1_down_conv")
    before = first.get_weights()[0]
    train_recipe(model, NARROW, recipe, images, folder=tmp_path, seed=1, epochs=2, frozen=[first])
    assert all(layer.trainable for layer in model.layers)
    assert (first.get_weights()[0] != before).any()
    phase = pd.read_csv(tmp_path / "frozen" / "history.csv")
    assert len(phase) == 1
    with np.load(tmp_path / "frozen" / "trained.npz") as checkpoint:
        kept = [checkpoint[name] for name in checkpoint.files if checkpoint[name].shape == before.shape]
    assert any(np.array_equal(values, before) for values in kept)


def test_train_recipe_by_minutes(images, tmp_path):
    """As many steps as were planned, and as many again in a second run."""
    _, history, budget, _ = train(images, tmp_path, epochs=0, minutes=0.05)
    assert len(history) == budget.epochs
    assert 0.3 < history["seconds"].sum() < 60
    _, again, second, _ = train(images, tmp_path, epochs=0, minutes=0.05)
    assert second == budget
    pd.testing.assert_frame_equal(again, history)


@pytest.mark.parametrize(("pretrained", "ends"), [(True, True), (False, False)])
def test_train_recipe_ends_before_the_minutes_where_images_are_few(
    images, tmp_path, capsys, monkeypatch, pretrained, ends
):
    """As often drawn as the recipe says, once it begins with trained weights; it repeats, and says so."""
    monkeypatch.setattr("helpers.models.budget._measure", lambda *arguments: (0.05, 1.0))
    recipe = replace(QUICK, most_draws=4.0)  # nine steps of three images
    for _ in range(2):
        _, history, budget, settings = train(images, tmp_path, recipe, epochs=0, minutes=0.2, pretrained=pretrained)
        assert (budget.total_steps == 9) == ends and len(history) == budget.epochs == settings["epochs"]
        told = (
            "7 images: the training ends after 9 steps, before its 0.2 minutes are over. Each was drawn 3 times by then"
        )
        assert (told in capsys.readouterr().err) == ends


@pytest.mark.parametrize("window", [(128,), (0, 8), (8, -8), (8.5, 8), "12"])
def test_a_recipe_takes_no_window_without_a_size(window):
    with pytest.raises(ValueError, match="window: got .* expected height and width in whole pixels"):
        Recipe("steel_unet", window=window)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"epochs": 0}, "got 0 epochs and 0.0 minutes"),
        ({"epochs": 2, "minutes": 1.0}, "got 2 epochs and 1.0 minutes"),
        ({"recipe": Recipe("unet_paper", window=(16, 16))}, "window: unet_paper is built for one size"),
        ({"recipe": Recipe("unet_paper", coarse_share=0.5)}, "coarse_share: unet_paper is built for one size"),
    ],
)
def test_train_recipe_raises(images, tmp_path, changes, match):
    with pytest.raises(ValueError, match=match):
        train(images, tmp_path, **changes)
