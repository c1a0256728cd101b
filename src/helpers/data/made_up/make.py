"""Drawing the planned images, and writing the data set in the competition's layout."""

import os
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from numbers import Integral
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from tqdm import tqdm

from helpers.data.made_up.copies import near_copy
from helpers.data.made_up.defects import CLASSES
from helpers.data.made_up.labels import check_shape, make_sheet
from helpers.data.made_up.plan import TEST, TRAIN, image_name, plan_images
from helpers.data.made_up.textures import FULL_SHAPE
from helpers.data.made_up.workplace import workplace_beside
from helpers.files import write_json
from helpers.rle import mask2rle

FOLDERS = {TRAIN: "train_images", TEST: "test_images"}
JPEG_QUALITY = 90


def draw_image(seed, split, index, plan, shape):
    """Draw one image of the data set. It depends on these arguments alone.

    Args:
        seed: the data set's seed.
        split: `TRAIN` or `TEST`.
        index: the image's index in its split, from 0.
        plan: what `plan_images` says of it.
        shape: (height, width) in pixels.

    Returns:
        image and masks, as from `make_sheet`.
    """
    source = index if plan.origin is None else plan.origin
    image, masks = make_sheet(np.random.default_rng((seed, split, source)), shape, plan.classes)
    if plan.origin is None:
        return image, masks
    return near_copy(np.random.default_rng((seed, split, index)), image, masks)


def make_data(directory, images=200, seed=0, *, shape=FULL_SHAPE, test_images=None, progress=True):
    """Make up a data set in the competition's layout.

    Writes `train_images/*.jpg`, `train.csv` (`ImageId,ClassId,EncodedPixels`: a row for each class that an
    image has, none for an image without a defect), `test_images/*.jpg`, `sample_submission.csv`
    (`ImageId_ClassId,EncodedPixels`: four rows for each test image) and `classes.json`. The same arguments
    give the same bytes in every file, and an image does not depend on how many are made. The files are
    written beside the directory and moved into place at the end, so that a run that is stopped leaves no half
    of a data set. What a killed run left beside the directory is removed.

    Args:
        directory: where to put it; must not exist, or be empty.
        images: number of training images, at least 1.
        seed: 0 or more; another seed gives other images.
        shape: (height, width) of the images in pixels, each at least 32.
        test_images: number of test images, 0 or more; None for a quarter of `images`, at least 4.
        progress: whether to show a progress bar.

    Returns:
        The directory's absolute path.

    Raises:
        FileExistsError: the directory holds something, or is a file.
        ValueError: a number is too small.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     made = make_data(Path(folder) / "steel", 6, shape=(64, 384), progress=False)
        ...     len(list((made / "train_images").iterdir()))
        6
    """
    directory = Path(directory).resolve()
    _check_number("images", images, 1)
    _check_number("seed", seed, 0)
    test_images = max(4, round(images / 4)) if test_images is None else test_images
    _check_number("test_images", test_images, 0)
    check_shape(shape)
    _check_directory(directory)
    directory.parent.mkdir(parents=True, exist_ok=True)
    with workplace_beside(directory) as workplace:
        content = workplace / directory.name  # made by mkdir, so that it gets the user's usual permissions
        _write_all(content, {TRAIN: images, TEST: test_images}, seed, tuple(shape), progress)
        if directory.exists():
            directory.rmdir()
        content.rename(directory)
    return directory


def _check_number(name, value, least):
    """Refuse what is no whole number, or too small."""
    if not isinstance(value, Integral) or value < least:
        raise ValueError(f"{name}={value!r}: expected a whole number, {least} or more. Give {name} another value.")


def _check_directory(directory):
    """Refuse a place that holds something already."""
    if directory.is_dir() and not any(directory.iterdir()):
        return
    if directory.exists():
        what = "a directory that is not empty" if directory.is_dir() else "a file"
        raise FileExistsError(
            f"{directory} is {what}; expected a new or an empty directory, because nothing is overwritten. "
            "Name another directory, or remove this one first."
        )


def _write_all(content, numbers, seed, shape, progress):
    """Write every file of the data set into a new directory."""
    tasks = []
    for split, number in numbers.items():
        (content / FOLDERS[split]).mkdir(parents=True)
        tasks += [(split, index, plan) for index, plan in enumerate(islice(plan_images(seed, split), number))]

    def write(task):
        split, index, plan = task
        image, masks = draw_image(seed, split, index, plan, shape)
        name = image_name(seed, split, index)
        _write_image(content / FOLDERS[split] / name, image)
        return [(name, label, mask2rle(masks[:, :, label - 1])) for label in plan.classes if split == TRAIN]

    # OpenCV and NumPy let go of the interpreter's lock, and an image's randomness is its own, so threads help
    # and their order does not matter.
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        bar = tqdm(pool.map(write, tasks), "made-up sheets", len(tasks), unit="image", disable=not progress)
        rows = sorted(row for found in bar for row in found)
    names = sorted(image_name(seed, TEST, index) for index in range(numbers[TEST]))
    _write_tables(content, rows, names, seed)


def _write_image(path, image):
    """Write a grey image as a JPEG of three equal channels, as the competition's are."""
    colours = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    _, data = cv2.imencode(".jpg", colours, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    path.write_bytes(data.tobytes())


def _write_tables(content, rows, test_names, seed):
    """Write the labels, the empty submission and the names of the classes."""
    labels = pd.DataFrame(rows, columns=["ImageId", "ClassId", "EncodedPixels"])
    labels.to_csv(content / "train.csv", index=False, lineterminator="\n")
    wanted = [(f"{name}_{label}", "1 1") for name in test_names for label in CLASSES]
    submission = pd.DataFrame(wanted, columns=["ImageId_ClassId", "EncodedPixels"])
    submission.to_csv(content / "sample_submission.csv", index=False, lineterminator="\n")
    described = {"name": "made-up steel", "made_up": True, "seed": int(seed), "classes": CLASSES}
    write_json(content / "classes.json", described)
