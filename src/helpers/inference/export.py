"""A bundle's network for other engines than Keras, held against Keras on real images; loads TensorFlow when it is used.

Networks are written by Keras's own exporters, one for each size of image that the bundle's predictions take, and turned
into 8 bits by NNCF.
"""

import logging
import warnings
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np

from helpers.counts import PixelCounts, pixel_counts
from helpers.data.dataset import read_dataset
from helpers.data.made_up.workplace import workplace_beside
from helpers.data.resize import resize_image, resize_probabilities
from helpers.files import replace_folder, restore_folder, write_json
from helpers.inference.engines import INSTALL, KINDS, open_kind, processor_abilities
from helpers.inference.exports import (
    EXPORTS,
    FORMAT,
    INT8,
    RECORD,
    checked_once,
    decisions_digest,
    export_folder,
    network_shapes,
    shape_text,
)
from helpers.inference.predict import Passes, bundle_decisions, in_batches, threshold_masks
from helpers.inference.runtimes import import_openvino
from helpers.metrics import kaggle_dice
from helpers.models.bundle_file import ONCE, sha256_of, taken_once, was_trained_on
from helpers.models.versions import Version

SAVED_MODEL = "saved-model"
# For each format: Keras's name of it, the ending of a file, and the packages that it needs besides TensorFlow.
FORMATS = {
    "onnx": ("onnx", ".onnx", ("tf2onnx", "onnx", "onnxruntime")),
    "openvino": ("openvino", ".xml", ("openvino",)),
    SAVED_MODEL: ("tf_saved_model", "", ()),
}
CALIBRATION, CHECKED, BATCH = 100, 200, 8  # images


@dataclass(frozen=True)
class Exported:
    """An export that was written; printed, what it is and how far it is from Keras.

    Attributes:
        folder: where it lies.
        record: dict of its `export.json`.
    """

    folder: Path
    record: dict

    def __str__(self):
        lines = [f"Written: {self.folder}"]
        once = checked_once(self.record)["checks"]
        told = [*self.record["checks"].items(), *((f"{name}, once", check) for name, check in once.items())]
        for name, check in told:
            lines.append(
                f"{name} ({check['name']}), beside Keras on {check['images']:,} images of {self.record['data']}: "
                f"probabilities differ by {check['largest_difference']:.2g} at most, by "
                f"{check['mean_difference']:.2g} on average; kaggle_dice {check['kaggle_dice']:.4f} instead of "
                f"{check['kaggle_dice_keras']:.4f} ({check['kaggle_dice_change']:+.4f})."
            )
        if self.record.get("trained_on"):
            lines.append("The network was trained on these images: how good it is, its card says and not this.")
        return "\n".join(lines)


def export_bundle(folder, to, data, *, int8=False, most_checked=CHECKED):
    """Export a bundle's network, hold it against Keras on labelled images, and keep both beside the bundle.

    Args:
        folder: the bundle's folder. The export goes to `exports/<to>/` in it, or `exports/<to>-int8/`, and takes the
            place of an older one when it is whole and was checked.
        to: one of `FORMATS`.
        data: directory of a data set, whose labelled images serve: every second one, at most 100, to calibrate 8 bits,
            and of the others so many to check.
        int8: whether weights and activations become 8-bit numbers; of "openvino" alone.
        most_checked: the most images to check on.

    Returns:
        `Exported`.

    Raises:
        FileNotFoundError: the bundle or the data are missing.
        ValueError: there is no such format, it has no 8 bits, the bundle is faulty or gives no masks, or the data set
            has other classes or fewer than 2 labelled images.
        ImportError: a package is missing.
    """
    _require_format(to, int8)
    from helpers.models.bundle import load_bundle

    dataset, (model, bundle) = read_dataset(data), load_bundle(folder)
    if bundle.get("target", "masks") != "masks":
        raise ValueError(f"{folder}: the bundle gives {bundle['target']}, expected masks. Keras runs it as it is.")
    calibration, checked = _choose_images(dataset, bundle, most_checked)
    export = to + INT8 * int8
    place = export_folder(Path(folder).absolute(), export)
    place.parent.mkdir(exist_ok=True)
    restore_folder(place)
    with workplace_beside(place) as workplace:
        new = workplace / EXPORTS / export
        new.mkdir(parents=True)
        whole = workplace / "whole" if int8 else new
        networks = _write_networks(whole, model, bundle, to)
        if int8:
            _quantise(whole, new, networks, bundle, dataset, calibration)
        record = {
            "format": FORMAT,
            "export": export,
            "sha256": bundle["sha256"],
            "decisions": decisions_digest(bundle),
            "networks": networks,
            "files": {
                path.relative_to(new).as_posix(): sha256_of(path) for path in sorted(new.rglob("*")) if path.is_file()
            },
            "versions": {name: version(name) for name in _packages(to, int8)},
            "data": dataset.name,
            "trained_on": was_trained_on(bundle, dataset),
            "calibration_images": len(calibration) if int8 else 0,
            "checks": {},
        }
        write_json(new / RECORD, record)
        engines = _engines_of(workplace, bundle, export, new)
        record["checks"] = check_engines(engines, model, bundle, dataset, checked)
        if ONCE in bundle:
            once = taken_once(bundle)
            checks = check_engines(engines, model, once, dataset, checked)
            record[ONCE] = {"decisions": decisions_digest(once), "checks": checks}
        write_json(new / RECORD, record)
        replace_folder(new, place)
    return Exported(place, record)


