"""All images of a data set as one table, each with a key by which the browser asks for it."""

import hashlib
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from helpers.dashboard.dates import Dates, find_dates
from helpers.data.dataset import Dataset
from helpers.inference.submission import read_submission

TRAIN, TEST = "train", "test"
UNSPLIT = "labelled"  # the split of training images where no run split them
KEY = 16  # hexadecimal digits


@dataclass(frozen=True, eq=False)
class Catalogue:
    """The images of a data set, in the order of `Dataset.images`.

    Attributes:
        dataset: the `Dataset`.
        dates: the `Dates` of the images.
        table: key, part, image_id, split, taken, height, width and format; a row for each image.
        areas: int64 array (images, classes) of true defect pixels; 0 for test images, of which nothing is known.
        test_runs: dict of test image id -> list of run-length texts, one for each class, as the run's submission has
            them; empty without one.
        notes: sentences on what could not be shown.
    """

    dataset: Dataset
    dates: Dates
    table: pd.DataFrame
    areas: np.ndarray
    test_runs: dict = field(repr=False)
    notes: tuple = ()

    @property
    def class_names(self):
        """A name for each class."""
        return self.dataset.class_names

    @cached_property
    def rows(self):
        """Rows by key: dict of key -> row of the table."""
        return dict(zip(self.table["key"], range(len(self.table)), strict=True))

    @cached_property
    def pixels(self):
        """Pixels of each image, int64 array (images,)."""
        return (self.table["height"] * self.table["width"]).to_numpy("int64")

    @cached_property
    def labelled(self):
        """Which images have labels, bool array (images,)."""
        return (self.table["part"] == TRAIN).to_numpy()

    @cached_property
    def test_areas(self):
        """Pixels that the run's submission marks on test images, int64 array (images, classes); else 0."""
        found = np.zeros_like(self.areas)
        for row in np.flatnonzero(~self.labelled):
            texts = self.test_runs.get(self.table["image_id"].iat[row], ())
            found[row] = [sum(map(int, text.split()[1::2])) for text in texts] if texts else 0
        return found

    def image_of(self, row):
        """(part, image id) of a row."""
        return self.table["part"].iat[row], self.table["image_id"].iat[row]

    def path_of(self, row):
        """The file of a row's image."""
        part, image_id = self.image_of(row)
        return self.dataset.path(image_id, part)

    def row_of(self, part, image_id):
        """The row of an image; None where the data set has no such usable image."""
        return self.rows.get(self._keys.get((part, image_id)))

    @cached_property
    def _keys(self):
        named = zip(self.table["part"], self.table["image_id"], strict=True)
        return dict(zip(named, self.table["key"], strict=True))


def make_catalogue(places):
    """The table of all images of the dashboard's data set.

    Args:
        places: `Places`.

    Returns:
        `Catalogue`.
    """
    dataset, images = places.dataset, places.dataset.images
    dates = find_dates(dataset, places.home / "exif.csv")
    table = pd.DataFrame(
        {
            "key": [image_key(*named) for named in images[["part", "image_id", "sha256"]].itertuples(index=False)],
            "part": images["part"].astype("str"),
            "image_id": images["image_id"].astype("str"),
            "split": _splits(places),
            "taken": dates.taken,
            "height": images["height"],
            "width": images["width"],
            "format": images["format"],
        }
    )
    areas = np.zeros((len(table), dataset.num_classes), np.int64)
    areas[(table["part"] == TRAIN).to_numpy()] = dataset.areas.to_numpy()
    runs, notes = _read_test_runs(places)
    return Catalogue(dataset, dates, table, areas, runs, (*dates.notes, *notes))


def image_key(part, image_id, sha256):
    """A name for an image in addresses: it tells nothing, needs no escape, and changes with the image's content."""
    return hashlib.sha256(f"{part}\0{image_id}\0{sha256}".encode()).hexdigest()[:KEY]


def _splits(places):
    """The split of each image."""
    images = places.dataset.images
    path = None if places.run is None else places.run.directory / "split.csv"
    known = {}
    if path is not None and path.is_file():
        split = pd.read_csv(path, dtype=str)
        known = dict(zip(split["image_id"], split["split"], strict=True))
    named = zip(images["part"], images["image_id"], strict=True)
    return [TEST if part == TEST else known.get(image_id, UNSPLIT) for part, image_id in named]


def _read_test_runs(places):
    """(dict of test image id -> its texts, notes) of the run's submission."""
    dataset = places.dataset
    path = None if places.run is None else places.run.directory / "submission.csv"
    if path is None or not path.is_file() or not dataset.test_ids:
        return {}, ()
    try:
        table = read_submission(path, largest_shape(dataset))
    except (ValueError, OSError) as error:
        return {}, (f"The run's submission is not shown: {error}",)
    found = {image_id: [""] * dataset.num_classes for image_id in dataset.test_ids}
    for image_id, class_id, text in table[["ImageId", "ClassId", "EncodedPixels"]].itertuples(index=False):
        if image_id in found and class_id <= dataset.num_classes:
            found[image_id][class_id - 1] = text
    return found, ()


def largest_shape(dataset):
    """(height, width) of the largest image: what runs are checked against, where sizes differ."""
    images = dataset.images
    row = (images["height"] * images["width"]).idxmax()
    return int(images["height"][row]), int(images["width"][row])
