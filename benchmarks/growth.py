"""How do prediction, scoring and the search for copies grow, from 100 images to 10,000?

    python benchmarks/growth.py [--images 100 1000 10000] [--shape 64x384]

Sheets of reduced size are made up, and each task is timed on the first 100 of them, 1,000 and so on, in a process of
its own: prediction from the files to a submission, by `models/steel_unet` at the sheets' size on the quickest engine
that is installed; the scoring of that submission; and the search for copies. The result is stored under
`benchmarks/results/`.
"""

import argparse
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import pandas as pd
from common import RESULTS, machine

from helpers.data.groups import find_copies
from helpers.data.images import read_image
from helpers.data.made_up import make_data
from helpers.data.tables import ROW_PER_PAIR
from helpers.files import write_csv, write_json
from helpers.inference.detector import Detector
from helpers.inference.score import score_submission
from helpers.inference.stream import detect_in_stream

SHIPPED = Path(__file__).absolute().parents[1] / "models" / "steel_unet"


def make_network(folder, data, shape):
    """The shipped network as a bundle for images of that size, exported where that can be done."""
    from helpers.data.dataset import read_dataset
    from helpers.inference.export import export_bundle
    from helpers.models.build import build_model
    from helpers.models.bundle import load_bundle, save_bundle

    shipped, bundle = load_bundle(SHIPPED)
    names = read_dataset(data).class_names
    model = build_model(bundle["architecture"], shape, len(names), **bundle["arguments"])
    model.set_weights(shipped.get_weights())
    kept = ("architecture", "arguments", "channels", "thresholds", "smallest_masks")
    settings = {key: bundle[key] for key in kept}
    save_bundle(folder, model, input_shape=shape, class_names=names, training={}, scores={}, **settings)
    try:
        print(export_bundle(folder, "openvino", data, int8=True, most_checked=50))
    except ImportError as error:
        print(error)


def predict(place, names, shape):
    """Predict images and write their masks; returns (the engine's name, the number of masks)."""
    detector = Detector.load(place / "bundle")
    paths = [place / "sheets" / "train_images" / name for name in names]
    found = detect_in_stream(detector, paths, lambda path: read_image(path, detector.channels), unreadable=())
    rows = [(f"{each.item.name}_{one.class_id}", one.runs) for each in found for one in each.result]
    write_csv(_submission(place, names), pd.DataFrame(rows, columns=ROW_PER_PAIR), index=False)
    return detector.engine.name, sum(1 for _, text in rows if text)


def score(place, names, shape):
    """Score the masks of these images; returns (what was found, the score)."""
    truth = pd.read_csv(place / "sheets" / "train.csv")
    write_csv(place / "truth.csv", truth[truth["ImageId"].isin(names)], index=False)
    scored = score_submission(_submission(place, names), place / "truth.csv", shape=shape)
    return "kaggle_dice", round(float(scored.table().loc["all", "kaggle_dice"]), 4)


def search(place, names, shape):
    """Search for copies; returns (what was found, their number)."""
    pairs = find_copies(names, lambda name: read_image(place / "sheets" / "train_images" / name), progress=False)
    return "pairs", len(pairs)


def _submission(place, names):
    return place / f"submission-{len(names)}.csv"


TASKS = {"prediction": predict, "scoring": score, "search for copies": search}


def measure(task, place, names, shape):
    """Seconds, CPU seconds and memory of a task."""
    begun, cpu = time.perf_counter(), time.process_time()
    told = TASKS[task](place, names, shape)
    seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (2**20 if sys.platform == "darwin" else 2**10)
    return {
        "task": task,
        "images": len(names),
        "seconds": round(seconds, 2),
        "cpu_seconds": round(cpu, 2),
        "peak_memory_mib": peak,
        "found": list(told),
    }


def run_apart(function, *arguments):
    """A function's result from a fresh process; what one begins with counts as its memory, so that ours stays small."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def main():
    """Make up, measure, print and store."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument("--shape", default="64x384")
    options = parser.parse_args()
    shape = tuple(map(int, options.shape.split("x")))
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        data = make_data(place / "sheets", max(options.images), shape=shape, test_images=0)
        run_apart(make_network, place / "bundle", data, shape)
        names = sorted(path.name for path in (data / "train_images").iterdir())
        rows = []
        for images in sorted(options.images):
            for task in TASKS:
                rows.append(run_apart(measure, task, place, names[:images], shape))
                print(rows[-1], flush=True)
    result = {"growth": rows, "shape": list(shape), **machine()}
    write_json(RESULTS / "growth.json", result)
    print(f"Written: {RESULTS / 'growth.json'}. `make readme` puts it into benchmarks/results.md.")


if __name__ == "__main__":
    main()
