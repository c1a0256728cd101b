"""A data set in the competition's layout: read, checked, and handed on as one tidy whole."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from helpers.data.images import read_image, read_sizes, scan_images
from helpers.data.problems import ERROR, Problem, problem_table, shorten
from helpers.data.tables import read_labels
from helpers.files import read_json
from helpers.rle import build_masks, mask2rle, rle2mask

COMPETITION_CLASSES = ("class 1", "class 2", "class 3", "class 4")
PARTS = {"train": "train_images", "test": "test_images"}


@dataclass(frozen=True)
class Dataset:
    """Images and labels that can be used, and a list of what can't.

    Attributes:
        directory: where the data lies.
        class_names: a name for each class; class ids count from 1.
        shape: (height, width) in pixels that the most training images have.
        images: table of usable images: image_id, part ("train" or "test"), path, height, width, channels, format,
            sha256.
        labels: table of defects of the usable training images: ImageId, ClassId, EncodedPixels, area, row.
        problems: table of what is wrong: severity, file, row, image_id, problem, mend.
        made_up: whether the data set was made up by the project.
    """

    directory: Path
    class_names: tuple
    shape: tuple
    images: pd.DataFrame
    labels: pd.DataFrame
    problems: pd.DataFrame
    made_up: bool

    @property
    def name(self):
        """The data set's folder name."""
        return self.directory.name

    @property
    def num_classes(self):
        """Number of defect classes."""
        return len(self.class_names)

    @cached_property
    def training_ids(self):
        """Ids of the usable training images, sorted."""
        return self.images.loc[self.images["part"] == "train", "image_id"].tolist()

    @cached_property
    def test_ids(self):
        """Ids of the usable test images, sorted."""
        return self.images.loc[self.images["part"] == "test", "image_id"].tolist()

    @cached_property
    def areas(self):
        """Defect pixels of each training image (index ImageId) and class (columns 1 to n); 0 where there are none."""
        table = self.labels.pivot_table(index="ImageId", columns="ClassId", values="area", aggfunc="sum", fill_value=0)
        classes = range(1, self.num_classes + 1)
        ids = pd.Index(self.training_ids, name="ImageId")
        return table.reindex(index=ids, columns=classes, fill_value=0).astype("int64")

    @cached_property
    def set_aside(self):
        """The errors among the problems: what was left out, and why."""
        return self.problems[self.problems["severity"] == ERROR].reset_index(drop=True)

    @cached_property
    def unusable_test_ids(self):
        """Ids of the files in `test_images/` that were set aside, sorted; a submission needs rows of them, too."""
        of_test = self.set_aside["file"].str.startswith(f"{PARTS['test']}/")
        return sorted(set(self.set_aside.loc[of_test, "image_id"]))

    def runs(self, image_id):
        """Run-length texts of one training image, one for each class; "" where it has none.

        Raises:
            KeyError: there is no usable training image of that id, so that nothing is known of its defects.
        """
        self.path(image_id)
        found = self._runs.get(image_id, {})
        return [found.get(class_id, "") for class_id in range(1, self.num_classes + 1)]

    def masks(self, image_id):
        """Masks of one training image: uint8 (height, width, classes) of 0 and 1."""
        return build_masks(self.runs(image_id), self.shape_of(image_id))

    def shape_of(self, image_id, part="train"):
        """(height, width) of one image in pixels; all images have the same unless `classes.json` allows any size."""
        self.path(image_id, part)
        return self._shapes[part, image_id]

    @cached_property
    def pixels(self):
        """Number of pixels of each training image: Series indexed by image id."""
        training = self.images[self.images["part"] == "train"].set_index("image_id")
        return (training["height"] * training["width"]).rename_axis("ImageId")

    def image(self, image_id, channels=1, part="train"):
        """One image: uint8 (height, width, channels)."""
        return read_image(self.path(image_id, part), channels)

    def path(self, image_id, part="train"):
        """The file of one image.

        Raises:
            KeyError: that part of the data set has no usable image of that id.
        """
        if (part, image_id) not in self._paths:
            raise KeyError(f"{image_id!r} is no usable {part} image of {self.name}. See the list of problems.")
        return self._paths[part, image_id]

    def count_exact_round_trips(self):
        """Decode each label to a mask and encode it again: (number of labels, number that come out the same)."""
        labels = list(zip(self.labels["ImageId"], self.labels["EncodedPixels"], strict=True))
        return len(labels), sum(
            mask2rle(rle2mask(text, self.shape_of(image_id))) == text.strip() for image_id, text in labels
        )

    @cached_property
    def fingerprint(self):
        """SHA-256 over the labels and over name and content of each image, as 64 hexadecimal digits."""
        digest = hashlib.sha256()
        for path in (self.directory / "train.csv", self.directory / "classes.json"):
            digest.update(path.read_bytes() if path.exists() else b"")
        for path, sha256 in zip(self.images["path"], self.images["sha256"], strict=True):
            digest.update(f"{Path(path).parent.name}/{Path(path).name} {sha256}\n".encode())
        return digest.hexdigest()

    @cached_property
    def _runs(self):
        runs = {}
        for row in self.labels.itertuples(index=False):
            runs.setdefault(row.ImageId, {})[row.ClassId] = row.EncodedPixels
        return runs

    @cached_property
    def _paths(self):
        images = self.images
        return dict(zip(zip(images["part"], images["image_id"], strict=True), images["path"], strict=True))

    @cached_property
    def _shapes(self):
        columns = self.images[["part", "image_id", "height", "width"]]
        return {(part, image_id): (height, width) for part, image_id, height, width in columns.itertuples(index=False)}


