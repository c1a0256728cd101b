"""Predictions that are kept: what a network gives for labelled images, at its own size, to be looked at again.

One ZIP file for each network: `index.json`, and for each image an array of half-precision probabilities (versions,
height, width, classes). All scores are taken from what is kept, so that whoever computes them later gets the same.
"""

import hashlib
import io
import json
import zipfile
from pathlib import Path

import numpy as np
from tqdm import tqdm

from helpers.code import code_digest
from helpers.data.resize import resize_probabilities
from helpers.files import written_beside
from helpers.inference.predict import predict_at_network_size

INDEX = "index.json"
VERSIONS = ("as it is", "mirrored")  # what a network gives for an image, and the mean with those for its mirror images


def keep_predictions(path, model, network, dataset, image_ids):
    """Predict images and keep what comes, unless the same network's predictions of them are kept there already.

    Args:
        path: the ZIP file; it appears only when it is whole.
        model: keras.Model.
        network: dict with input_shape, channels and mirrored.
        dataset: a `Dataset`.
        image_ids: labelled images.

    Returns:
        `KeptPredictions` of this file.
    """
    path, image_ids = Path(path), list(image_ids)
    key = _key(model, network, dataset, image_ids)
    if path.is_file():
        kept = KeptPredictions([path])
        if kept.keys == [key]:
            return kept
    images = (dataset.image(image_id, network["channels"]) for image_id in image_ids)
    found = predict_at_network_size(model, network, images)
    with written_beside(path) as beside, zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        versions = VERSIONS[: 2 if network["mirrored"] else 1]
        about = {"key": key, "image_ids": image_ids, "versions": versions}
        _add(file, INDEX, json.dumps(about))
        for number, probabilities in enumerate(tqdm(found, "Predicting", len(image_ids), unit="image", mininterval=1)):
            held = io.BytesIO()
            np.save(held, probabilities.astype(np.float16), allow_pickle=False)
            _add(file, f"{number}.npy", held.getvalue())
    return KeptPredictions([path])


def _add(file, name, content):
    """Add to a ZIP file without the time, so that the same predictions give the same file."""
    file.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED, compresslevel=1)


class KeptPredictions:
    """The kept predictions of one model: those of one network, or with folds of several.

    Attributes:
        paths: the files, as list of Path.
        image_ids: all images, file after file.
        versions: names of the versions of each prediction, those of `VERSIONS`.
        keys: what tells each file's network and images from others.
    """

    def __init__(self, paths):
        self.paths = [Path(path) for path in paths]
        self.keys, self._places, self.versions = [], {}, ()
        for path in self.paths:
            with zipfile.ZipFile(path) as file:
                index = json.loads(file.read(INDEX))
            self.keys.append(index["key"])
            self.versions = tuple(index["versions"])
            self._places |= {image_id: (path, number) for number, image_id in enumerate(index["image_ids"])}
        self.image_ids = list(self._places)

    def probabilities(self, image_id, shape, version=-1):
        """What was predicted for an image.

        Args:
            image_id: one of `image_ids`.
            shape: (height, width) of the image in pixels.
            version: number of the version; -1 is the last, which is what the model gives.

        Returns:
            float32 array (height, width, classes) of probabilities.

        Raises:
            KeyError: nothing is kept of that image.
        """
        path, number = self._places[image_id]
        with zipfile.ZipFile(path) as file:
            versions = np.load(io.BytesIO(file.read(f"{number}.npy")), allow_pickle=False)
        return resize_probabilities(versions[version].astype(np.float32), shape)


def _key(model, network, dataset, image_ids):
    """SHA-256 of a network's weights, of how it predicts, of the code for that, and of the images."""
    digest = hashlib.sha256()
    for weights in model.get_weights():
        digest.update(np.ascontiguousarray(weights).tobytes())
    digest.update(json.dumps([list(network["input_shape"]), network["channels"], network["mirrored"]]).encode())
    digest.update("\n".join([dataset.fingerprint, code_digest("helpers.inference.predict"), *image_ids]).encode())
    return digest.hexdigest()