def check_engines(engines, model, bundle, dataset, image_ids):
    """Hold engines against Keras: how far probabilities differ, and what that changes in `kaggle_dice`.

    Probabilities are those that the bundle's decisions are taken on: means over mirror images and sizes where it asks
    for these. Its gates, which ask a classifier, are left out.

    Args:
        engines: dict of name -> engine.
        model: the bundle's keras.Model.
        bundle: dict of `bundle.json`.
        dataset: a `Dataset`.
        image_ids: labelled images.

    Returns:
        dict of name -> dict: name (for people), images, largest_difference and mean_difference (of probabilities at the
        network's size), kaggle_dice, kaggle_dice_keras and kaggle_dice_change.
    """
    decisions = replace(bundle_decisions(bundle), gates=(), smallest_clean=())
    passes = {None: Passes(model, bundle, [Version.of(bundle)])}
    passes |= {name: Passes(engine, bundle, [Version.of(bundle)]) for name, engine in engines.items()}
    counts, differences = {name: [] for name in passes}, {name: [] for name in engines}
    for some in in_batches(image_ids, BATCH):
        images = [dataset.image(image_id, bundle["channels"]) for image_id in some]
        truths = [dataset.masks(image_id) for image_id in some]
        found = {name: each.predict(images).mean(axis=1, dtype=np.float32) for name, each in passes.items()}
        for name, probabilities in found.items():
            counts[name] += map(_count, probabilities, truths, [decisions] * len(some))
            if name is not None:
                apart = np.abs(probabilities - found[None]).reshape(len(some), -1)
                differences[name] += zip(apart.max(axis=1), apart.mean(axis=1), strict=True)
    scores = {name: float(kaggle_dice(PixelCounts.concatenate(each))) for name, each in counts.items()}
    return {
        name: {
            "name": engine.name,
            "images": len(image_ids),
            "largest_difference": float(np.max(differences[name], axis=0)[0]),
            "mean_difference": float(np.mean(differences[name], axis=0)[1]),
            "kaggle_dice": scores[name],
            "kaggle_dice_keras": scores[None],
            "kaggle_dice_change": scores[name] - scores[None],
        }
        for name, engine in engines.items()
    }


def _count(probabilities, truth, decisions):
    """Pixels of one image: true, predicted and shared ones."""
    own = resize_probabilities(probabilities, truth.shape[:2])
    smallest = np.asarray(decisions.smallest, float)
    return pixel_counts(truth, threshold_masks(own, decisions.thresholds, smallest, decisions.filled))


def _require_format(to, int8):
    """Stop where there is no such export, or a package that makes it is missing."""
    if to not in FORMATS:
        raise ValueError(f"--to: got {to!r}, expected one of: {', '.join(FORMATS)}.")
    if int8 and to != "openvino":
        raise ValueError(f"--int8: there is none for {to}. Export to openvino, or leave it out.")
    for name in _packages(to, int8):
        try:
            version(name)
        except ImportError:
            raise ImportError(f"exporting to {to} needs the package {name}. Install it: {INSTALL}", name=name) from None


