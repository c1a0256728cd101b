"""What labels say, without looking at a pixel: counts, shares, and the paper's two tables."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from helpers.data.dataset import Dataset
from helpers.data.problems import shorten
from helpers.data.tables import read_labels, read_table

PUBLISHED_IMAGES, COMPETITION_CLASSES = 12_568, 4
MOST_CLASSES = 255  # where nothing tells how many classes there are
RUN_COLUMNS = ["ImageId", "ClassId", "EncodedPixels", "shape"]


def read_areas(path, num_classes=None):
    """Read a table of defect areas: `ImageId,area_1,area_2,...`, in pixels, a row for each image.

    Args:
        path: CSV file.
        num_classes: number of area columns expected; None takes what is there.

    Returns:
        Table indexed by ImageId with the columns 1 to n, as `Dataset.areas`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: other columns, no row, an image twice, or an area that is no whole number of 0 or more; names the
            row.
    """
    path = Path(path)
    table = read_table(path)
    columns = [column for column in table.columns if column not in ("ImageId", "row")]
    expected = [f"area_{number}" for number in range(1, (num_classes or len(columns)) + 1)]
    if "ImageId" not in table.columns or columns != expected or not columns:
        raise ValueError(
            f"{path}: found the columns {shorten(','.join(table.columns.drop('row')))}; "
            f"expected ImageId,{','.join(expected) or 'area_1,...'}. Rename or reorder the columns."
        )
    if table.empty:
        raise ValueError(f"{path}: there is a header alone; expected a row for each image. Copy it again.")
    for column in columns:
        wrong = table[~table[column].str.fullmatch(r"[0-9]{1,15}")]
        if len(wrong):
            raise ValueError(
                f"{path}: row {wrong['row'].iloc[0]}: {column} is {shorten(wrong[column].iloc[0])}; "
                "expected a whole number of pixels, 0 or more. Correct the row."
            )
    twice = table[table["ImageId"].duplicated()]
    if len(twice):
        raise ValueError(
            f"{path}: row {twice['row'].iloc[0]}: image {shorten(twice['ImageId'].iloc[0])} stands there a "
            "second time. Delete one of the rows."
        )
    areas = table.set_index("ImageId")[columns].astype("int64")
    return areas.set_axis(range(1, len(columns) + 1), axis=1)


def label_table(areas):
    """The paper's Table 1: ImageId, ClassId and hasMask, a row for each image and class."""
    table = (areas > 0).rename_axis(columns="ClassId").stack().rename("hasMask").reset_index()
    return table.astype({"ClassId": "int64"})


def area_statistics(areas, pixels):
    """The paper's Table 2: number of classes an image has, and share of its pixels that each class covers.

    Args:
        areas: table of defect pixels, a row for each image, a column for each class.
        pixels: pixels in an image, or Series of them by image id where they differ.

    Returns:
        Table with the rows mean, std (n - 1), min, 25%, 50%, 75%, max and the columns "classes", "class 1", ...;
        shares are fractions of the image, not per cent.
    """
    shares = areas.div(pixels, axis=0).add_prefix("class ")
    shares.insert(0, "classes", (areas > 0).sum(axis=1))
    return shares.describe().drop("count")


def class_counts(areas):
    """Number of images with each class, and their share of the images that have a defect.

    Returns:
        Table indexed by class id with the columns images and share.
    """
    images = (areas > 0).sum().rename("images")
    defective = int((areas > 0).any(axis=1).sum())
    return pd.DataFrame({"images": images, "share": images / max(defective, 1)}).rename_axis("ClassId")


def classes_per_image(areas):
    """Number of images with no class, one, two and so on: Series indexed by the number of classes."""
    return (areas > 0).sum(axis=1).value_counts().sort_index().rename_axis("classes").rename("images")


