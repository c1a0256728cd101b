"""Images that were uploaded, and what a network makes of them. It is loaded when the first one is predicted."""

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
from helpers.inference.detector import Detector
from helpers.inference.submission import ROW_PER_MASK
from helpers.rle import build_masks

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
        highest: for each class the highest probability that the network gave a pixel, a fraction.
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
    """The bundle to predict with: that of the model that the run decided by, else the one that ships with the project.

    Args:
        places: `Places`.

    Returns:
        Path of its folder; None where there is neither.
    """
    if places.run is not None:
        try:
            return places.run.directory / "models" / places.run.decided_model()
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
            load: function of the folder that gives a `Detector`; None loads the bundle on the quickest engine.
        """
        self.folder, self._load = folder, load or Detector.load
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="predict")
        self._detector, self._lock = None, threading.Lock()

    @property
    def engine(self):
        """The name of what runs the network; "" while it isn't loaded."""
        return self._detector.engine.name if self._detector else ""

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
            self._detector = self._detector or self._loaded()
            begun = time.perf_counter()
            image = read_uploaded_image(waiting.path, self._detector.channels)
            (detections,) = self._detector.predict([image])
            return replace(
                waiting,
                state=DONE,
                shape=image.shape[:2],
                runs=tuple(each.runs for each in detections),
                highest=tuple(each.probability for each in detections),
                seconds=time.perf_counter() - begun,
            )

    def _loaded(self):
        """The detector, which predicted once, so that the first image isn't timed with it."""
        detector = self._load(self.folder)
        shape = detector.image_shape or detector.bundle["input_shape"]
        detector.predict([np.zeros((*shape, detector.channels), np.uint8)])
        return detector


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
