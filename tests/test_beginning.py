"""Where a training begins."""

import numpy as np
import pytest

from helpers.models.beginning import begin_with, describe_beginning, layers_to_freeze, network_arguments
from helpers.models.build import build_model
from helpers.models.bundle import save_bundle
from helpers.models.train import seed_everything

NARROW = {"stem": 4, "widths": (8, 8), "depths": (0, 1)}
GREY = {"channels": 1, "grey_mean": 0.4, "grey_deviation": 0.2, "shape": [32, 64]}


def narrow(num_classes=3, seed=1, **arguments):
    """A narrow network with weights of a seed."""
    seed_everything(seed)
    return build_model("steel_unet", (32, 64), num_classes, **(NARROW | arguments))


def keep(model, folder, num_classes=3, **arguments):
    """Its bundle; returns the folder."""
    save_bundle(
        folder, model, architecture=model.name, arguments=NARROW | arguments if model.name == "steel_unet" else {},
        input_shape=(32, 64), channels=1, class_names=list("abcdef")[:num_classes], thresholds=[0.5] * num_classes,
        training={}, scores={},
    )  # fmt: skip
    return folder


def test_begin_with_a_bundle_of_other_classes(tmp_path):
    """All weights but those of the last convolution are taken."""
    known = narrow(3, seed=1)
    model = narrow(5, seed=2)
    last = model.get_layer("four_pixels").get_weights()[0]
    beginning = begin_with(model, str(keep(known, tmp_path)))
    assert len(beginning["pretrained"]) == 64
    assert describe_beginning(beginning) == (
        f"It began with {beginning['layers_taken']} layers of a network as trained on other images "
        f"(weights {beginning['pretrained'][:8]})."
    )
    carrying = [layer.name for layer in model.layers if layer.weights]
    assert beginning["layers_taken"] == len(carrying) - 1
    for layer in model.layers:
        if layer.name == "four_pixels":
            np.testing.assert_array_equal(layer.get_weights()[0], last)
        elif layer.weights:
            for value, expected in zip(layer.get_weights(), known.get_layer(layer.name).get_weights(), strict=True):
                np.testing.assert_array_equal(value, expected)


def test_begin_with_nothing():
    """The fresh weights stay."""
    model = narrow()
    before = [weight.numpy() for weight in model.weights]
    assert begin_with(model) == {"pretrained": "", "encoder_weights": "none"}
    for weight, value in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(weight.numpy(), value)


def test_describe_beginning_without_a_bundle():
    """An encoder file is named without its folder."""
    assert describe_beginning({"pretrained": "", "encoder_weights": "none"}) == "It began with random weights."
    of_file = describe_beginning({"pretrained": "", "encoder_weights": "resnet18.h5"})
    assert of_file == "Its encoder began with the weights of resnet18.h5."


def test_begin_with_a_bundle_that_does_not_fit(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"bundle.json is not there"):
        begin_with(narrow(), str(tmp_path / "nowhere"))
    with pytest.raises(ValueError, match="a bundle of unet_paper, expected steel_unet"):
        begin_with(narrow(), str(keep(build_model("unet_paper", (32, 64), 3), tmp_path / "paper")))
    other = keep(narrow(stem=6, widths=(10, 10)), tmp_path / "other", stem=6, widths=(10, 10))
    with pytest.raises(ValueError, match="no layer's weights fit"):
        begin_with(narrow(), str(other))


def test_network_arguments():
    """Grey values for a network that begins at random, the encoder's own preprocessing for one that doesn't."""
    grey = {"channels": 1, "grey_mean": 0.4, "grey_deviation": 0.2}
    assert network_arguments("steel_unet", GREY, stem=8) == {"stem": 8, **grey}
    assert network_arguments("sm_unet", GREY, "imagenet", encoder="vgg16") == {
        "encoder": "vgg16",
        "channels": 1,
        "preprocess": "imagenet",
    }
    with pytest.raises(ValueError, match="got 'imagenet' for steel_unet, expected 'none'"):
        network_arguments("steel_unet", GREY, "imagenet")


def test_encoder_weights_reach_the_encoder_alone(tmp_path):
    """From a file, as one downloads it elsewhere; the layers to freeze are the encoder's."""
    arguments = network_arguments("sm_unet", GREY | {"channels": 3}, "file", encoder="resnet18")
    seed_everything(1)
    source = build_model("sm_unet", (32, 64), 2, **arguments)
    assert layers_to_freeze(source) == []
    layers = layers_to_freeze(source, "file")
    assert layers and all(layer in source.get_layer("resnet18").layers for layer in layers)
    with pytest.raises(FileNotFoundError, match="nothing.h5"):
        begin_with(source, encoder_weights=str(tmp_path / "nothing.h5"))


def test_classifier_small_begins_with_our_network_s_encoder(tmp_path):
    """All of its layers but the last one; a network with another encoder can't."""
    ours = build_model("steel_unet", (32, 64), 2)
    save_bundle(
        tmp_path, ours, architecture="steel_unet", arguments={}, input_shape=(32, 64), channels=1,
        class_names=["a", "b"], thresholds=[0.5, 0.5], training={}, scores={},
    )  # fmt: skip
    small = build_model("classifier_small", (32, 64), 3)
    beginning = begin_with(small, str(tmp_path))
    weighted = [layer.name for layer in small.layers if layer.weights]
    assert beginning["layers_taken"] == len(weighted) - 1
    for name in set(weighted) - {"probabilities"}:
        for mine, theirs in zip(small.get_layer(name).get_weights(), ours.get_layer(name).get_weights(), strict=True):
            np.testing.assert_array_equal(mine, theirs)
    with pytest.raises(ValueError, match="a bundle of steel_unet, expected unet_paper"):
        begin_with(build_model("unet_paper", (32, 64), 2), str(tmp_path))
