"""What labels say, without looking at a pixel: counts, shares, and the paper's two tables."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from helpers.data.dataset import Dataset
from helpers.data.problems import shorten
from helpers.data.tables import read_table

PUBLISHED_IMAGES, COMPETITION_CLASSES = 12_568, 4


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
        pixels: pixels in an image.

    Returns:
        Table with the rows mean, std (n - 1), min, 25%, 50%, 75%, max and the columns "classes", "class 1", ...;
        shares are fractions of the image, not per cent.
    """
    shares = (areas / pixels).add_prefix("class ")
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
        pixels: pixels in an image.
        class_names: a name for each class.
        dataset: the `Dataset` where there are photographs, else None.
    """

    name: str
    areas: pd.DataFrame
    pixels: int
    class_names: tuple
    dataset: Dataset | None


def open_labels(run, areas_path="", areas_shape=(256, 1600)):
    """The labels of a run's data set, or of a table of areas alone.

    Args:
        run: the `Run`.
        areas_path: CSV of `read_areas`; "" takes the run's data set.
        areas_shape: (height, width) in pixels of the images that the CSV speaks of.

    Returns:
        `Labels`.

    Raises:
        ValueError: an area is larger than an image of that shape.
    """
    if not areas_path:
        dataset = run.read_dataset()
        height, width = dataset.shape
        return Labels(dataset.name, dataset.areas, height * width, dataset.class_names, dataset)
    areas = read_areas(areas_path)
    pixels = areas_shape[0] * areas_shape[1]
    largest = areas.max(axis=1)
    if largest.max() > pixels:
        raise ValueError(
            f"{areas_path}: image {shorten(largest.idxmax())} has an area of {largest.max()} pixels, more than the "
            f"{areas_shape[0]} x {areas_shape[1]} of an image. Give the shape of these images."
        )
    names = tuple(f"class {number}" for number in areas.columns)
    return Labels(Path(areas_path).name, areas, pixels, names, None)


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


def read_published():
    """The published figures that ours stand beside: source, system, measure, split and value."""
    return pd.read_csv(Path(__file__).with_name("published.csv"))