@dataclass(frozen=True)
class Labels:
    """Labels to explore, with their photographs or without.

    Attributes:
        name: of the data set or file.
        areas: table of defect pixels, indexed by ImageId, a column for each class id.
        pixels: Series of the number of pixels of each image, by ImageId.
        class_names: a name for each class.
        runs: table with ImageId, ClassId, EncodedPixels and shape, (height, width); empty where runs are not known.
        complete: whether an image without a label is known to be free of defects.
        dataset: the `Dataset` where there are photographs, else None.
    """

    name: str
    areas: pd.DataFrame
    pixels: pd.Series
    class_names: tuple
    runs: pd.DataFrame
    complete: bool
    dataset: Dataset | None


def open_labels(run, areas_path="", runs_path="", shape=(256, 1600)):
    """The labels of a run's data set, or of tables alone.

    Args:
        run: the `Run`.
        areas_path: CSV of `read_areas`, which has a row for every image, also for those without a defect.
        runs_path: label file with `EncodedPixels`, perhaps of a part of the images only: an image that it doesn't
            speak of is not taken to be free of defects.
        shape: (height, width) in pixels of the images that the two files speak of.

    Returns:
        `Labels`: of the run's data set where both paths are "".

    Raises:
        ValueError: a file is faulty, an area is larger than an image, or the two files disagree; names the place.
    """
    if not areas_path and not runs_path:
        dataset = run.read_dataset()
        runs = dataset.labels[["ImageId", "ClassId", "EncodedPixels"]]
        runs = runs.assign(shape=[dataset.shape_of(image_id) for image_id in runs["ImageId"]])
        return Labels(dataset.name, dataset.areas, dataset.pixels, dataset.class_names, runs, True, dataset)
    areas = _read_fitting_areas(areas_path, shape) if areas_path else None
    runs = _read_runs(runs_path, shape, areas) if runs_path else pd.DataFrame(columns=RUN_COLUMNS)
    if areas is None:
        areas = runs.pivot_table(index="ImageId", columns="ClassId", values="area", aggfunc="sum", fill_value=0)
        areas = areas.reindex(columns=range(1, runs["ClassId"].max() + 1), fill_value=0)
    names = tuple(f"class {number}" for number in areas.columns)
    pixels = pd.Series(shape[0] * shape[1], index=areas.index)
    name = " and ".join(Path(path).name for path in (areas_path, runs_path) if path)
    return Labels(name, areas, pixels, names, runs[RUN_COLUMNS], bool(areas_path), None)


def _read_fitting_areas(path, shape):
    """A table of areas of which none is larger than an image."""
    areas = read_areas(path)
    largest = areas.max(axis=1)
    if largest.max() > shape[0] * shape[1]:
        raise ValueError(
            f"{path}: image {shorten(largest.idxmax())} has an area of {largest.max()} pixels, more than the "
            f"{shape[0]} x {shape[1]} of an image. Give the shape of these images."
        )
    return areas


def _read_runs(path, shape, areas):
    """The rows of a label file, each sound and, where areas are known, of the area that stands there."""
    runs, _, problems = read_labels(path, MOST_CLASSES if areas is None else len(areas.columns), shape)
    if problems:
        raise ValueError(str(problems[0]))
    if runs.empty:
        raise ValueError(f"{path}: no row has a defect; expected at least one. Choose another file.")
    if areas is not None:
        known = areas.rename_axis(columns="ClassId").stack()
        expected = known.reindex(pd.MultiIndex.from_frame(runs[["ImageId", "ClassId"]])).to_numpy()
        wrong = runs[expected != runs["area"].to_numpy()]
        if len(wrong):
            first = wrong.iloc[0]
            raise ValueError(
                f"{path}: row {first['row']}: class {first['ClassId']} of image {shorten(first['ImageId'])} has "
                f"{first['area']} pixels, another number than in the table of areas. Are both of the same data?"
            )
    return runs.assign(shape=[tuple(shape)] * len(runs))


