"""Model bundles: what everything downstream takes.

Loading one runs nothing that comes with it: all code is ours, or that of an installed package that a network is built
from.
"""

import warnings
from pathlib import Path

import keras

from helpers.files import write_json, written_beside
from helpers.models.about import limits_of
from helpers.models.build import build_model
from helpers.models.bundle_file import (
    FORMAT,
    ONCE,
    SCALING,
    check_bundle,
    decides_once,
    read_bundle,
    sha256_of,
    sound_weights,
)
from helpers.models.parts import check_shape


def save_bundle(
    folder,
    model,
    *,
    architecture,
    arguments,
    input_shape,
    channels,
    class_names,
    thresholds,
    training,
    scores,
    smallest_masks=None,
    mirrored=False,
    sizes=(1.0,),
    filled=(),
    target="masks",
    image_shape=None,
    once=None,
):
    """Write a model bundle: `bundle.json` and a weights file that is named by its content.

    Args:
        folder: where to write; an older bundle there stays whole until the new one is.
        model: keras.Model that `build_model(architecture, input_shape, len(class_names), **arguments)` gives.
        architecture: the network's name.
        arguments: dict of plain values that the network takes besides.
        input_shape: (height, width) of the input in pixels.
        channels: 1 for grey, 3 for colour.
        class_names: a name for each class.
        thresholds: for each class, the probability from which a pixel counts as defect.
        training: dict: how and on what it was trained.
        scores: dict: name -> {value, unit, split, definition}.
        smallest_masks: for each class, the smallest mask that is believed, as a fraction of the image; None: all.
        mirrored: whether predictions are means over the image and its mirror images.
        sizes: multiples of the input size at which images are predicted; where there are several, the mean is taken.
        filled: for each class, whether holes in its masks are filled; empty fills none.
        target: what the network gives, one of `helpers.models.targets.TARGETS`.
        image_shape: (height, width) in pixels of the photographs that it was trained on, before they were scaled to the
            input; None where they had no size in common. Predictions of other sizes go by it.
        once: `helpers.inference.tuning.Decisions` for predicting each image as it is, in one pass, where predictions
            are means over several; None where nobody tuned any.

    Returns:
        The dict that `bundle.json` holds.

    Raises:
        ValueError: the parts don't fit together; nothing is written then.
    """
    folder = Path(folder)
    bundle = {
        "format": FORMAT,
        "architecture": architecture,
        "arguments": arguments,
        "input_shape": [int(side) for side in input_shape],
        "channels": int(channels),
        "class_names": [str(name) for name in class_names],
        "scaling": SCALING,
        "thresholds": [float(threshold) for threshold in thresholds],
        "smallest_masks": [float(size) for size in smallest_masks or [0.0] * len(class_names)],
        "mirrored": bool(mirrored),
        "sizes": [float(size) for size in sizes],
        "filled": [bool(fills) for fills in filled],
        "target": target,
        "weights": "new.weights.h5",
        "sha256": "",
        "parameters": model.count_params(),
        "training": training,
        "scores": scores,
        "limits": limits_of(training),
    }
    if image_shape is not None:
        bundle["image_shape"] = [int(side) for side in image_shape]
    bundle |= _described_once(bundle, once)
    check_bundle(bundle, folder / "bundle.json")
    _check_model(model, bundle, folder / "bundle.json")
    unnamed = folder / bundle["weights"]
    with written_beside(unnamed) as beside:
        _without_optimizer(model).save_weights(beside)
    bundle["sha256"] = sha256_of(unnamed)
    bundle["weights"] = f"{bundle['sha256'][:16]}.weights.h5"
    unnamed.replace(folder / bundle["weights"])
    write_json(folder / "bundle.json", bundle)
    for old in folder.glob("*.weights.h5"):
        if old.name != bundle["weights"]:
            old.unlink()
    return read_bundle(folder)


def _without_optimizer(model):
    """The same network on the same layers, not compiled: Keras stores the state of an optimizer with the weights."""
    return keras.Model(model.inputs, model.outputs, name=model.name)


def _described_once(bundle, once):
    """What a bundle says of predictions in one pass, as a dict; nothing where they are what it is for, or untold."""
    return {} if once is None or decides_once(bundle) else {ONCE: once.describe()}


def write_decisions(folder, decisions, scores, classifier="", once=None):
    """Put other decisions into a bundle, so that later predictions use just those.

    Args:
        folder: a bundle.
        decisions: `helpers.inference.tuning.Decisions`.
        scores: dict: name -> {value, unit, split, definition} of the model by such decisions.
        classifier: name of the classifier's bundle beside this one that its gates ask; "" without gates.
        once: as in `save_bundle`; None leaves the bundle without any.

    Returns:
        The dict that `bundle.json` holds.

    Raises:
        FileNotFoundError: there is no bundle.
        ValueError: the decisions are not those of so many classes, or there are gates and no classifier.
    """
    kept = {key: value for key, value in read_bundle(folder).items() if key != ONCE}
    bundle = kept | decisions.describe() | {"classifier": classifier, "scores": scores}
    bundle |= _described_once(bundle, once)
    path = Path(folder) / "bundle.json"
    check_bundle(bundle, path)
    write_json(path, bundle)
    return bundle


def load_bundle(folder):
    """Build the network from code, check the weights' SHA-256, and load them.

    Args:
        folder: a bundle.

    Returns:
        (keras.Model, dict): the model, and what `bundle.json` holds.

    Raises:
        FileNotFoundError: the bundle or its weights are missing.
        ValueError: the bundle is faulty, or the weights are not the ones that it names.
    """
    folder = Path(folder)
    bundle = read_bundle(folder)
    weights = sound_weights(folder, bundle)
    try:
        check_shape(bundle["input_shape"], multiple=1)
        model = build_model(
            bundle["architecture"], bundle["input_shape"], len(bundle["class_names"]), **bundle["arguments"]
        )
    except ValueError as error:
        raise ValueError(f"{folder / 'bundle.json'}: {error}") from None
    _check_model(model, bundle, folder / "bundle.json")
    try:
        with warnings.catch_warnings():
            # Keras warns of a layer that keeps its random weights.
            warnings.simplefilter("error", UserWarning)
            model.load_weights(weights)
    except (ValueError, KeyError, OSError, UserWarning) as error:
        reason = " ".join(str(error).split())
        raise ValueError(
            f"{weights}: these weights don't fit {bundle['architecture']} ({reason}). "
            "Copy the bundle again, or train anew."
        ) from None
    return model, bundle


def _check_model(model, bundle, path):
    """Stop where the network's input or output is not what the bundle says."""
    expected = (*bundle["input_shape"], bundle["channels"]), len(bundle["class_names"])
    found = tuple(model.input_shape[1:]), model.output_shape[-1]
    if found != expected:
        raise ValueError(
            f"{path}: the network takes {found[0]} (height, width, channels) and gives {found[1]} classes; "
            f"input_shape, channels and class_names say {expected[0]} and {expected[1]}. Was the file changed by hand?"
        )
