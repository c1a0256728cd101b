"""Where a training begins: at random, or with weights that were trained on something else."""

from pathlib import Path

from helpers.models.bundle import load_bundle
from helpers.models.bundle_file import sha256_of
from helpers.models.sm import encoder_layers, load_encoder_weights

SAME_ENCODER = ("steel_unet", "classifier_small")  # networks that can begin with each other's weights


def network_arguments(name, preprocessing, encoder_weights="none", **arguments):
    """What a network is built with, besides its size and classes.

    Args:
        name: the network's name.
        preprocessing: dict with channels, grey_mean and grey_deviation, as 02_preprocessing wrote it.
        encoder_weights: "none", "imagenet" or a file; an encoder that begins with such weights is given what its
            authors gave it.
        **arguments: the recipe's own.

    Returns:
        dict for `build_model`.

    Raises:
        ValueError: encoder weights were asked for, and the network has no encoder to give them to.
    """
    if encoder_weights == "none":
        return arguments | {key: preprocessing[key] for key in ("channels", "grey_mean", "grey_deviation")}
    if name != "sm_unet":
        raise ValueError(
            f"encoder_weights: got {encoder_weights!r} for {name}, expected 'none'. Only sm_unet takes them."
        )
    return arguments | {"channels": preprocessing["channels"], "preprocess": "imagenet"}


def begin_with(model, pretrained="", encoder_weights="none"):
    """Give a fresh network the weights to begin with.

    Args:
        model: keras.Model with fresh weights.
        pretrained: folder of a model bundle of the same network, or of one with the same encoder, perhaps with other
            classes or another image size; "" for none. Layers whose weights have another shape, as the last one of
            another number of classes has, keep their fresh weights.
        encoder_weights: for `sm_unet`: "none", "imagenet" (downloads), or a file.

    Returns:
        dict of plain values that tells what it begins with, for the training's settings: weights are known by their
        content and name, not by their place.

    Raises:
        FileNotFoundError: there is no such bundle or file.
        ValueError: the bundle is faulty or of another network, or these encoder weights can't be had.
    """
    if pretrained:
        return _take_up_bundle(model, Path(pretrained))
    if encoder_weights != "none":
        load_encoder_weights(model, encoder_weights)
    path = Path(encoder_weights)
    known = {"encoder_sha256": sha256_of(path)} if path.is_file() else {}
    return {"pretrained": "", "encoder_weights": path.name, **known}


def _take_up_bundle(model, folder):
    """Copy the weights of all layers whose shapes agree, by the layers' names."""
    known, bundle = load_bundle(folder)
    if known.name != model.name and not {known.name, model.name} <= set(SAME_ENCODER):
        raise ValueError(
            f"{folder}: this is a bundle of {known.name}, expected {model.name}. Give one of the same network."
        )
    taken = []
    for layer in model.layers:
        try:
            weights = known.get_layer(layer.name).get_weights()
        except ValueError:
            continue
        if weights and [value.shape for value in weights] == [value.shape for value in layer.get_weights()]:
            layer.set_weights(weights)
            taken.append(layer.name)
    if not taken:
        raise ValueError(f"{folder}: no layer's weights fit. Was it trained with other widths or channels?")
    return {
        "pretrained": bundle["sha256"],
        "encoder_weights": "none",
        "layers_taken": len(taken),
        "pretrained_on": str(bundle["training"].get("data_name", "other images")),
    }


def describe_beginning(beginning):
    """What `begin_with` tells, as a sentence."""
    if beginning["pretrained"]:
        return (
            f"It began with {beginning['layers_taken']} layers of a network as trained on "
            f"{beginning['pretrained_on']} (weights {beginning['pretrained'][:8]})."
        )
    if beginning["encoder_weights"] != "none":
        return f"Its encoder began with the weights of {beginning['encoder_weights']}."
    return "It began with random weights."


def layers_to_freeze(model, encoder_weights="none"):
    """The layers that a training leaves alone at first: an encoder that begins with weights of its own.

    Returns:
        List of layers; empty where the network begins at random.
    """
    return [] if encoder_weights == "none" else encoder_layers(model)