def read_dataset(directory, index_file=None, *, keep=True):
    """Read a data set in the competition's layout.

    `train.csv` and `train_images/` are needed; `test_images/` may be missing, and so may `classes.json`
    (`{"classes": {"1": "pits", ...}}`), without which the classes are the competition's four. The size of the images
    is the one that most of them have, unless `classes.json` says `"sizes": "any"`. An image that can't be used
    (unreadable, of another size, with a faulty label row) is set aside and listed in `problems`, and never ends the
    reading unless none is left.

    Args:
        directory: the data directory.
        index_file: CSV that keeps what decoding the images found, for the next reading.
        keep: whether that file is written; else it is read alone.

    Returns:
        A `Dataset`.

    Raises:
        FileNotFoundError: the directory, `train.csv` or `train_images/` is missing.
        ValueError: the label file has the wrong columns, or no usable training image is left.
    """
    directory = Path(directory).absolute()
    _check_layout(directory)
    about = _read_classes(directory)
    scanned = scan_images(directory, PARTS, index_file, keep=keep)
    images, shape, problems = _usable_images(directory, scanned, about.any_size)
    training = images[images["part"] == "train"]
    shapes = dict(zip(training["image_id"], zip(training["height"], training["width"], strict=True), strict=True))
    labels, listed, label_problems = read_labels(
        directory / "train.csv", len(about.class_names), shape, list(shapes), shapes
    )
    problems += label_problems
    problems += _rows_without_image(listed, scanned)
    faulty = {problem.image_id for problem in label_problems if problem.severity == ERROR}
    usable = images[(images["part"] == "test") | ~images["image_id"].isin(faulty)].reset_index(drop=True)
    kept = set(usable.loc[usable["part"] == "train", "image_id"])
    if not kept:
        first = f" The first problem: {problems[0]}" if problems else ""
        raise ValueError(f"{directory}: none of {sum(scanned['part'] == 'train')} training images can be used.{first}")
    labels = labels[labels["ImageId"].isin(kept)].reset_index(drop=True)
    return Dataset(directory, about.class_names, shape, usable, labels, problem_table(problems), about.made_up)


def read_test_sizes(directory):
    """Classes and test images of a data set, without its labels and without decoding the images.

    Args:
        directory: the data directory; `test_images/` is needed.

    Returns:
        (class_names, sizes): a name for each class, and a dict of each test image's id to its (height, width) in
        pixels, or to None where the file is no image.

    Raises:
        FileNotFoundError: there is no `test_images/`.
        ValueError: `classes.json` is faulty.
    """
    directory = Path(directory)
    return _read_classes(directory).class_names, read_sizes(directory / PARTS["test"])