def choose_examples(areas, class_names):
    """Images to show: for each class the one of median area, one with the most classes, and one without a defect.

    Returns:
        dict of what the image shows -> image id; classes that no image has are left out.
    """
    number = (areas > 0).sum(axis=1)
    examples = {}
    for class_id, name in zip(areas.columns, class_names, strict=True):
        alone = areas[(areas[class_id] > 0) & (number == 1)]
        candidates = (alone if len(alone) else areas[areas[class_id] > 0])[class_id].sort_values(kind="stable")
        if len(candidates):
            examples[name] = candidates.index[len(candidates) // 2]
    if number.max() > 1:
        examples["several classes"] = number.idxmax()
    if number.min() == 0:
        examples["no defect"] = number.idxmin()
    return examples


def check_against_published(areas, pixels):
    """Counts and the paper's Table 2 here, beside the published ones of the competition's full training set.

    Args:
        areas: table of defect pixels.
        pixels: pixels in an image.

    Returns:
        Table with measure, published, here and difference; None where this is another set than the full one.
    """
    if len(areas) != PUBLISHED_IMAGES or len(areas.columns) != COMPETITION_CLASSES:
        return None
    published = read_published()
    published = published[published["system"] == "training set"].set_index("measure")["value"]
    per_image, counts = classes_per_image(areas), class_counts(areas)["images"]
    statistics = area_statistics(areas, pixels)
    here = {"images": len(areas)}
    here |= {f"images with {number} classes": per_image.get(number, 0) for number in range(4)}
    here |= {f"images with class {class_id}": counts[class_id] for class_id in counts.index}
    here |= {f"{column}, {row}": value for column in statistics for row, value in statistics[column].items()}
    table = pd.DataFrame({"published": published, "here": pd.Series(here, dtype=float)}).loc[published.index]
    table["difference"] = (table["here"].round(6) - table["published"]).round(9)
    return table.rename_axis("measure").reset_index()


def check_claims(areas, pixels):
    """What publications say of the competition's training set, and what its labels say.

    Args:
        areas: table of defect pixels.
        pixels: pixels of each image.

    Returns:
        Table with claim, claimed, here and what it is; None where this is another set than the full one.
    """
    if len(areas) != PUBLISHED_IMAGES or len(areas.columns) != COMPETITION_CLASSES:
        return None
    published = read_published()
    claims = published[published["system"] == "claim"].set_index("measure")["value"]
    present = areas > 0
    defective = int(present.any(axis=1).sum())
    shares = areas.div(pixels, axis=0).where(present).stack()
    here = {
        "training images": (len(areas), "a round number"),
        "defective images": (defective, f"label rows are {int(present.to_numpy().sum()):,}; images are fewer"),
        "share of defects that are of class 3": (
            present[3].sum() / present.to_numpy().sum(),
            f"of label rows; {present[3].sum() / defective:.1%} of the defective images have it",
        ),
        "usual area of a defect, per cent of the image, lower end": (
            100 * shares.quantile(0.25), "fractions were read as per cent: lower quartile of the labelled areas"
        ),
        "usual area of a defect, per cent of the image, upper end": (
            100 * shares.quantile(0.75), "fractions were read as per cent: upper quartile of the labelled areas"
        ),
    }  # fmt: skip
    competition = published[published["system"] == "competition"].set_index("measure")["value"]
    classifier = published[published["system"] == "classifier B"].set_index("measure")["value"]
    for claim in ("test images (public part)", "test images (a second reference)"):
        here[claim] = (competition["test images"], "images of the competition's test set, by its own description")
    rows = [
        {"claim": claim, "claimed": claims[claim], "here": value, "what it is": what}
        for claim, (value, what) in here.items()
    ]
    rejected = (1 - classifier["recall of normal sheets"]) * classifier["normal sheets"]
    rows.append(
        {
            "claim": "recall of normal sheets (classifier B)",
            "claimed": classifier["recall of normal sheets"],
            "here": rejected,
            "what it is": f"good sheets that it throws away, of {classifier['normal sheets']:,.0f}",
        }
    )
    return pd.DataFrame(rows)


def read_published():
    """The published figures that ours stand beside: source, system, measure, split and value."""
    return pd.read_csv(Path(__file__).with_name("published.csv"))
