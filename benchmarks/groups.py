"""Time the search for copies of images, and how its time grows with their number.

    python benchmarks/groups.py [FOLDER ...] [--images N]

Every file of a folder has to be an image. Without a folder, strips of 256 x 1600 pixels are made up, N of them. CPU
seconds are those of all threads; where other work shares the machine, they tell more than seconds do. Each number of
images is timed in a process of its own, so that the memory is its own too.
"""

import argparse
import math
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from helpers.data.groups import COPY, find_copies, group_images
from helpers.data.images import read_image
from helpers.data.made_up import make_data

FIRST_SIZE = 500
COMPETITION = 12_568  # training images of "Severstal: Steel Defect Detection"
SHAPE = (256, 1600)


def measure(folder, names):
    """Find the copies among some images of a folder, and tell what it took."""
    start, cpu_start = time.perf_counter(), time.process_time()
    pairs = find_copies(names, lambda name: read_image(folder / name), progress=False)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu_start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return {
        "images": len(names),
        "seconds": seconds,
        "cpu": cpu,
        "pairs": len(pairs),
        "groups": group_images(names, pairs).nunique(),
        "copies": group_images(names, pairs[pairs["kind"] == COPY]).nunique(),
        "kinds": dict(sorted(Counter(pairs["kind"]).items())),
        "megabytes": peak / 1e6,
    }


def measure_alone(folder, names):
    """Measure in a fresh process, which starts with no memory of ours."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(measure, folder, names).result()


def print_table(folder):
    """Measure samples of a folder's images that double in size, and all of them; print what each took."""
    names = sorted(entry.name for entry in os.scandir(folder) if entry.is_file() and not entry.name.startswith("."))
    if len(names) < 2:
        raise SystemExit(f"{folder}: got {len(names)} images, expected two at least. Name a folder of images.")
    shape = read_image(folder / names[0]).shape[:2]
    print(f"{folder}: {len(names):,} images; the first has {shape[0]} x {shape[1]} pixels")
    print(f"{'images':>8}{'seconds':>9}{'CPU s':>8}{'images/s':>10}{'pairs':>8}{'groups':>8}{'peak MB':>9}")
    shuffled = np.random.default_rng(0).permutation(names)
    sizes = [FIRST_SIZE * 2**power for power in range(20) if FIRST_SIZE * 2**power < 0.8 * len(names)]
    results = []
    for size in [*sizes, len(names)]:
        results.append(found := measure_alone(folder, shuffled[:size].tolist()))
        print(
            f"{size:>8,}{found['seconds']:>9.1f}{found['cpu']:>8.1f}{size / found['seconds']:>10.0f}"
            f"{found['pairs']:>8,}{found['groups']:>8,}{found['megabytes']:>9.0f}"
        )
    print(f"Of all images: pairs {found['kinds']}; {found['copies']:,} groups where only whole copies count.")
    print_projection(results)


def print_projection(results):
    """Print how the CPU time grows, and what it would be for the competition's images."""
    first, last = results[0], results[-1]
    power = 1.0
    if len(results) > 1:
        power = math.log(last["cpu"] / first["cpu"]) / math.log(last["images"] / first["images"])
        print(f"From {first['images']:,} to {last['images']:,} images CPU time grows as images ** {power:.2f}.")
    cpu = last["cpu"] * (COMPETITION / last["images"]) ** power
    how = "growing on" if len(results) > 1 else "growing in proportion, as there are too few images to tell"
    print(f"{COMPETITION:,} such images, {how}: {cpu:.0f} CPU seconds.\n")


def main():
    """Measure each folder, or made-up strips."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER", help="folders of images")
    parser.add_argument("--images", type=int, default=1000, help="how many to make up where no folder is named")
    arguments = parser.parse_args()
    print(f"{os.cpu_count()} cores", end="")
    print(f", load {os.getloadavg()[0]:.1f} before it starts" if hasattr(os, "getloadavg") else "")
    for folder in arguments.folders:
        if not folder.is_dir():
            parser.error(f"{folder} is not a folder. Expected one that holds images and nothing else.")
        print_table(folder)
    if not arguments.folders:
        with tempfile.TemporaryDirectory() as place:
            made = make_data(Path(place) / "made-up", arguments.images, shape=SHAPE, test_images=0)
            print_table(made / "train_images")


if __name__ == "__main__":
    main()