def _check_layout(directory):
    """Stop with one line where the directory is not laid out as the competition's."""
    if not directory.is_dir():
        raise FileNotFoundError(
            f"{directory}: there is no such folder. Give the folder that holds train.csv and train_images/."
        )
    for name, kind, found in (("train.csv", "file", Path.is_file), ("train_images", "folder", Path.is_dir)):
        if not found(directory / name):
            held = sorted(path.name for path in directory.iterdir())[:5]
            raise FileNotFoundError(
                f"{directory}: the {kind} {name} is missing (found: {', '.join(held) or 'nothing'}). "
                "Unpack the competition's data there, or give another folder."
            )


@dataclass(frozen=True)
class _About:
    """What `classes.json` tells of a data set."""

    class_names: tuple = COMPETITION_CLASSES
    made_up: bool = False
    any_size: bool = False


def _read_classes(directory):
    """What `classes.json` says, or what holds for the competition's data where there is none."""
    path = directory / "classes.json"
    if not path.exists():
        return _About()
    about = read_json(path)
    classes = about.get("classes") if isinstance(about, dict) else None
    numbers = [str(number + 1) for number in range(len(classes))] if isinstance(classes, dict) else []
    names = tuple(classes.get(number) for number in numbers)
    if not names or not all(isinstance(name, str) and name.strip() for name in names) or len(set(names)) < len(names):
        raise ValueError(
            f'{path}: got {shorten(about)}, expected {{"classes": {{"1": "name", "2": "name", ...}}}}, counted from 1, '
            "each with a name of its own. Mend the file, or delete it for the competition's four classes."
        )
    sizes = about.get("sizes", "same")
    if sizes not in ("same", "any"):
        raise ValueError(f'{path}: sizes is {shorten(sizes)}, expected "same" or "any". Mend the file.')
    return _About(names, bool(about.get("made_up", False)), sizes == "any")


def _usable_images(directory, scanned, any_size):
    """(table of usable images, their shape, problems) from what the scan found."""
    readable = scanned[scanned["problem"] == ""]
    training = readable[readable["part"] == "train"]
    if training.empty:
        raise ValueError(
            f"{directory / PARTS['train']}: found {sum(scanned['part'] == 'train')} files, none of them an image that "
            "can be read. Unpack the images there."
        )
    shape = training.groupby(["height", "width"]).size().idxmax()
    shape = (int(shape[0]), int(shape[1]))
    same_size = (scanned["height"] == shape[0]) & (scanned["width"] == shape[1])
    fits = (scanned["problem"] == "") & (same_size | any_size)
    problems = []
    for image in scanned[~fits].itertuples(index=False):
        text, mend = image.problem, "Replace or remove it; until then it is set aside."
        if not text:
            text = (
                f"the image has {image.height} x {image.width} pixels; expected {shape[0]} x {shape[1]} like the most"
            )
            mend += ' Where sizes differ on purpose, say "sizes": "any" in classes.json.'
        problems.append(Problem(ERROR, f"{PARTS[image.part]}/{image.file}", None, image.file, text, mend))
    usable = scanned[fits]
    paths = [directory / PARTS[image.part] / image.file for image in usable.itertuples(index=False)]
    images = pd.DataFrame(
        {
            "image_id": usable["file"],
            "part": usable["part"],
            "path": paths,
            "height": usable["height"],
            "width": usable["width"],
            "channels": usable["channels"],
            "format": usable["format"],
            "sha256": usable["sha256"],
        }
    )
    return images.sort_values(["part", "image_id"], ignore_index=True), shape, problems


def _rows_without_image(listed, scanned):
    """A Problem for each image that the label file speaks of but that is not there."""
    present = set(scanned.loc[scanned["part"] == "train", "file"])
    return [
        Problem(
            ERROR,
            "train.csv",
            row,
            image_id,
            f"image {shorten(image_id)} is not in {PARTS['train']}/",
            "Add the image, or delete its rows.",
        )
        for image_id, row in listed.items()
        if image_id not in present
    ]
