"""What stands in a bundle, `bundle.json`, and whether its weights are those that it names; loads no TensorFlow."""

import hashlib
from pathlib import Path

from helpers.files import read_json
from helpers.models.known import ARCHITECTURES, MOST_PIXELS, TARGETS, require_any_size
from helpers.models.versions import AS_IT_IS, Version, check_sizes

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
NAME = "bundle.json"
ONCE = "once"  # its decisions for one pass, where it takes the mean of several
DECIDED = ("thresholds", "smallest_masks", "gates", "smallest_masks_clean", "filled", "sizes", "mirrored")
MOST_BYTES = 16 * 2**20  # of bundle.json; ours have a few kB
MOST_ENLARGED = 4  # times that a side of the photographs may be enlarged to the network's input


def read_bundle(folder):
    """Read and check `bundle.json`, without loading the weights.

    Returns:
        The dict.

    Raises:
        FileNotFoundError: there is no bundle.
        ValueError: something in it is missing, of another kind, or not known here.
    """
    path = Path(folder) / NAME
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there. Train a model with 04_segmentation, or give a bundle's folder.")
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(
            f"{path}: it has {path.stat().st_size / 1e6:,.0f} MB; expected {MOST_BYTES / 1e6:,.0f} MB at most. "
            "Don't use it."
        )
    bundle = read_json(path)
    check_bundle(bundle, path)
    return bundle


def taken_once(bundle):
    """A bundle as it predicts when each image goes through the network once, without mirror images and other sizes.

    Args:
        bundle: what `read_bundle` gave.

    Returns:
        dict of the same kind, with the decisions that the bundle carries for one pass; those for the mean where it
        carries none.
    """
    return {key: value for key, value in bundle.items() if key != ONCE} | bundle.get(ONCE, AS_IT_IS.describe())


def decides_once(bundle):
    """Whether a bundle tells how to decide when each image goes through the network once."""
    return ONCE in bundle or Version.of(bundle) == AS_IT_IS


def sound_weights(folder, bundle):
    """The weights file of a bundle, once its SHA-256 is the one that the bundle names.

    Args:
        folder: the bundle's folder.
        bundle: what `read_bundle` gave.

    Returns:
        Path.

    Raises:
        FileNotFoundError: it is missing.
        ValueError: it is another one.
    """
    weights = Path(folder) / bundle["weights"]
    if not weights.is_file():
        raise FileNotFoundError(f"{weights} is not there. Copy the bundle again, with all its files.")
    if sha256_of(weights) != bundle["sha256"]:
        raise ValueError(f"{weights}: the SHA-256 is not the one in bundle.json. Copy the bundle again, or train anew.")
    return weights


def classifier_of(folder, bundle):
    """Folder of the classifier's bundle that a bundle's gates ask; None where it has none.

    Args:
        folder: the bundle's folder; the classifier's lies beside it.
        bundle: what `read_bundle` gave.
    """
    return Path(folder).absolute().parent / bundle["classifier"] if any(bundle.get("gates", ())) else None


def verify_bundle(folder):
    """Check a bundle, and the classifier that it asks: that all is known here, and the weights are those it names.

    Nothing is built and no weights are loaded.

    Args:
        folder: the bundle's folder.

    Returns:
        List of (folder, dict of its `bundle.json`), that of the bundle first.

    Raises:
        FileNotFoundError, ValueError: as `read_bundle` and `sound_weights`.
    """
    bundle = read_bundle(folder)
    # A classifier asks nobody: a bundle that names itself would never end.
    classifier = classifier_of(folder, bundle) or classifier_of(folder, taken_once(bundle))
    found = [(Path(folder), bundle)] + ([(classifier, read_bundle(classifier))] if classifier else [])
    for place, each in found:
        sound_weights(place, each)
    return found


def check_bundle(bundle, path):
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
    if bundle["architecture"] not in ARCHITECTURES:
        raise ValueError(
            f"{path}: the architecture {bundle['architecture']!r} is not known here. "
            f"Known: {', '.join(sorted(ARCHITECTURES))}."
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
    _check_shapes(bundle, path)
    _check_once(bundle, path)
    if Path(bundle["weights"]).name != bundle["weights"] or not bundle["weights"].endswith(".weights.h5"):
        raise ValueError(
            f"{path}: the weights {bundle['weights']!r} lie outside the bundle, or are no .weights.h5 file. "
            "Don't use it."
        )


def _check_gates(bundle, path):
    """Stop where the gates, which a bundle may have, are not one for each class, or ask no classifier."""
    gates, sizes = bundle.get("gates", []), bundle.get("smallest_masks_clean", [])
    classifier = bundle.get("classifier", "")
    if not isinstance(classifier, str) or Path(classifier).name != classifier or classifier == "..":
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


def _check_once(bundle, path):
    """Stop where the decisions for one pass, which a bundle may have, are none, or are for something else."""
    if ONCE not in bundle:
        return
    once = bundle[ONCE]
    is_one_pass = isinstance(once, dict) and AS_IT_IS.describe().items() <= once.items()
    if not is_one_pass or set(once) != set(DECIDED):
        raise ValueError(f"{path}: {ONCE} is {once!r}, expected decisions for one pass. Tune them again.")
    check_bundle(taken_once(bundle), f"{path}, {ONCE}")


def _check_shapes(bundle, path):
    """Stop where a size is none, or beyond all measure: nothing may be made of that size to find out."""
    for key in ("input_shape", "image_shape"):
        sides = bundle.get(key, [1, 1])  # only newer bundles tell the photographs' size
        if not isinstance(sides, list) or len(sides) != 2 or not all(type(side) is int and side > 0 for side in sides):
            found = " x ".join(map(str, sides)) if isinstance(sides, list) else repr(sides)
            raise ValueError(f"{path}: {key}: got {found}; expected height x width in pixels. Don't use it.")
    height, width = bundle["input_shape"]
    if height * width > MOST_PIXELS:
        raise ValueError(
            f"{path}: input_shape: got {height} x {width}; expected at most {MOST_PIXELS:,} pixels. Don't use it."
        )
    largest = max(bundle.get("sizes", [1.0])) ** 2 * height * width
    if largest > MOST_PIXELS:
        raise ValueError(
            f"{path}: at the largest of its sizes the network's input has {largest:,.0f} pixels; expected at most "
            f"{MOST_PIXELS:,}. Don't use it."
        )
    usual = bundle.get("image_shape", bundle["input_shape"])
    if any(side > MOST_ENLARGED * like for side, like in zip(bundle["input_shape"], usual, strict=True)):
        raise ValueError(
            f"{path}: image_shape: got {usual[0]} x {usual[1]} for an input of {height} x {width}; expected no "
            f"photographs that are enlarged more than {MOST_ENLARGED} times. Don't use it."
        )
    if bundle["channels"] not in (1, 3):
        raise ValueError(f"{path}: channels: got {bundle['channels']}, expected 1 or 3. Don't use it.")


def _is_share(number):
    """Whether it is a number from 0 to 1."""
    return _is_number(number) and 0 <= number <= 1


def _is_number(number):
    """Whether it is a number, and no bool."""
    return isinstance(number, (int, float)) and not isinstance(number, bool)


def was_trained_on(bundle, dataset):
    """Whether a bundle's network was trained on images of just this data set; which of them, it doesn't tell."""
    return bundle["training"].get("data") == dataset.fingerprint


def sha256_of(path):
    """SHA-256 of a file's content, as hexadecimal text."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
