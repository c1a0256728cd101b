"""Tiny data sets and networks for the tests of training and prediction."""

import csv
import hashlib
import json
from pathlib import Path

import cv2
import numpy as np

from helpers.data.dataset import read_dataset
from helpers.models.bundle_file import read_bundle, taken_once
from helpers.rle import mask2rle

SHAPE = (32, 64)


def write_image(path, image):
    """Write a uint8 image, whatever the name of its file says; lossless."""
    encoded, data = cv2.imencode(".png", image)
    assert encoded
    Path(path).write_bytes(data.tobytes())


def tiny_masks(number, num_classes=4):
    """Masks of image `number`: one rectangle of one class, and no defect in each fifth image."""
    masks = np.zeros((*SHAPE, num_classes), np.uint8)
    if number % 5 != 4:
        masks[4 : 12 + number, 8 : 20 + 2 * number, number % num_classes] = 1
    return masks


def tiny_image(number):
    """Image `number`: dark noise with its defect bright, and its number as the grey value of the top left corner."""
    image = np.random.default_rng(number).integers(20, 60, SHAPE, dtype=np.uint8)
    image[tiny_masks(number).any(axis=-1)] += 150
    image[0, 0] = number
    return image


def tiny_dataset(directory, images=7, test_images=3):
    """Write and read a data set of 32 x 64 grey images in the competition's layout."""
    directory = Path(directory)
    for part, count in (("train_images", images), ("test_images", test_images)):
        (directory / part).mkdir(parents=True)
        for number in range(count):
            write_image(directory / part / f"{number:02}.png", tiny_image(number))
    with open(directory / "train.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["ImageId", "ClassId", "EncodedPixels"])
        for number in range(images):
            for class_index in np.flatnonzero(tiny_masks(number).any(axis=(0, 1))):
                runs = mask2rle(tiny_masks(number)[..., class_index])
                writer.writerow([f"{number:02}.png", class_index + 1, runs])
    return read_dataset(directory)


def tiny_model(channels=1, num_classes=4):
    """A network of one convolution, quick to build and to train."""
    import keras

    image = keras.Input((*SHAPE, channels), name="image")
    return keras.Model(image, keras.layers.Conv2D(num_classes, 3, padding="same", activation="sigmoid")(image))


class BrightEngine:
    """Takes the brightness of a pixel for the probability of class 1, and its darkness for that of class 2."""

    name = "bright"

    def __init__(self):
        self.images = 0

    def predict_on_batch(self, batch):
        """Probabilities (batch, height, width, 2) of images in [0, 1]."""
        self.images += len(batch)
        return np.concatenate([batch, 1 - batch], axis=-1)


def open_bright(engine=None):
    """A function in the place of `open_engine` that has every bundle run by a `BrightEngine`; None makes one each."""

    def open_engine(folder, *, once=False, **_):
        bundle = read_bundle(folder)
        return engine or BrightEngine(), taken_once(bundle) if once else bundle

    return open_engine


def tiny_bundle(folder, **changes):
    """A bundle for `BrightEngine`, whose weights are none; returns its folder."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    weights = b"no weights at all"
    bundle = {
        "format": 1,
        "architecture": "steel_unet",
        "arguments": {"channels": 1},
        "input_shape": list(SHAPE),
        "channels": 1,
        "class_names": ["bright", "dark"],
        "scaling": "grey values / 255",
        "thresholds": [0.6, 0.9],
        "smallest_masks": [0.0, 0.0],
        "mirrored": False,
        "weights": "tiny.weights.h5",
        "sha256": hashlib.sha256(weights).hexdigest(),
        "training": {},
        "scores": {},
        "image_shape": list(SHAPE),
    }
    (folder / "bundle.json").write_text(json.dumps(bundle | changes), encoding="utf-8")
    (folder / "tiny.weights.h5").write_bytes(weights)
    return folder
