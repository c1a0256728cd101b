"""A dashboard's data set and run, made by hand: a network is right, misses, or sees too much, by the image's number."""

from unittest import mock

import numpy as np
import pandas as pd

from helpers.dashboard.places import Places
from helpers.files import write_json
from helpers.inference.detector import Detector
from helpers.inference.judging import PREDICTIONS
from helpers.inference.kept import keep_predictions
from helpers.inference.submission import write_submission
from helpers.inference.trials import KeptTrial, write_trial
from helpers.runs import Run
from tiny_models import SHAPE, tiny_dataset, tiny_masks

IMAGES, TEST_IMAGES, MODEL, BLIND = 20, 3, "by_hand", "sees_nothing"
NETWORK = {"input_shape": SHAPE, "channels": 1, "class_names": [f"class {number}" for number in range(1, 5)]}
DECISIONS = {"thresholds": [0.5] * 4, "smallest_masks": [0.0] * 4, "mirrored": False}
# What the network makes of the images whose number leaves this remainder by 10; it is right on the others.
MISSES, INVENTS = 3, 9


def predicted(number):
    """The masks that the network by hand sees on image `number`."""
    masks = tiny_masks(number)
    if number % 10 == MISSES:
        masks[:] = 0
    if number % 10 == INVENTS:
        masks[20:30, 30:60, 0] = 1
    return masks


class NetworkByHand:
    """Knows an image by the grey value of its first pixel, as `tiny_image` writes it; takes no white one."""

    name = "hand"

    def predict_on_batch(self, batch):
        numbers = np.round(batch[:, 0, 0, 0] * 255).astype(int)
        if 255 in numbers:
            raise ValueError("the network by hand takes no white image")
        return np.stack([0.98 * predicted(number) for number in numbers]).astype(np.float32)

    def get_weights(self):
        return [np.zeros(1)]


class NetworkOfNothing(NetworkByHand):
    """Finds no defect anywhere."""

    def predict_on_batch(self, batch):
        return np.zeros((*batch.shape[:3], 4), np.float32)


def load_by_hand(folder):
    """The `Detector` of the network by hand, whatever the folder."""
    return Detector(NetworkByHand(), NETWORK | DECISIONS)


def split_of(dataset, trained=10, tuned=5):
    """The first images are trained on, some tuned on, and the rest judges."""
    parts = ["train"] * trained + ["validation"] * tuned
    parts += ["holdout"] * (len(dataset.training_ids) - len(parts))
    return pd.DataFrame({"image_id": dataset.training_ids, "group": range(len(parts)), "fold": 0, "split": parts})


def write_run(directory, dataset, engines, split, test_masks, network=NETWORK):
    """A run of a data set with models that were judged by the holdout.

    Args:
        directory: of the run.
        dataset: a `Dataset`.
        engines: dict of model -> what predicts; each scored a little worse than the one before.
        split: table of `split_of`.
        test_masks: masks of each test image, for the run's submission.
        network: what the bundles say of the networks.
    """
    split.to_csv(directory / "split.csv", index=False)
    write_json(directory / "run.json", {"data": dataset.name, "profile": "smoke", "fingerprint": dataset.fingerprint})
    judged, tuned = (split[split["split"] == part].reset_index(drop=True) for part in ("holdout", "validation"))
    image_ids, records = [*tuned["image_id"], *judged["image_id"]], {}
    for place, (name, engine) in enumerate(engines.items()):
        folder = directory / "models" / name
        folder.mkdir(parents=True)
        with mock.patch("helpers.inference.kept.KerasEngine", lambda model, network: model):  # the network is its own
            kept = keep_predictions(folder / PREDICTIONS, engine, network, dataset, image_ids)
        write_trial(folder, KeptTrial(name, "holdout", judged, tuned, (kept,)))
        write_json(folder / "bundle.json", network | DECISIONS)
        for score in ("kaggle_dice", "validation_kaggle_dice"):
            records[f"04_segmentation.{name}.{score}"] = {"value": 0.5 - 0.1 * place}
    write_json(directory / "results.json", records)
    write_submission(directory / "submission.csv", dataset.test_ids, test_masks)
    return Run(directory, dataset.directory)


def make_places(root, images=IMAGES, *, run=True, engines=None):
    """A project's folder with a tiny data set in `data/` and perhaps a run of it: `Places`."""
    directory = root / "data" / "tiny"
    directory.parent.mkdir(parents=True)
    dataset, folder = tiny_dataset(directory, images, TEST_IMAGES), root / "runs" / "tiny-smoke"
    folder.mkdir(parents=True)
    made = None
    if run:
        test_masks = [predicted(100 + number) for number in range(TEST_IMAGES)]
        made = write_run(folder, dataset, engines or {MODEL: NetworkByHand()}, split_of(dataset), test_masks)
    return Places(dataset, made, folder / "dashboard", root)
