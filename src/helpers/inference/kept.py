"""Predictions that are kept: what a network gives for labelled images, at its own size, to be looked at again.

One ZIP file for each network: `index.json`, and for each image an array of half-precision probabilities (parts, height,
width, classes), at the network's size: of the image as it is, with its mirror images, and at other sizes. All scores
are taken from what is kept, so that whoever computes them later gets the same.
"""

import hashlib
import io
import json
import threading
import zipfile
from pathlib import Path

import numpy as np
from tqdm import tqdm

from helpers.code import code_digest
from helpers.data.resize import resize_probabilities
from helpers.files import written_beside
from helpers.inference.predict import Passes, in_batches
from helpers.inference.runtimes import KerasEngine
from helpers.models.versions import AS_IT_IS, Version, parts_of

INDEX = "index.json"
BATCH = 8

# NumPy reads an array's head by Python's parser, which until Python 3.12 may raise SystemError where several threads
# are in it (https://github.com/python/cpython/issues/106905).
_one_head_at_a_time = threading.Lock()


def keep_predictions(path, model, network, dataset, image_ids, versions=(AS_IT_IS,)):
    """Predict images and keep what comes, unless the same network's predictions of them are kept there already.

    Args:
        path: the ZIP file; it appears only when it is whole.
        model: keras.Model.
        network: dict with input_shape, channels, architecture and arguments, as `helpers.inference.predict.Passes`
            takes it.
        dataset: a `Dataset`.
        image_ids: labelled images.
        versions: the versions of each prediction that are wanted; means over sizes are taken when they are read.

    Returns:
        `KeptPredictions` of this file.
    """
    path, image_ids = Path(path), list(image_ids)
    key = _key(model, network, dataset, image_ids, versions)
    if path.is_file() and _read_index(path)["key"] == key:
        return KeptPredictions([path])
    sizes = sorted({size for version in versions for size in version.sizes})
    passes = Passes(KerasEngine(model, {**network, "sizes": sizes}), network, versions)
    found = (parts for batch in _read_batches(dataset, image_ids, network) for parts in passes.predict(batch))
    with written_beside(path) as beside, zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        for number, parts in enumerate(tqdm(found, "Predicting", len(image_ids), unit="image", mininterval=1)):
            held = io.BytesIO()
            np.save(held, parts.astype(np.float16), allow_pickle=False)
            _add(file, f"{number}.npy", held.getvalue())
        if image_ids and len(image_ids) < 2 * BATCH:  # no batch was timed that hadn't to wait for the network
            passes.predict(next(_read_batches(dataset, image_ids, network)))
        index = {
            "key": key,
            "image_ids": image_ids,
            "versions": [version.describe() for version in versions],
            # of the quickest batch: the first of each length waits for the network to be made ready for it
            "seconds": [min(taken) for taken in passes.seconds.values() if taken],
        }
        _add(file, INDEX, json.dumps(index))
    return KeptPredictions([path])


def _add(file, name, content):
    """Add to a ZIP file without the time, so that the same predictions give the same file."""
    file.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED, compresslevel=1)


class KeptPredictions:
    """The kept predictions of one model: those of one network, or with folds of several.

    Attributes:
        paths: the files, as list of Path.
        image_ids: all images, file after file.
        versions: the versions of each prediction, as tuple of `Version`.
    """

    def __init__(self, paths):
        """Read what is in the files.

        Raises:
            ValueError: a file is of an earlier version of this project.
        """
        self.paths = [Path(path) for path in paths]
        self._places, self._seconds, self.versions = {}, [], ()
        for path in self.paths:
            index = _read_index(path)
            if "seconds" not in index:
                raise ValueError(f"{path} is of an earlier version of this project. Run 04_segmentation again.")
            self.versions = tuple(map(Version.of, index["versions"]))
            self._seconds.append(index["seconds"])
            self._places |= {image_id: (path, number) for number, image_id in enumerate(index["image_ids"])}
        self.image_ids = list(self._places)

    def probabilities(self, image_id, shape, version=AS_IT_IS):
        """What was predicted for an image.

        Args:
            image_id: one of `image_ids`.
            shape: (height, width) of the image in pixels.
            version: one of `versions`.

        Returns:
            float32 array (height, width, classes) of probabilities.

        Raises:
            KeyError: nothing is kept of that image.
            ValueError: that version isn't kept.
        """
        path, number = self._places[image_id]
        places = self._parts(version)
        with zipfile.ZipFile(path) as file:
            held = io.BytesIO(file.read(f"{number}.npy"))
        with _one_head_at_a_time:
            parts = np.load(held, allow_pickle=False)
        return resize_probabilities(parts[places].mean(axis=0, dtype=np.float32), shape)

    def seconds(self, version=AS_IT_IS):
        """Seconds that an image took in the quickest batch, where it was predicted; the mean of the files."""
        places = self._parts(version)
        return float(np.mean([sum(seconds[place] for place in places) for seconds in self._seconds]))

    def _parts(self, version):
        """Places of what a version is the mean of."""
        if version not in self.versions:
            names = ", ".join(kept.name for kept in self.versions)
            raise ValueError(f"{self.paths[0]}: no prediction {version.name!r} is kept there, only: {names}.")
        parts = parts_of(self.versions)
        return [parts.index(part) for part in version.parts]


def _read_batches(dataset, image_ids, network):
    """The images of some ids, a few at a time."""
    return in_batches((dataset.image(image_id, network["channels"]) for image_id in image_ids), BATCH)


def _read_index(path):
    """What a file says of itself."""
    with zipfile.ZipFile(path) as file:
        return json.loads(file.read(INDEX))


def _key(model, network, dataset, image_ids, versions):
    """SHA-256 of a network's weights, of how it predicts, of the code for that, and of the images."""
    digest = hashlib.sha256()
    for weights in model.get_weights():
        digest.update(np.ascontiguousarray(weights).tobytes())
    described = [version.describe() for version in versions]
    digest.update(json.dumps([list(network["input_shape"]), network["channels"], described]).encode())
    digest.update("\n".join([dataset.fingerprint, code_digest("helpers.inference.predict"), *image_ids]).encode())
    return digest.hexdigest()
