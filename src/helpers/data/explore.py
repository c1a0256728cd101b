"""What labels and photographs show beyond their counts: components, places, pairs of classes, light."""

import os
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pandas as pd
from tqdm import tqdm

from helpers.components import rle_component_areas
from helpers.data.images import read_image
from helpers.rle import parse_runs

DARK = 15  # grey value up to which a column of pixels counts as margin and not as steel
GRID = (32, 200)  # rows and columns of the map of where defects lie


def class_pairs(areas):
    """How many images have each pair of classes; on the diagonal, each class alone.

    Args:
        areas: table of defect pixels, a row for each image, a column for each class.

    Returns:
        Table of counts, classes by classes.
    """
    present = (areas > 0).to_numpy().astype(int)
    together = present.T @ present
    alone = present[present.sum(axis=1) == 1].sum(axis=0)
    np.fill_diagonal(together, alone)
    return pd.DataFrame(together, index=areas.columns, columns=areas.columns)


def component_areas(labels):
    """The connected components (8-connected) of each label.

    Args:
        labels: table with ImageId, ClassId, EncodedPixels and shape, the (height, width) of the image in pixels.

    Returns:
        Table with ImageId, ClassId and area (pixels), a row for each component.
    """
    found = [
        rle_component_areas(text, shape) for text, shape in zip(labels["EncodedPixels"], labels["shape"], strict=True)
    ]
    counts = [len(areas) for areas in found]
    return pd.DataFrame(
        {
            "ImageId": np.repeat(labels["ImageId"].to_numpy(dtype=object), counts),
            "ClassId": np.repeat(labels["ClassId"].to_numpy(dtype=np.int64), counts),
            "area": np.concatenate([*found, np.zeros(0, np.int64)]).astype(np.int64),
        }
    )


def component_table(components, class_ids):
    """Number and size of the components of each class.

    Returns:
        Table indexed by ClassId: labels, components, components_per_label (mean), median_area, largest_area (pixels).
    """
    by_class = components.groupby("ClassId")
    table = pd.DataFrame(
        {
            "labels": by_class["ImageId"].nunique(),
            "components": by_class.size(),
            "median_area": by_class["area"].median(),
            "largest_area": by_class["area"].max(),
        }
    ).reindex(class_ids)
    table.insert(2, "components_per_label", table["components"] / table["labels"])
    return table.rename_axis("ClassId")


def defect_map(labels, shape, grid=GRID):
    """How often each place of the sheet is marked.

    Args:
        labels: table with EncodedPixels and shape; labels of images of another shape are left out.
        shape: (height, width) of the images in pixels.
        grid: (rows, columns) of the map, at most as many as there are pixels.

    Returns:
        float array of that size: share of the labels that mark a place, averaged over the place's pixels.
    """
    height, width = shape
    changes = np.zeros(height * width + 1)
    count = 0
    for text, own in zip(labels["EncodedPixels"], labels["shape"], strict=True):
        if tuple(own) == tuple(shape):
            starts, lengths = parse_runs(text, shape)
            # No two runs of a label begin or end at the same place.
            changes[starts - 1] += 1
            changes[starts - 1 + lengths] -= 1
            count += 1
    marked = np.cumsum(changes[:-1]).reshape(width, height).T / max(count, 1)
    grid_wh = (min(grid[1], width), min(grid[0], height))
    return cv2.resize(marked, grid_wh, interpolation=cv2.INTER_AREA)


def large_masks(areas, pixels, most=6, share=0.3):
    """Images of which one class covers a suspiciously large share.

    Args:
        areas: table of defect pixels.
        pixels: Series of the number of pixels of each image.
        most: number of images at most.
        share: smallest share that counts as large.

    Returns:
        Table with ImageId, ClassId and share, largest first.
    """
    shares = areas.div(pixels, axis=0).rename_axis(index="ImageId", columns="ClassId").stack().rename("share")
    large = shares[shares >= share].sort_values(ascending=False, kind="stable")
    return large.head(most).reset_index(), len(large)


def describe_light(images, progress=True):
    """Brightness, contrast and dark margins of photographs.

    Args:
        images: table with image_id, part and path.
        progress: whether to show a bar where there are many.

    Returns:
        Table with image_id, part, brightness (mean grey value of the steel, fraction of white), contrast (standard
        deviation of it) and margin (share of the columns that are dark from top to bottom).
    """
    paths = images["path"].tolist()
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        described = list(
            tqdm(
                pool.map(_describe_light, paths),
                total=len(paths),
                desc="Measuring light",
                unit="image",
                disable=not progress or len(paths) < 500,
            )
        )
    light = pd.DataFrame(described, columns=["brightness", "contrast", "margin"])
    return pd.concat([images[["image_id", "part"]].reset_index(drop=True), light], axis=1)


def compare_parts(light):
    """Mean and standard deviation of the light of training and test images, and how far apart they are.

    Returns:
        Table indexed by brightness, contrast and margin: train, test (means) and distance, the difference in standard
        deviations of the training images (Cohen's d with the training deviation).
    """
    means = light.groupby("part")[["brightness", "contrast", "margin"]].mean().T.reindex(columns=["train", "test"])
    deviation = light.loc[light["part"] == "train", ["brightness", "contrast", "margin"]].std()
    return means.assign(distance=(means["test"] - means["train"]) / deviation.replace(0, np.nan))


def _describe_light(path):
    """(brightness, contrast, margin) of one photograph."""
    grey = read_image(path)[..., 0]
    steel = grey.max(axis=0) > DARK
    if not steel.any():
        return 0.0, 0.0, 1.0
    mean, deviation = cv2.meanStdDev(np.ascontiguousarray(grey[:, steel]))
    return float(mean[0, 0]) / 255, float(deviation[0, 0]) / 255, 1 - float(steel.mean())
