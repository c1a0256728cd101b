"""Model bundles: what everything downstream takes.

Loading one runs nothing that comes with it: all code is ours, or that of an installed package that a network is built
from.
"""

import hashlib
import warnings
from pathlib import Path

import keras

from helpers.files import read_json, write_json, written_beside
from helpers.models.build import BUILDERS, build_model, require_any_size
from helpers.models.parts import check_shape
from helpers.models.targets import TARGETS
from helpers.models.versions import check_sizes

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
    "smallest_masks": list,
    "mirrored": bool,
    "weights": str,
    "sha256": str,
    "training": dict,
    "scores": dict,
}
SCALING = "grey values / 255"


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
    }
    _check_bundle(bundle, folder / "bundle.json")
    _check_model(model, bundle, folder / "bundle.json")
    unnamed = folder / bundle["weights"]
    with written_beside(unnamed) as beside:
        _without_optimizer(model).save_weights(beside)
    bundle["sha256"] = _sha256(unnamed)
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
    _check_bundle(bundle, path)
    return bundle


def write_decisions(folder, decisions, scores, classifier=""):
    """Put other decisions into a bundle, so that later predictions use just those.

    Args:
        folder: a bundle.
        decisions: `helpers.inference.tuning.Decisions`.
        scores: dict: name -> {value, unit, split, definition} of the model by such decisions.
        classifier: name of the classifier's bundle beside this one that its gates ask; "" without gates.

    Returns:
        The dict that `bundle.json` holds.

    Raises:
        FileNotFoundError: there is no bundle.
        ValueError: the decisions are not those of so many classes, or there are gates and no classifier.
    """
    bundle = read_bundle(folder) | {
        "thresholds": [float(threshold) for threshold in decisions.thresholds],
        "smallest_masks": [float(size) for size in decisions.smallest],
        "gates": [float(gate) for gate in decisions.gates],
        "smallest_masks_clean": [float(size) for size in decisions.smallest_clean],
        "filled": [bool(fills) for fills in decisions.filled],
        **decisions.version.describe(),
        "classifier": classifier,
        "scores": scores,
    }
    path = Path(folder) / "bundle.json"
    _check_bundle(bundle, path)
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
    weights = folder / bundle["weights"]
    if not weights.is_file():
        raise FileNotFoundError(f"{weights} is not there. Copy the bundle again, with all its files.")
    if _sha256(weights) != bundle["sha256"]:
        raise ValueError(f"{weights}: the SHA-256 is not the one in bundle.json. Copy the bundle again, or train anew.")
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


def _check_bundle(bundle, path):
    """Stop where what `bundle.json` holds is not what this project writes."""
    if not isinstance(bundle, dict):
        raise ValueError(f"{path}: got a {type(bundle).__name__}, expected the keys of a model bundle. Copy it again.")
    if isinstance(bundle.get("format"), int) and bundle["format"] > FORMAT:
        raise ValueError(f"{path}: format {bundle['format']} is newer than {FORMAT}. Update this project.")
    for key, kind in KEYS.items():
        if not isinstance(bundle.get(key), kind) or isinstance(bundle[key], bool) != (kind is bool):
            raise ValueError(f"{path}: {key} is missing or no {kind.__name__}. Was the file changed by hand?")
    if bundle["format"] != FORMAT:
        raise ValueError(f"{path}: format is {bundle['format']}, expected {FORMAT}. Was the file changed by hand?")
    if bundle["architecture"] not in BUILDERS:
        raise ValueError(
            f"{path}: the architecture {bundle['architecture']!r} is not known here. "
            f"Known: {', '.join(sorted(BUILDERS))}."
        )
    if bundle.get("target", "masks") not in TARGETS:  # bundles from before there were classifiers say nothing
        raise ValueError(
            f"{path}: target is {bundle['target']!r}, expected one of: {', '.join(TARGETS)}. Update this project."
        )
    if bundle["scaling"] != SCALING:
        raise ValueError(f"{path}: scaling is {bundle['scaling']!r}, expected {SCALING!r}. Update this project.")
    if not bundle["class_names"] or not all(isinstance(name, str) for name in bundle["class_names"]):
        raise ValueError(f"{path}: class_names is {bundle['class_names']!r}, expected a text for each class.")
    for key in ("thresholds", "smallest_masks"):
        if len(bundle[key]) != len(bundle["class_names"]) or not all(map(_is_share, bundle[key])):
            raise ValueError(
                f"{path}: {key} is {bundle[key]!r}, expected a number from 0 to 1 for each of "
                f"{len(bundle['class_names'])} classes. Tune them again."
            )
    sizes = bundle.get("sizes", [1.0])  # bundles from before there were sizes say nothing
    if not isinstance(sizes, list) or not all(map(_is_number, sizes)):
        raise ValueError(f"{path}: sizes is {sizes!r}, expected a list of numbers. Tune them again.")
    try:
        check_sizes(sizes)
        if sizes != [1]:
            require_any_size(bundle["architecture"], "sizes")
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    filled = bundle.get("filled", [])  # bundles from before it could be decided say nothing
    if (
        not isinstance(filled, list)
        or len(filled) not in (0, len(bundle["class_names"]))
        or not all(isinstance(fills, bool) for fills in filled)
    ):
        raise ValueError(
            f"{path}: filled is {filled!r}, expected true or false for each of {len(bundle['class_names'])} classes. "
            "Tune them again."
        )
    _check_gates(bundle, path)
    if Path(bundle["weights"]).name != bundle["weights"] or not bundle["weights"].endswith(".weights.h5"):
        raise ValueError(
            f"{path}: the weights {bundle['weights']!r} lie outside the bundle, or are no .weights.h5 file. "
            "Don't use it."
        )


def _check_gates(bundle, path):
    """Stop where the gates, which a bundle may have, are not one for each class, or ask no classifier."""
    gates, sizes = bundle.get("gates", []), bundle.get("smallest_masks_clean", [])
    classifier = bundle.get("classifier", "")
    if not isinstance(classifier, str) or Path(classifier).name != classifier:
        raise ValueError(
            f"{path}: classifier is {classifier!r}, expected the name of a bundle beside it. Don't use it."
        )
    if not gates and not sizes:
        return
    wanted = len(bundle["class_names"])
    for key, values, most in (("gates", gates, 1), ("smallest_masks_clean", sizes, 2)):
        sound = isinstance(values, list) and len(values) == wanted
        if not sound or not all(_is_number(value) and 0 <= value <= most for value in values):
            raise ValueError(
                f"{path}: {key} is {values!r}, expected a number from 0 to {most} for each of {wanted} classes. "
                "Tune them again."
            )
    if any(gates) and not classifier:
        raise ValueError(f"{path}: there are gates, and no classifier to ask. Tune again, with one or without gates.")


def _check_model(model, bundle, path):
    """Stop where the network's input or output is not what the bundle says."""
    expected = (*bundle["input_shape"], bundle["channels"]), len(bundle["class_names"])
    found = tuple(model.input_shape[1:]), model.output_shape[-1]
    if found != expected:
        raise ValueError(
            f"{path}: the network takes {found[0]} (height, width, channels) and gives {found[1]} classes; "
            f"input_shape, channels and class_names say {expected[0]} and {expected[1]}. Was the file changed by hand?"
        )


def _is_share(number):
    """Whether it is a number from 0 to 1."""
    return _is_number(number) and 0 <= number <= 1


def _is_number(number):
    """Whether it is a number, and no bool."""
    return isinstance(number, (int, float)) and not isinstance(number, bool)


def _sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
