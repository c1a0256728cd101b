"""How many images a second go through each engine: through the network alone, and from the file to the runs?

    python benchmarks/engines.py [--data DIR] [--seconds 20] [--rounds 3] [--unet BUNDLE] [--peer PYTHON]

DIR is a data set in the competition's layout, whose classes are those of `models/steel_unet`; its images calibrate
8 bits and tell what an engine costs of `kaggle_dice`, and those that are JPEG are read from the disk again and again to
be timed (what is PNG by its content takes five times as long to decode). Timed are, with images of 256 x 1600 pixels:

- `unet`: a U-Net on ResNet18 at that size, with the weights of BUNDLE, such as `run_all.py -p 04_segmentation.MODEL
  sm_unet` leaves, or with random ones;
- `whole`: `models/steel_unet` at that size;
- `shipped`: `models/steel_unet` as it is, at its own size and with mirror images;
- `once`: the same without mirror images, as `steel predict --once` takes it.

`predict` is what is usual today: `model.predict`, with one batch after the other read, predicted and encoded. The
others go through `helpers.inference.stream`, as `steel predict` does. Each row is timed in a process of its own, one at
a time, in rounds, so that a slow minute meets all of them; medians are stored under `benchmarks/results/`. PYTHON is
the interpreter of the peer's environment (see `benchmarks/peer_unet.py`), which times the same U-Net in PyTorch.
Nothing else should run then.
"""

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy as np
from common import RESULTS, WITH_OURS, machine

from helpers.data.dataset import read_dataset
from helpers.data.images import read_image, scan_images
from helpers.data.resize import resize_image
from helpers.files import read_json, write_json
from helpers.inference.ahead import work_ahead
from helpers.inference.detector import BATCHES_AHEAD, Detector
from helpers.inference.engines import KINDS, open_engine, processor_abilities
from helpers.inference.predict import MIRRORINGS, in_batches, predict_masks
from helpers.inference.stream import detect_in_stream
from helpers.models.bundle_file import taken_once
from helpers.models.versions import Version
from helpers.rle import mask2rle
from helpers.runs import find_data

ROOT = Path(__file__).absolute().parents[1]
SHIPPED = ROOT / "models" / "steel_unet"
SHAPE = (256, 1600)
PREDICT, PEER = "predict", "peer"
BATCH = 8  # images, as is usual for `predict`
NAMES = {
    "unet": "U-Net on ResNet18",
    "whole": "`steel_unet`",
    "shipped": "`steel_unet`, as shipped",
    "once": "`steel_unet`, as shipped, `--once`",
}


class KerasPredict:
    """A Keras model by its `predict`, as most people call it."""

    any_size = True

    def __init__(self, folder):
        from helpers.models.bundle import load_bundle

        self._model, self.bundle = load_bundle(folder)
        self.name = f"Keras {version('keras')}, predict"

    def predict_on_batch(self, batch):
        """Probabilities (n, height, width, classes)."""
        return self._model.predict(batch, batch_size=BATCH, verbose=0)


def time_row(folder, engine, images, seconds):
    """Images a second through an engine: the network alone, and from the file to the runs."""
    if engine == PREDICT:
        opened = KerasPredict(folder)
        bundle = opened.bundle
    else:
        opened, bundle = open_engine(folder, engine)
    paths = sorted(images.iterdir())
    ahead, stream = (0, one_after_the_other) if engine == PREDICT else (BATCHES_AHEAD, in_a_stream)
    network = time_network(opened, bundle, paths, seconds, ahead)
    return {
        "name": opened.name,
        "network_images_per_second": network,
        "images_per_second": count_a_second(stream(opened, bundle, itertools.cycle(paths)), seconds),
    }


