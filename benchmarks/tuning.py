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
from helpers.inference.tuning import MEASURES, SIZES, THRESHOLDS, ThresholdCounts, count_at_thresholds, tune_decisions

SHAPE, CLASSES, DIFFERENT = (256, 1600), 4, 50


def made_up(seed):
    """(masks, probabilities) of one image: soft blobs, some of them labelled."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(SHAPE[0] // 16, SHAPE[1] // 16, CLASSES)).astype(np.float32)
    probabilities = 1 / (1 + np.exp(4 - 4 * cv2.resize(noise, SHAPE[::-1], interpolation=cv2.INTER_CUBIC)))
    masks = (probabilities > 0.5).astype(np.uint8) * (rng.random(CLASSES) < 0.2).astype(np.uint8)
    return masks, probabilities


def main():
    """Count, tune, print and store."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=1000)
    options = parser.parse_args()
    images = islice(cycle([made_up(seed) for seed in range(DIFFERENT)]), options.images)
    begun = time.perf_counter()
    counted = [count_at_thresholds(*each, fill=True) for each in tqdm(images, "Counting", options.images, unit="image")]
    counts = ThresholdCounts.concatenate(counted)
    seconds = {"counting": time.perf_counter() - begun}
    for measure in MEASURES:
        begun = time.perf_counter()
        tune_decisions(counts, measure)
        seconds[f"tuning for {measure}"] = time.perf_counter() - begun
    result = {
        "tuned_images": options.images,
        "classes": CLASSES,
        "choices": len(THRESHOLDS) * len(SIZES) * 2,
        "seconds": {name: round(each, 2) for name, each in seconds.items()},
        **machine(),
    }
    print(result)
    write_json(RESULTS / f"tuning-{options.images}.json", result)


if __name__ == "__main__":
    main()
