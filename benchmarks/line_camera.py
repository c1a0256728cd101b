"""A detector behind a line camera: read frames, predict in batches, write results; and how long a frame takes.

    python benchmarks/line_camera.py [FRAMES] [--bundle BUNDLE] [--engine E] [--once] [--timed 300]
                                     [--seconds 30] [--rate 5] [--batch-size 8] [--out FILE]

FRAMES is a folder of images that stand in for the camera, again and again; without it some are made up. Put the
camera's own call into `frames`. A thread takes them at the line's rate; what has come in meanwhile is predicted
together, so that a line that is quicker than one frame at a time still keeps up. Each frame's defects are a line of
JSON in FILE, or go to the screen. Before the line starts, single frames are timed: from the pixels to the runs, at
batch 1. Their median and 99th percentile, and what the line did, are stored under `benchmarks/results/`.
"""

import argparse
import contextlib
import itertools
import json
import queue
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from common import RESULTS, machine
from sheets import DIFFERENT, write_sheets

from helpers.data.images import read_image
from helpers.files import write_json
from helpers.inference import Detector

ROOT = Path(__file__).absolute().parents[1]
WAITING = 64  # frames that may wait; a line that is still quicker has to be told, and not to fill the memory
UNTIMED = 20  # single frames before those that are timed
END = None


def frames(folder, channels, rate, seconds):
    """Yield (number, image) at the rate of a line; in place of the camera."""
    images = [read_image(path, channels) for path in sorted(folder.iterdir()) if path.is_file()]
    begun = time.perf_counter()
    for number, image in enumerate(itertools.cycle(images)):
        time.sleep(max(0.0, begun + number / rate - time.perf_counter()))
        if time.perf_counter() - begun > seconds:
            return
        yield number, image


def take(source, waiting, missed):
    """Put frames into the queue; one that finds no room is counted, since a line doesn't wait."""
    try:
        for number, image in source:
            try:
                waiting.put_nowait((number, image, time.perf_counter()))
            except queue.Full:
                missed.append(number)
    finally:  # a camera that fails must not leave the others waiting
        waiting.put(END)


def batches(waiting, most):
    """Yield lists of what has come in, at least one and at most so many."""
    while (first := waiting.get()) is not END:
        batch = [first]
        with contextlib.suppress(queue.Empty):
            while len(batch) < most:
                batch.append(waiting.get_nowait())
        ended = batch[-1] is END
        yield batch[:-1] if ended else batch
        if ended:
            return


def watch(detector, source, most, write):
    """Predict what a camera gives until it ends; returns seconds from the camera to the result, and missed frames."""
    waiting, missed, delays = queue.Queue(WAITING), [], []
    threading.Thread(target=take, args=(source, waiting, missed), daemon=True).start()
    for batch in batches(waiting, most):
        for (number, _, came), detections in zip(
            batch, detector.predict([image for _, image, _ in batch]), strict=True
        ):
            found = {each.class_name: {"probability": each.probability, "runs": each.runs}
                     for each in detections if each.found}  # fmt: skip
            write(json.dumps({"frame": number, "defects": found}))
            delays.append(time.perf_counter() - came)
    return delays, missed


def time_single_frames(detector, folder, count):
    """Seconds of single frames, from the pixels to the runs."""
    images = [read_image(path, detector.channels) for path in sorted(folder.iterdir()) if path.is_file()]
    seconds = []
    for image in itertools.islice(itertools.cycle(images), UNTIMED + count):
        begun = time.perf_counter()
        detector.predict([image])
        seconds.append(time.perf_counter() - begun)
    return images[0].shape[:2], seconds[UNTIMED:]


def milliseconds(seconds):
    return {
        name: round(1000 * float(np.quantile(seconds, share)), 2) for name, share in (("median", 0.5), ("p99", 0.99))
    }


def main():
    """Time single frames, run the line, print and store."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("frames", type=Path, nargs="?")
    parser.add_argument("--bundle", type=Path, default=ROOT / "models" / "steel_unet")
    parser.add_argument("--engine", default="fastest")
    parser.add_argument("--once", action="store_true", help="without mirror images and other sizes")
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--timed", type=int, default=300, help="single frames")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--rate", type=float, default=5.0, help="frames a second")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    detector = Detector.load(options.bundle, engine=options.engine, batch_size=options.batch_size, once=options.once)
    with (
        tempfile.TemporaryDirectory() as held,
        open(options.out, "w", encoding="utf-8") if options.out else contextlib.nullcontext(sys.stdout) as file,
    ):
        folder = options.frames or write_sheets(Path(held) / "frames", DIFFERENT)
        shape, seconds = time_single_frames(detector, folder, options.timed)
        source = frames(folder, detector.channels, options.rate, options.seconds)
        delays, missed = watch(detector, source, options.batch_size, lambda line: print(line, file=file, flush=True))
    result = {
        "camera_bundle": options.bundle.name,
        "once": options.once,
        "engine": detector.engine.name,
        "frame": shape,
        "milliseconds_at_batch_1": milliseconds(seconds),
        "line": {
            "frames_per_second": options.rate,
            "frames": len(delays),
            "missed": len(missed),
            "milliseconds_to_the_result": milliseconds(delays),
        },
        **machine(),
    }
    print(result)
    name = f"line_camera-{options.bundle.name}-{options.engine}{'-once' if options.once else ''}.json"
    write_json(RESULTS / name, result)


if __name__ == "__main__":
    main()
