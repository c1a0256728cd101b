"""Model bundles: what everything downstream takes. Loading one runs nothing but this project's own code."""

import hashlib
from pathlib import Path

import keras

from helpers.files import read_json, write_json, written_beside
from helpers.models.build import BUILDERS, build_model

FORMAT = 1
KEYS = {
    "format": int,
    "architecture": str,
    "arguments": dict,
    "input_shape": list,
    "channels": int,
    "class_names": list,
    "scaling": str,
    "thresholds": list,
    "weights": str,
    "sha256": str,
    "training": dict,
    "scores": dict,
}
SCALING = "grey values / 255"


def save_bundle(
    folder, model, *, architecture, arguments, input_shape, channels, class_names, thresholds, training, scores
):
    """Write a model bundle: `bundle.json` and a weights file that is named by its content.

    Args:
        folder: where to write; an older bundle there stays whole until the new one is.
        model: keras.Model that `build_model(architecture, input_shape, len(class_names), **arguments)` gives.
        architecture: the network's name.
        arguments: dict of plain values.
        input_shape: (height, width) of the input in pixels.
        channels: 1 for grey, 3 for colour.
        class_names: a name for each class.
        thresholds: for each class, the probability from which a pixel counts as defect.
        training: dict: how and on what it was trained.
        scores: dict: name -> {value, unit, split, definition}.

    Returns:
        The dict that `bundle.json` holds.
    """
    folder = Path(folder)
    unnamed = folder / "new.weights.h5"
    with written_beside(unnamed) as beside:
        model.save_weights(beside)
    digest = _sha256(unnamed)
    weights = f"{digest[:16]}.weights.h5"
    unnamed.replace(folder / weights)
    bundle = {
        "format": FORMAT,
        "architecture": architecture,
        "arguments": arguments,
        "input_shape": list(input_shape),
        "channels": channels,
        "class_names": list(class_names),
        "scaling": SCALING,
        "thresholds": list(thresholds),
        "weights": weights,
        "sha256": digest,
        "parameters": model.count_params(),
        "training": training,
        "scores": scores,
    }
    write_json(folder / "bundle.json", bundle)
    for old in folder.glob("*.weights.h5"):
        if old.name != weights:
            old.unlink()
    return bundle


def read_bundle(folder):
    """Read and check `bundle.json`, without loading the weights.

    Returns:
        The dict.

    Raises:
        FileNotFoundError: there is no bundle.
        ValueError: something in it is missing, of another kind, or not known here.
    """
    path = Path(folder) / "bundle.json"
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there. Train a model with 04_segmentation, or give a bundle's folder.")
    bundle = read_json(path)
    for key, kind in KEYS.items():
        if not isinstance(bundle, dict) or not isinstance(bundle.get(key), kind):
            raise ValueError(f"{path}: {key} is missing or no {kind.__name__}. Was the file changed by hand?")
    if bundle["format"] > FORMAT:
        raise ValueError(f"{path}: format {bundle['format']} is newer than {FORMAT}. Update this project.")
    if bundle["architecture"] not in BUILDERS:
        raise ValueError(
            f"{path}: the architecture {bundle['architecture']!r} is not known here. "
            f"Known: {', '.join(sorted(BUILDERS))}."
        )
    if Path(bundle["weights"]).name != bundle["weights"]:
        raise ValueError(f"{path}: the weights {bundle['weights']!r} lie outside the bundle. Don't use it.")
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
    weights = folder / bundle["weights"]
    if not weights.is_file():
        raise FileNotFoundError(f"{weights} is not there. Copy the bundle again, with all its files.")
    if _sha256(weights) != bundle["sha256"]:
        raise ValueError(f"{weights}: the SHA-256 is not the one in bundle.json. Copy the bundle again, or train anew.")
    model = build_model(
        bundle["architecture"], tuple(bundle["input_shape"]), len(bundle["class_names"]), **bundle["arguments"]
    )
    try:
        model.load_weights(weights)
    except (ValueError, KeyError, OSError) as error:
        raise ValueError(f"{weights}: these weights don't fit {bundle['architecture']} ({error}).") from None
    return model, bundle


def describe_layers(model):
    """The layers of a model, for drawing it without TensorFlow.

    Returns:
        List of dicts: name, kind (class name), shape (height, width, channels of the output), inputs (names).
    """
    described = []
    for operation in model.layers:
        nodes = operation._inbound_nodes
        inputs = [tensor._keras_history.operation.name for tensor in nodes[0].input_tensors] if nodes else []
        described.append(
            {
                "name": operation.name,
                "kind": type(operation).__name__,
                "shape": tuple(operation.output.shape[1:]),
                "inputs": inputs,
            }
        )
    return described


def count_parameters(model):
    """Trainable and other weights of a model, counted."""
    return int(sum(keras.ops.size(weight) for weight in model.weights))


def _sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
