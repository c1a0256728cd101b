"""How long do decisions take to be tuned: from probabilities to thresholds, smallest masks and holes of each class?

    python benchmarks/tuning.py [--images 1000]

Probabilities of 256 x 1600 pixels and four classes are made up, a few of them again and again, counted at every
threshold with holes as they are and filled, and tuned over the full grid for each measure. The result is stored under
`benchmarks/results/`.
"""

import argparse
import time
from itertools import cycle, islice

import cv2
import numpy as np
from common import RESULTS, machine
from tqdm import tqdm

from helpers.files import write_json
from helpers.inference.ahead import on_all_cores
from helpers.inference.threshold_counts import THRESHOLDS, ThresholdCounts, count_at_thresholds
from helpers.inference.tuning import MEASURES, SIZES, tune_decisions

SHAPE, CLASSES, DIFFERENT = (256, 1600), 4, 50
SHOWN = 0.3  # share of the classes that an image shows


def made_up(seed):
    """(masks, probabilities) of one image: soft blobs of a class that it shows, hardly any of the others."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(SHAPE[0] // 16, SHAPE[1] // 16, CLASSES)).astype(np.float32)
    shown = rng.random(CLASSES) < SHOWN
    soft = cv2.resize(noise, SHAPE[::-1], interpolation=cv2.INTER_CUBIC)
    probabilities = 1 / (1 + np.exp(np.where(shown, 4, 12) - 4 * soft))
    return (probabilities > 0.5).astype(np.uint8), probabilities


def main():
    """Count, tune, print and store."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=1000)
    options = parser.parse_args()
    different = [made_up(seed) for seed in range(DIFFERENT)]
    share = float(np.mean([(probabilities >= THRESHOLDS[0]).mean() for _, probabilities in different]))
    images = islice(cycle(different), options.images)
    begun = time.perf_counter()
    counted = on_all_cores(lambda each: count_at_thresholds(*each, fill=True), images)
    counts = ThresholdCounts.concatenate(tqdm(counted, "Counting", options.images, unit="image", mininterval=1))
    seconds = {"counting": time.perf_counter() - begun}
    for measure in MEASURES:
        begun = time.perf_counter()
        tune_decisions(counts, measure)
        seconds[f"tuning for {measure}"] = time.perf_counter() - begun
    result = {
        "tuned_images": options.images,
        "classes": CLASSES,
        "pixels_above_lowest_threshold": round(share, 4),
        "choices": len(THRESHOLDS) * len(SIZES) * 2,
        "seconds": {name: round(each, 3) for name, each in seconds.items()},
        **machine(),
    }
    print(result)
    write_json(RESULTS / f"tuning-{options.images}.json", result)


if __name__ == "__main__":
    main()
