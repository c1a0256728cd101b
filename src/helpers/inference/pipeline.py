"""Images through a network in a stream: they are read, and their masks made and encoded, while the network works."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from helpers.data.resize import resize_probabilities
from helpers.inference.ahead import work_ahead
from helpers.inference.predict import Passes, bundle_decisions, in_batches, threshold_masks
from helpers.rle import mask2rle

THREADS = min(8, os.cpu_count() or 1)
BATCH = 4  # images that go through the network together; more don't fit what a processor holds close at hand
AHEAD = 2  # batches that are read, or wait for their masks, while the network works
ROUNDING = 1e-6  # of a probability that is scaled


@dataclass(frozen=True)
class Predicted:
    """What was found in one image.

    Attributes:
        item: what the image was read from.
        shape: (height, width) of the image in pixels; None where it couldn't be read.
        runs: for each class run-length text of its mask by the bundle's decisions; "" without one.
        highest: for each class, the highest probability of a pixel that the network gave.
        problem: why the image couldn't be read; "" where it was.
    """

    item: object
    shape: tuple | None = None
    runs: tuple = ()
    highest: tuple = ()
    problem: str = ""


def predict_in_stream(engine, bundle, items, read, *, state=None, batch_size=BATCH, threads=THREADS):
    """Predict any number of images, and give the runs of each, in order; a few batches are held at a time.

    Args:
        engine: of `helpers.inference.engines.open_engine`, or a keras.Model.
        bundle: dict of `bundle.json`.
        items: iterable of what images are read from, such as paths; taken as far ahead as images are read.
        read: function of an item that gives its image as uint8 array (height, width, channels); called in threads. An
            item at which it raises a ValueError or an OSError is handed on with the reason, and the others go on.
        state: as for `helpers.inference.predict.predict_masks`.
        batch_size: images that go through the network together.
        threads: that read images and encode masks.

    Yields:
        `Predicted` of each item.

    Raises:
        ValueError: the bundle has gates, and there is nobody to ask; an image is of another kind, or the network gives
            NaN; or the batch size is below 1.
    """
    decisions = bundle_decisions(bundle)
    asks = any(decisions.gates)
    if asks and state is None:
        raise ValueError(f"the bundle asks the classifier {bundle['classifier']!r} first. Give what it states.")
    passes = Passes(engine, bundle, [decisions.version])

    def read_one(item):
        try:
            return item, read(item), ""
        except (ValueError, OSError) as error:
            return item, None, str(error)

    def through_network(found):
        for some in in_batches(found, batch_size):
            images = [image for _, image, _ in some if image is not None]
            stated = state(images) if asks and images else np.ones(len(images))
            smallest = np.broadcast_to(decisions.smallest_of(stated), (len(images), len(decisions.thresholds)))
            answers = iter(zip(passes.predict(images) if images else (), smallest, strict=True))
            for item, image, problem in some:
                yield item, image, problem, *(next(answers) if image is not None else (None, None))

    def decide(answer):
        item, image, problem, parts, smallest = answer
        if image is None:
            return Predicted(item, problem=problem)
        probabilities = parts[0] if len(parts) == 1 else parts.mean(axis=0, dtype=np.float32)
        shape = image.shape[:2]
        runs, highest = decide_runs(probabilities, shape, decisions, smallest)
        return Predicted(item, shape, runs, highest)

    with ThreadPoolExecutor(threads, thread_name_prefix="steel") as pool:
        found = work_ahead(pool, read_one, items, AHEAD * batch_size)
        yield from work_ahead(pool, decide, through_network(found), AHEAD * batch_size)


def decide_runs(probabilities, shape, decisions, smallest):
    """The runs of each class, as `threshold_masks` and `mask2rle` give them of the probabilities at the image's size.

    Scaling never exceeds the highest probability, so that a class that can't reach its threshold takes no work; of most
    images that is every one.

    Args:
        probabilities: float32 array (height, width, classes), at the network's size.
        shape: (height, width) of the image in pixels.
        decisions: `helpers.inference.tuning.Decisions`.
        smallest: for each class, the smallest mask that is believed, as a fraction of the image.

    Returns:
        (tuple of run-length texts, tuple of the highest probability of each class).
    """
    classes = probabilities.shape[-1]
    # First down the columns: that is twenty times as quick as along both at once.
    highest = probabilities.reshape(len(probabilities), -1).max(axis=0).reshape(-1, classes).max(axis=0)
    runs = [""] * classes
    for index in np.flatnonzero(highest >= np.asarray(decisions.thresholds) - ROUNDING):
        this = slice(index, index + 1)
        plane = resize_probabilities(probabilities[..., this], shape)
        masks = threshold_masks(plane, decisions.thresholds[this], smallest[this], decisions.filled[this])
        runs[index] = mask2rle(masks[..., 0])
    return tuple(runs), tuple(highest.tolist())