def time_network(engine, bundle, paths, seconds, ahead):
    """Images a second through the network alone, all passes of an image together, so many batches at once besides."""
    images = [read_image(path, bundle["channels"]) for path in itertools.islice(itertools.cycle(paths), BATCH)]
    batches = []
    for part in Version.of(bundle).parts:
        shape = tuple(round(side * part.sizes[0]) for side in bundle["input_shape"])
        batch = np.stack([resize_image(image, shape) for image in images]).astype(np.float32) / 255
        batches += [batch] * (1 + len(MIRRORINGS) * part.mirrored)

    def predict_images(images):
        for batch in batches:
            engine.predict_on_batch(batch)
        return images

    def go_on():
        with ThreadPoolExecutor(1 + ahead) as pool:
            yield from itertools.chain.from_iterable(work_ahead(pool, predict_images, itertools.repeat(images), ahead))

    return count_a_second(go_on(), seconds)


def one_after_the_other(engine, bundle, paths):
    """A batch is read, predicted and encoded before the next one: what a loop around `predict` does."""
    for batch in in_batches(paths, BATCH):
        images = [read_image(path, bundle["channels"]) for path in batch]
        for masks in predict_masks(engine, bundle, images, BATCH):
            yield [mask2rle(masks[..., index]) for index in range(masks.shape[-1])]


def in_a_stream(engine, bundle, paths):
    """Read, decided and encoded while the network works."""
    detector = Detector(engine, bundle | {"image_shape": None})  # scaled whole, as `predict` does
    yield from detect_in_stream(detector, paths, lambda path: read_image(path, detector.channels), unreadable=())


def count_a_second(results, seconds):
    """How many results come a second, in whole batches, after two of them; at least as many are counted."""
    for _ in itertools.islice(results, 2 * BATCH):
        pass
    begun = time.perf_counter()
    for number in itertools.count(1):
        next(results)
        taken = time.perf_counter() - begun
        if taken >= seconds and number >= 2 * BATCH and number % BATCH == 0:
            results.close()
            return number / taken


def make_subjects(folder, unet):
    """Bundles to time below a folder; returns dict of subject -> folder."""
    from helpers.models.build import build_model
    from helpers.models.bundle import load_bundle, save_bundle

    def put(name, bundle, weights):
        model = build_model(bundle["architecture"], SHAPE, len(bundle["class_names"]), **bundle["arguments"])
        if weights is not None:
            model.set_weights(weights)
        kept = ("architecture", "arguments", "channels", "class_names", "thresholds", "smallest_masks")
        settings = {key: bundle[key] for key in kept} | {"filled": bundle.get("filled", ())}
        save_bundle(folder / name, model, input_shape=SHAPE, training={}, scores={}, **settings)
        return folder / name

    model, shipped = load_bundle(SHIPPED)
    own = shipped | {"architecture": "sm_unet", "arguments": {"channels": shipped["channels"]}}
    trained, weights = (unet[1], unet[0].get_weights()) if unet else (own, None)
    for name, each in (("shipped", shipped), ("once", taken_once(shipped))):
        (folder / name).mkdir()
        (folder / name / shipped["weights"]).symlink_to(SHIPPED / shipped["weights"])
        write_json(folder / name / "bundle.json", each)
    subjects = {"unet": put("unet", trained, weights), "whole": put("whole", shipped, model.get_weights())}
    return subjects | {name: folder / name for name in ("shipped", "once")}


def link_jpegs(images, folder):
    """Make a folder of links to the files of another that are JPEG by their content; returns it."""
    folder.mkdir()
    scanned = scan_images(images.parent, {"images": images.name})
    for file in scanned.loc[scanned["format"] == "JPEG", "file"]:
        (folder / file).symlink_to((images / file).absolute())
    return folder


def export_all(subjects, data, most_checked):
    """Export every subject to every engine; returns dict of (subject, engine) -> what it costs of kaggle_dice."""
    from helpers.inference.export import export_bundle

    changes = {}
    for subject, folder in subjects.items():
        for to, int8 in (("openvino", False), ("openvino", True), ("onnx", False)):
            made = export_bundle(folder, to, data, int8=int8, most_checked=most_checked)
            print(made, flush=True)
            changes |= {(subject, engine): check for engine, check in made.record["checks"].items()}
    return changes


