"""Images a second of our input pipeline beside the usual generator, in one run: python benchmarks/loader.py [DATA]."""

import os
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from helpers.data.dataset import read_dataset
from helpers.data.made_up import make_data
from helpers.models.batches import num_batches, training_batches

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import keras

ROOT = Path(__file__).absolute().parents[1]
SHAPE, BATCH_SIZE, REPEATS, LEAST = (128, 800), 8, 5, 1000


class UsualGenerator(keras.utils.PyDataset):
    """What notebooks on this data use: one thread, colour images, full-size masks from text, cv2.resize."""

    def __init__(self, dataset, image_ids):
        super().__init__()
        self.dataset, self.image_ids = dataset, image_ids

    def __len__(self):
        """Batches of an epoch."""
        return num_batches(len(self.image_ids), BATCH_SIZE)

    def __getitem__(self, index):
        """One batch."""
        chosen = self.image_ids[index * BATCH_SIZE : (index + 1) * BATCH_SIZE]
        images = np.empty((len(chosen), *SHAPE, 3), np.float32)
        masks = np.empty((len(chosen), *SHAPE, self.dataset.num_classes), np.float32)
        size = (SHAPE[1], SHAPE[0])
        for place, image_id in enumerate(chosen):
            images[place] = cv2.resize(cv2.imread(str(self.dataset.path(image_id))), size) / 255
            for number, text in enumerate(self.dataset.runs(image_id)):
                masks[place, ..., number] = cv2.resize(self.decode(text), size)
        return images, masks

    def decode(self, text):
        """A mask from its run-length text, run by run."""
        height, width = self.dataset.shape
        mask = np.zeros(height * width, dtype=np.uint8)
        numbers = text.split()
        for start, length in zip(numbers[0::2], numbers[1::2], strict=True):
            mask[int(start) - 1 : int(start) - 1 + int(length)] = 1
        return mask.reshape(width, height).T


def seconds_of(batches, count):
    """Seconds that so many batches take."""
    started = time.perf_counter()
    for number, _ in enumerate(batches, start=1):
        if number == count:
            break
    return time.perf_counter() - started


def peak_memory():
    """Largest memory of this process so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def find_data():
    """The data directory: the one given, $SEVERSTAL_DIR, the sample beside the project, or made-up sheets."""
    places = [*sys.argv[1:2], os.environ.get("SEVERSTAL_DIR", ""), ROOT.parent / "shared" / "severstal"]
    for place in places:
        if place and (Path(place) / "train.csv").exists():
            return Path(place)
    print("No data found: making up 120 sheets.")
    return make_data(Path(tempfile.mkdtemp()) / "sheets", 120)


def main():
    """Time both, in turns, and print the ratio."""
    dataset = read_dataset(find_data())
    # an epoch of at least so many images, so that what is begun once an epoch doesn't hide what an image takes
    image_ids = dataset.training_ids * -(-LEAST // len(dataset.training_ids))
    count = num_batches(len(image_ids), BATCH_SIZE)
    usual = UsualGenerator(dataset, image_ids)
    seconds_of((usual[index] for index in range(2)), 2)
    seconds_of(training_batches(dataset, image_ids, SHAPE, BATCH_SIZE), 2)
    ratios, cached_ratios, speeds = [], [], []
    for _ in range(REPEATS):
        slow = seconds_of((usual[index] for index in range(count)), count)
        quick = seconds_of(training_batches(dataset, image_ids, SHAPE, BATCH_SIZE), count)
        with tempfile.TemporaryDirectory() as folder:
            seconds_of(training_batches(dataset, image_ids, SHAPE, BATCH_SIZE, cache=folder), count)
            kept = seconds_of(training_batches(dataset, image_ids, SHAPE, BATCH_SIZE, cache=folder), count)
        ratios.append(slow / quick)
        cached_ratios.append(slow / kept)
        speeds.append([len(image_ids) / seconds for seconds in (slow, quick, kept)])
    medians = [statistics.median(column) for column in zip(*speeds, strict=True)]
    print(
        f"{dataset.name}: {len(image_ids)} images of {dataset.shape[0]} x {dataset.shape[1]}, "
        f"to {SHAPE[0]} x {SHAPE[1]}; medians of {REPEATS} turns"
    )
    print(f"  usual generator       {medians[0]:8.1f} images a second")
    print(
        f"  ours, first epoch     {medians[1]:8.1f} images a second, {statistics.median(ratios):.1f} times "
        f"({min(ratios):.1f} to {max(ratios):.1f})"
    )
    print(
        f"  ours, cached on disk  {medians[2]:8.1f} images a second, {statistics.median(cached_ratios):.1f} times "
        f"({min(cached_ratios):.1f} to {max(cached_ratios):.1f})"
    )
    before = peak_memory()
    seconds_of(training_batches(dataset, image_ids * 10, SHAPE, BATCH_SIZE), 10 * count)
    print(
        f"  peak memory           {before:8.0f} MiB after {len(image_ids)} images, {peak_memory():.0f} MiB after "
        f"{10 * len(image_ids)} more in one epoch"
    )


if __name__ == "__main__":
    main()