def _packages(to, int8):
    """Names of the packages that make an export."""
    return ["keras", "tensorflow", *FORMATS[to][2], *(["nncf"] if int8 else [])]


def _choose_images(dataset, bundle, most_checked):
    """(images to calibrate with, others to check on), both of all parts of the data set."""
    if list(dataset.class_names) != list(bundle["class_names"]):
        raise ValueError(
            f"{dataset.directory}: its classes are {', '.join(dataset.class_names)}; the bundle's are "
            f"{', '.join(bundle['class_names'])}. Give data of the same classes with --data."
        )
    image_ids = dataset.training_ids
    if len(image_ids) < 2:
        raise ValueError(
            f"{dataset.directory}: got {len(image_ids)} labelled images, expected 2 or more: some to calibrate with, "
            "others to check on. Give more with --data."
        )
    return _spread(image_ids[::2], CALIBRATION), _spread(image_ids[1::2], most_checked)


def _spread(image_ids, most):
    """At most so many of a list, taken at even distances."""
    places = np.linspace(0, len(image_ids) - 1, min(most, len(image_ids))).round().astype(int)
    return [image_ids[place] for place in places]


def _write_networks(place, model, bundle, to):
    """Write a network for each size; returns dict of the size as text -> name of its file or folder."""
    name, ending, _ = FORMATS[to]
    import keras

    from helpers.models.exportable import exportable

    files = {}
    place.mkdir(exist_ok=True)
    if to == "openvino":
        import_openvino()  # before Keras does
    for shape in network_shapes(bundle):
        network = _at_shape(model, bundle, shape)
        if to == "openvino":  # the others are no quicker for it
            network = exportable(network)
        files[shape_text(shape)] = shape_text(shape) + ending
        with warnings.catch_warnings():
            # Keras's patch of tf2onnx looks for a name that NumPy is about to define anew.
            warnings.simplefilter("ignore", FutureWarning)
            taken = [keras.InputSpec("float32", (None, *shape, bundle["channels"]), name="image")]
            network.export(str(place / files[shape_text(shape)]), name, verbose=False, input_signature=taken)
    return files


def _at_shape(model, bundle, shape):
    """The same network for images of one size."""
    if shape == tuple(bundle["input_shape"]):
        return model
    from helpers.models.build import build_model

    network = build_model(bundle["architecture"], shape, len(bundle["class_names"]), **bundle["arguments"])
    network.set_weights(model.get_weights())
    return network


def _quantise(whole, new, networks, bundle, dataset, image_ids):
    """Write networks of a folder in 8 bits into another one, with ranges as these images have them."""
    openvino = import_openvino()
    import nncf

    nncf.set_log_level(logging.ERROR)
    for shape in network_shapes(bundle):
        file = networks[shape_text(shape)]

        def batch_of(image_id, shape=shape):
            image = resize_image(dataset.image(image_id, bundle["channels"]), shape)
            return image[np.newaxis].astype(np.float32) / 255

        images = nncf.Dataset(image_ids, batch_of)
        small = nncf.quantize(openvino.Core().read_model(whole / file), images, subset_size=len(image_ids))
        openvino.save_model(small, new / file, compress_to_fp16=False)


def _engines_of(folder, bundle, export, new):
    """The engines that open an export, by name; `folder` is that of a bundle it lies in."""
    if export == SAVED_MODEL:
        return {SAVED_MODEL: _SavedModel(new, bundle)}
    kinds = {name: kind for name, kind in KINDS.items() if kind.export == export}
    able = [name for name, kind in kinds.items() if not kind.needs or kind.needs in processor_abilities()]
    return {name: open_kind(folder, bundle, name) for name in able}


class _SavedModel:
    """What TensorFlow makes of a SavedModel, which needs none of this project's code."""

    any_size = True

    def __init__(self, place, bundle):
        import tensorflow as tf

        self.name = f"SavedModel on TensorFlow {version('tensorflow')}"
        self._networks = {shape: tf.saved_model.load(place / shape_text(shape)) for shape in network_shapes(bundle)}

    def predict_on_batch(self, batch):
        """Probabilities of images, as an engine gives them."""
        return self._networks[batch.shape[1:3]].serve(batch).numpy()