def run_apart(command):
    """Run a script as a process of its own; returns what it printed last, as JSON."""
    words = [str(word) for word in command]
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=WITH_OURS)
    return json.loads(done.stdout.splitlines()[-1])


def time_all(rows, options, images):
    """Time all rows in rounds; yields dict of row -> list of what each round found, after each of them."""
    found = {row: [] for row in rows}
    for number in range(options.rounds):
        for subject, engine, folder in rows:
            if engine == PEER:
                command = [options.peer, ROOT / "benchmarks" / "peer_engine.py", images, "--seconds", options.seconds]
            else:
                command = [sys.executable, __file__, "--row", folder, engine, "--images-in", images]
                command += ["--seconds", options.seconds]
            timed = run_apart(command)
            found[subject, engine, folder].append(timed)
            print(f"round {number + 1}, {subject}: {timed}", flush=True)
        yield found


def summary(row, rounds, changes, network):
    """What is stored of a row."""
    subject, engine, _ = row
    numbers = {key: [found[key] for found in rounds] for key in ("network_images_per_second", "images_per_second")}
    check = changes.get((subject, engine))
    return {
        "subject": subject,
        "network": network,
        "engine": engine,
        "name": rounds[0]["name"],
        **{key: round(statistics.median(values), 2) for key, values in numbers.items()},
        "least": {key: round(min(values), 2) for key, values in numbers.items()},
        "most": {key: round(max(values), 2) for key, values in numbers.items()},
        "check": check and {key: check[key] for key in ("images", "kaggle_dice_change", "largest_difference")},
    }


def main():
    """Export, time, print and store."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="", metavar="DIR", help="as the series finds it where it isn't named")
    parser.add_argument("--seconds", type=float, default=20, help="each row is timed for so long, twice, a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--checked", type=int, default=200, help="the most images to check an engine on")
    parser.add_argument("--subjects", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument("--unet", type=Path, metavar="BUNDLE", help="a trained sm_unet on ResNet18")
    parser.add_argument("--peer", metavar="PYTHON", help="the peer's interpreter")
    parser.add_argument("--row", nargs=2, metavar=("BUNDLE", "ENGINE"), help=argparse.SUPPRESS)
    parser.add_argument("--images-in", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.row:
        print(json.dumps(time_row(*options.row, options.images_in, options.seconds)))
        return
    data = Path(find_data(options.data, ROOT, make=False))
    name = read_dataset(data).name
    engines = [PREDICT] + [engine for engine, kind in KINDS.items() if kind.needs in ("", *processor_abilities())]
    with tempfile.TemporaryDirectory() as place:
        unet = None
        if options.unet:
            from helpers.models.bundle import load_bundle

            unet = load_bundle(options.unet)
        subjects = make_subjects(Path(place), unet)
        subjects = {subject: subjects[subject] for subject in options.subjects}
        changes = export_all(subjects, data, options.checked)
        rows = [(subject, engine, folder) for subject, folder in subjects.items() for engine in engines]
        rows += [("unet", PEER, "")] if options.peer and "unet" in subjects else []
        result = {
            "engines_on": name,
            **machine(),
            "abilities": list(processor_abilities()),
            "unet_weights": "trained" if options.unet else "random",
            "shipped_weights": read_json(SHIPPED / "bundle.json")["sha256"][:8],
            "shapes": {key: read_json(folder / "bundle.json")["input_shape"] for key, folder in subjects.items()},
            "batch_size": BATCH,
            "seconds": options.seconds,
        }
        images = link_jpegs(data / "train_images", Path(place) / "images")
        for number, found in enumerate(time_all(rows, options, images), start=1):
            timed = [summary(row, rounds, changes, NAMES[row[0]]) for row, rounds in found.items()]
            # After each round, so that a call that is stopped leaves those before.
            write_json(RESULTS / f"engines-{name}.json", result | {"rounds": number, "rows": timed})
    print(f"Written: {RESULTS / f'engines-{name}.json'}. `make readme` puts it into benchmarks/results.md.")


if __name__ == "__main__":
    main()
