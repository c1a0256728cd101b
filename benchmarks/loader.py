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


def is_jpeg(path):
    """Whether the file holds JPEG data, by content."""
    with open(path, "rb") as file:
        return file.read(2) == b"\xff\xd8"


def compare(dataset, image_ids, which):
    """Time both on these images, in turns, and print the ratios."""
    # an epoch of at least so many images, so that what is begun once an epoch doesn't hide what an image takes
    image_ids = image_ids * -(-LEAST // len(image_ids))
    count = num_batches(len(image_ids), BATCH_SIZE)
    usual = UsualGenerator(dataset, image_ids)
    seconds_of((usual[index] for index in range(2)), 2)
    seconds_of(training_batches(dataset, image_ids, SHAPE, BATCH_SIZE), 2)
    seconds = {"usual generator": [], "ours, first epoch": [], "ours, cached on disk": []}
    for _ in range(REPEATS):
        with tempfile.TemporaryDirectory() as folder:
            fresh = training_batches(dataset, image_ids, SHAPE, BATCH_SIZE)
            cached = training_batches(dataset, image_ids, SHAPE, BATCH_SIZE, cache=folder)
            seconds["usual generator"].append(seconds_of((usual[index] for index in range(count)), count))
            seconds["ours, first epoch"].append(seconds_of(fresh, count))
            seconds_of(cached, count)
            seconds["ours, cached on disk"].append(seconds_of(cached, count))
    print(f"{which}: {len(image_ids)} images, medians of {REPEATS} turns")
    for name, taken in seconds.items():
        ratios = [usual / ours for usual, ours in zip(seconds["usual generator"], taken, strict=True)]
        print(
            f"  {name:20s}  {len(image_ids) / statistics.median(taken):8.1f} images a second, "
            f"{statistics.median(ratios):.1f} times ({min(ratios):.1f} to {max(ratios):.1f})"
        )


def main():
    """Time both on all images and on the JPEGs alone, and print what memory an epoch takes."""
    dataset = read_dataset(find_data())
    print(
        f"{dataset.name}: {dataset.shape[0]} x {dataset.shape[1]}, to {SHAPE[0]} x {SHAPE[1]}, batches of {BATCH_SIZE}"
    )
    image_ids = dataset.training_ids
    jpegs = [image_id for image_id in image_ids if is_jpeg(dataset.path(image_id))]
    compare(dataset, image_ids, f"all {len(image_ids)} images")
    if 0 < len(jpegs) < len(image_ids):
        compare(dataset, jpegs, f"the {len(jpegs)} that are JPEGs, as all of the competition's are")
    measure_memory(dataset, image_ids)


def measure_memory(dataset, image_ids):
    """Print the largest memory so far, and after an epoch of ten times as many images."""
    image_ids = image_ids * -(-LEAST // len(image_ids))
    seconds_of(training_batches(dataset, image_ids, SHAPE, BATCH_SIZE), num_batches(len(image_ids), BATCH_SIZE))
    before = peak_memory()
    seconds_of(
        training_batches(dataset, image_ids * 10, SHAPE, BATCH_SIZE), num_batches(10 * len(image_ids), BATCH_SIZE)
    )
    print(
        f"peak memory: {before:.0f} MiB after {len(image_ids)} images, {peak_memory():.0f} MiB after 10 times as many"
    )


if __name__ == "__main__":
    main()
