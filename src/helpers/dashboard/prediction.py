"""Images that were uploaded, and what a network makes of them. TensorFlow is loaded when the first one is predicted."""

import secrets
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path

import numpy as np

from helpers.dashboard.marks import csv_text
from helpers.dashboard.pictures import paint
from helpers.dashboard.uploads import read_uploaded_image
from helpers.files import read_json
from helpers.inference.predict import Passes, bundle_decisions, threshold_masks
from helpers.inference.submission import ROW_PER_MASK
from helpers.models.versions import parts_of
from helpers.rle import build_masks, mask2rle

SHIPPED = "models/steel_unet"  # of the project: the bundle for data without a run
WAITING, DONE, FAILED = "waiting", "done", "failed"


@dataclass(frozen=True, eq=False)
class Prediction:
    """An uploaded image, and what came of it.

    Attributes:
        number: by which the browser asks for it.
        name: what its sender calls it.
        path: its file.
        state: `WAITING`, `DONE` or `FAILED`.
        shape: (height, width) in pixels, once it is done.
        runs: a run-length text for each class.
        highest: for each class the highest probability of a pixel, a fraction.
        seconds: that the image took, with reading it.
        problem: why it failed.
        version: stands in its addresses, so that no browser takes an image sent before for this one.
    """

    number: int
    name: str
    path: Path
    state: str = WAITING
    shape: tuple = (0, 0)
    runs: tuple = ()
    highest: tuple = ()
    seconds: float = 0.0
    problem: str = ""
    version: str = field(default_factory=lambda: secrets.token_hex(4))

    @property
    def areas(self):
        """Pixels of each class, tuple."""
        return tuple(sum(map(int, text.split()[1::2])) for text in self.runs)

    def masks(self):
        """uint8 array (height, width, classes)."""
        return build_masks(list(self.runs), self.shape)


def find_bundle(places):
    """The bundle to predict with: the best one of the run, else the one that ships with the project.

    Args:
        places: `Places`.

    Returns:
        Path of its folder; None where there is neither.
    """
    if places.run is not None:
        try:
            return places.run.directory / "models" / places.run.best_model()
        except FileNotFoundError:
            pass  # a run that didn't train yet; the shipped one is named on the page
    shipped = places.root / SHIPPED
    return shipped if (shipped / "bundle.json").is_file() else None


class Predictor:
    """A bundle that is asked by one worker, an image at a time.

    Attributes:
        folder: of the bundle; None where there is none.
    """

    def __init__(self, folder, load=None):
        """Nothing is loaded yet.

        Args:
            folder: of a bundle, or None.
            load: function of the folder that gives a network; None loads the bundle.
        """
        self.folder, self._load = folder, load or Network
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="predict")
        self._network, self._lock = None, threading.Lock()

    @property
    def loaded(self):
        """Whether the network is in memory."""
        return self._network is not None

    @property
    def about(self):
        """What `bundle.json` holds, without loading anything."""
        return read_json(self.folder / "bundle.json")

    def submit(self, session, place):
        """Have an uploaded image predicted, after those that wait.

        Args:
            session: `Session`.
            place: of the `Prediction` among its images.
        """
        self._worker.submit(self._predict_one, session, place)

    def close(self):
        """Predict no more."""
        self._worker.shutdown(wait=True, cancel_futures=True)

    def _predict_one(self, session, place):
        """Predict one image of a session, or note why not: the worker goes on in any case."""
        waiting = session.images[place]
        try:
            done = self.predict(waiting)
        # One image must not stop the worker, and what a network raises has no end; the user is shown what it was.
        except Exception as error:
            done = replace(waiting, state=FAILED, problem=" ".join(str(error).split()) or type(error).__name__)
        session.images[place] = done

    def predict(self, waiting):
        """What the network makes of an image.

        Args:
            waiting: `Prediction` that waits.

        Returns:
            `Prediction` that is done.
        """
        with self._lock:
            self._network = self._network or self._load(self.folder)
            begun = time.perf_counter()
            image = read_uploaded_image(waiting.path, self._network.bundle["channels"])
            probabilities, masks = self._network.predict(image)
            return replace(
                waiting,
                state=DONE,
                shape=image.shape[:2],
                runs=tuple(mask2rle(masks[..., number]) for number in range(masks.shape[-1])),
                highest=tuple(float(value) for value in probabilities.max(axis=(0, 1))),
                seconds=time.perf_counter() - begun,
            )


class Network:
    """A bundle's network with its decisions, and the classifier that these may ask.

    Attributes:
        bundle: what `bundle.json` holds.
    """

    def __init__(self, folder):
        """Load the bundle, and predict once so that the first image isn't timed with it."""
        from helpers.models.bundle import load_bundle

        model, self.bundle = load_bundle(folder)
        self._decisions = bundle_decisions(self.bundle)
        self._passes = Passes(model, self.bundle, parts_of([self._decisions.version]))
        self._state = None
        if any(self._decisions.gates):
            from helpers.inference.gate import defect_stater

            self._state = defect_stater(*load_bundle(folder.parent / self.bundle["classifier"]))
        self.predict(np.zeros((*self.bundle["input_shape"], self.bundle["channels"]), np.uint8))

    def predict(self, image):
        """(probabilities, masks) of an image, both (height, width, classes), at its own size."""
        chosen = self._decisions
        stated = None if self._state is None else self._state([image])
        (probabilities,) = self._passes.predict_at_own_size([image])
        smallest = chosen.smallest_of(stated)[0]
        return probabilities, threshold_masks(probabilities, chosen.thresholds, smallest, chosen.filled)


def runs_csv(predictions):
    """The runs of predicted images as the text of a CSV file, a row for each mask, in the competition's columns."""
    rows = [
        (prediction.name, text, class_id)
        for prediction in predictions
        if prediction.state == DONE
        for class_id, text in enumerate(prediction.runs, start=1)
        if text
    ]
    return csv_text(ROW_PER_MASK, rows)


def overlays_zip(predictions):
    """The predicted images with their masks laid over, as the bytes of a ZIP file of PNG."""
    held = BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_STORED) as file:
        for prediction in (each for each in predictions if each.state == DONE):
            picture = paint(read_uploaded_image(prediction.path, 3), prediction.masks())
            file.writestr(f"{prediction.number:03d}-{_file_name(prediction.name)}.png", picture)
    return held.getvalue()


def _file_name(name):
    """A name's letters, digits, dots and dashes: what any system takes for a file."""
    stem = name.rpartition(".")[0] or name
    return "".join(each if each.isascii() and (each.isalnum() or each in "-_") else "_" for each in stem)[:60]
